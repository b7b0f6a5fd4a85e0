"""Front-ends: from noisy audio to enhanced audio. One a file; the file's name is the registered name."""

from collections.abc import Mapping
from typing import Any

from benchmark import registry
from benchmark.contracts import FrontEnd
from benchmark.frontends.adapters.module import ModuleAdapter
from benchmark.options import bind, named, reported


def build_front_end(entry: str | Mapping[str, Any]) -> FrontEnd:
    """Build a front-end from "name", {"name": options} or {"path/to/file.py:Class": options}.

    A class that is a plain `torch.nn.Module` from audio to audio is wrapped by `adapters/module`. Raises EarmarkError for unknown names and options, and
    where the constructor fails.
    """
    name, options = named("front-end", entry)
    cls = registry.load("front_ends", name)
    config = bind(name, cls, options)
    with reported(name):
        module = cls(**config)
    return module if isinstance(module, FrontEnd) else ModuleAdapter(module)
