"""Front-ends: from noisy audio to enhanced audio. One a file; the file's name is the registered name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from benchmark import registry
from benchmark.contracts import FrontEnd
from benchmark.frontends._composite import front_ends, inherit_flags, learned_elsewhere
from benchmark.frontends.adapters.module import ModuleAdapter
from benchmark.options import bind, named, reported

__all__ = ["as_front_end", "build_front_end", "entry_of", "front_ends", "learned_elsewhere"]


def entry_of(text: str, options: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The recipe entry for a front-end that is named on the command line.

    Args:
        text: a registered name, path/to/file.py:Class, path/to/model.onnx, or speechbrain:FOLDER_OR_NAME
        options: of the front-end's constructor
    """
    given = dict(options or {})
    if text.endswith(".onnx"):
        return {"adapters/onnx": {"path": str(Path(text).expanduser().resolve()), **given}}
    if text.startswith("speechbrain:"):
        source = text.partition(":")[2]
        folder = Path(source).expanduser()
        return {"adapters/speechbrain": {"source": str(folder.resolve()) if folder.is_dir() else source, **given}}
    path, separator, name = text.rpartition(":")
    return {f"{Path(path).expanduser().resolve()}:{name}" if separator and path.endswith(".py") else text: given}


def build_front_end(entry: str | Mapping[str, Any]) -> FrontEnd:
    """Build a front-end from "name", {"name": options} or {"path/to/file.py:Class": options}.

    A plain `torch.nn.Module` from audio to audio is wrapped by `adapters/module`.

    Raises:
        EarmarkError: the name or an option is unknown, or the constructor fails
    """
    name, options = named("front-end", entry)
    cls = registry.load("front_ends", name)
    config = bind(name, cls, options)
    with reported(name):
        module = cls(**config)
    return as_front_end(module)


def as_front_end(module: nn.Module) -> FrontEnd:
    """A module as a front-end, wrapped by `adapters/module` if it is none, with the flags of all modules inside.

    A front-end that contains one which is `dropped_in_only`, `opaque` or `exported` is so too, whatever its class says.
    """
    return inherit_flags(module if isinstance(module, FrontEnd) else ModuleAdapter(module))
