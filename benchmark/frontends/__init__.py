"""Front-ends: from noisy audio to enhanced audio. One a file; the file's name is the registered name."""

from collections.abc import Mapping
from typing import Any

from benchmark import registry
from benchmark.contracts import FrontEnd
from benchmark.errors import EarmarkError
from benchmark.frontends.adapters.module import ModuleAdapter
from benchmark.options import bind


def build_front_end(entry: str | Mapping[str, Any]) -> FrontEnd:
    """Build a front-end from "name", {"name": options} or {"path/to/file.py:Class": options}.

    A class that is a plain `torch.nn.Module` from audio to audio is wrapped by `adapters/module`. Raises EarmarkError for unknown names and options.
    """
    if isinstance(entry, str):
        entry = {entry: {}}
    if len(entry) != 1:
        raise EarmarkError(f"front-end {dict(entry)}: more than one name; write a registered name, or {{name: options}}")
    name, options = next(iter(entry.items()))
    cls = registry.load("front_ends", name)
    module = cls(**bind(name, cls, options or {}))
    return module if isinstance(module, FrontEnd) else ModuleAdapter(module)
