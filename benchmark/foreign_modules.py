"""Imports of a user's own file: in a namespace of its own, where the modules beside it come before all others.

Two repositories that each have a utils.py get each its own, and a neighbour that is called like a module of the suite,
or of a package, is what the file's own imports find; nobody else's imports do.
"""

import builtins
import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

PREFIX = "earmark_user_"
SUITE = Path(__file__).resolve().parent.parent
_importable = {Path(folder).resolve() for folder in sys.path if folder}  # whose modules anyone's imports find
_roots: dict[str, Path] = {}  # the folder of each namespace


def import_file(path: Path) -> ModuleType:
    """The module in a file, imported once. Raises what the import raises."""
    if _Finder not in map(type, sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    root = _root(path)
    space = PREFIX + hashlib.sha256(str(root).encode()).hexdigest()[:12]
    _roots[space] = root
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))  # for imports that only run later, by name
    importlib.invalidate_caches()
    return importlib.import_module(".".join((space, *path.relative_to(root).with_suffix("").parts)))


def neighbour(folder: Path, name: str) -> Path | None:
    """The module or package `name` beside a file in `folder`: its own folder, or that of the package it is part of."""
    for place in dict.fromkeys((_root(folder / "_"), folder)):
        if place in _importable or (place == SUITE and name in ("benchmark", "tasks")):
            continue
        for file in (place / name / "__init__.py", place / f"{name}.py"):
            if file.is_file():
                return file
        # A folder without __init__.py comes last, as it does for Python.
        if (place / name).is_dir() and any((place / name).glob("*.py")) and not _importable_elsewhere(name):
            return place / name
    return None


def _importable_elsewhere(name: str) -> bool:
    if name in sys.builtin_module_names or PathFinder.find_spec(name, [str(folder) for folder in _importable]):
        return True
    others = (finder for finder in sys.meta_path if finder is not PathFinder and not isinstance(finder, _Finder))
    return any(finder.find_spec(name, None) is not None for finder in others)


def _root(path: Path) -> Path:
    """The folder that a file's package lies in; its own folder if it is in none."""
    return next((folder for folder in path.parents if not (folder / "__init__.py").is_file()), path.parent)


class _Finder(MetaPathFinder):
    """Finds the modules of namespaces."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        space, *parts = name.split(".")
        if space not in _roots:
            return None
        stem = _roots[space].joinpath(*parts)
        package = stem / "__init__.py"
        for file in (package, stem.parent / f"{stem.name}.py") if parts else ():
            if file.is_file():
                folders = [str(stem)] if file is package else None
                return importlib.util.spec_from_file_location(
                    name, file, loader=_Loader(name, str(file)), submodule_search_locations=folders
                )
        if not stem.is_dir():
            return None
        spec = ModuleSpec(name, None, is_package=True)  # a folder without __init__.py
        spec.submodule_search_locations = [str(stem)]
        return spec


class _Loader(SourceFileLoader):
    """Runs a module whose import statements look beside it first."""

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["__builtins__"] = {**vars(builtins), "__import__": _import}
        super().exec_module(module)


def _import(
    name: str,
    globals: Mapping[str, Any] | None = None,
    locals: Mapping[str, Any] | None = None,
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> ModuleType:
    own = (globals or {}).get("__name__", "")
    space = own.partition(".")[0]
    file = (globals or {}).get("__file__")
    top = name.partition(".")[0]
    found = neighbour(Path(file).parent, top) if level == 0 and space in _roots and file else None
    if found is None:
        return builtins.__import__(name, globals, locals, fromlist or (), level)
    stem = found.parent if found.name == "__init__.py" else found.with_suffix("")
    start = ".".join((space, *stem.relative_to(_roots[space]).parts))
    module = importlib.import_module(start + name[len(top) :])
    if not fromlist:
        return sys.modules[start]
    for part in fromlist:  # modules of a package, as `from package import module` brings in
        if part != "*" and not hasattr(module, part) and hasattr(module, "__path__"):
            try:
                importlib.import_module(f"{module.__name__}.{part}")
            except ModuleNotFoundError as error:
                if error.name != f"{module.__name__}.{part}":
                    raise
    return module
