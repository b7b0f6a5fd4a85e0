"""Digests of the code that components compute with, and of the files that they are given.

Stored results carry them: a result that other code or other files made is never taken for one of today's.

The suite's code is followed by names: from a class to every definition that it names, wherever that lies, and on from
there. Import statements only say where a definition lies; neither they nor the names of modules and files are part of a
digest, so that moving code does not change it. Of a user's own file all code counts, and all of the modules that it
imports from its own package or from beside it. Other packages are not followed; what is used of them counts by name.
"""

import hashlib
import inspect
import os
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib.util import decode_source
from pathlib import Path
from textwrap import shorten
from types import ModuleType
from typing import Any, NamedTuple

from torch import nn

from benchmark.errors import EarmarkError
from benchmark.foreign_modules import neighbour
from benchmark.source_code import Imports, Module, Names, Origin, Statement, parsed
from benchmark.store import digest

ROOT = Path(__file__).resolve().parent.parent
SUITE = ("benchmark", "tasks")
# Files of benchmark/ that are not followed. Every component uses them; if they counted, a new error message would make
# all stored results unusable. PROTOCOL is raised instead when a change in them changes results.
ENGINE = ("contracts.py", "errors.py", "options.py", "registry.py")
LIBRARIES = ("torch", "torchaudio", "lightning", "speechbrain")


def source_digest(component: Any, package: str | None = None) -> str:
    """Digest of the code that a class, function or module computes with.

    It is blind to comments, layout, docstrings and imports, and to where modules lie and what they are called.

    Args:
        package: an installed package whose code counts as the component's own; by default the one that it is part of
    """
    return reached_from(component, package).digest()


def reached_from(component: Any, package: str | None = None) -> "Reached":
    """The code that a class, function or module computes with; arguments as of source_digest."""
    reached = Reached()
    # A class may be derived from one that its file gets in a way that cannot be followed.
    for part in getattr(component, "__mro__", (component,)):
        if path := _source_file(part, package or _top(component)):
            reached.start(path, getattr(part, "__qualname__", "").partition(".")[0])
    return reached


def file_digest(path: str) -> str:
    """Digest of a user's own file and of the modules that it imports from beside it; nothing is run.

    Raises EarmarkError where one of them is no Python.
    """
    reached = Reached()
    reached.start(Path(path).resolve())
    return reached.digest()


def code_of(module: nn.Module, what: str) -> dict[str, str]:
    """Digests of the code of every class that a component is built from, by class, those of LIBRARIES left out."""
    classes = {type(part) for part in module.modules()}
    own = sorted(
        (cls for cls in classes if _top(cls) not in LIBRARIES),
        key=lambda cls: (cls.__name__, cls.__module__, cls.__qualname__),
    )
    times = Counter(cls.__name__ for cls in own)
    names = [cls.__name__ if times[cls.__name__] == 1 else f"{cls.__module__}.{cls.__qualname__}" for cls in own]
    return {f"{what} {name}": source_digest(cls, _top(type(module))) for name, cls in zip(names, own, strict=True)}


def contents(path: str) -> str:
    """Digest of a file, or of all files in a folder and their names: weights, a listener, a folder of audio."""
    stamp = os.stat(path)
    return _contents(path, stamp.st_mtime_ns, stamp.st_size)


@cache
def _contents(path: str, _changed: int, _size: int) -> str:
    root = Path(path)
    files = [root] if root.is_file() else sorted(file for file in root.rglob("*") if file.is_file())
    found = []
    for file in files:
        with file.open("rb") as stream:
            found.append([file.relative_to(root).as_posix(), hashlib.file_digest(stream, "sha256").hexdigest()])
    return digest(found)


def _top(component: Any) -> str:
    """The top-level package of a class, function or module."""
    name: str = component.__name__ if isinstance(component, ModuleType) else component.__module__
    return name.partition(".")[0]


def _source_file(component: Any, package: str) -> Path | None:
    """The file that a component is written in; None where its package is not followed."""
    top = _top(component)
    if top in LIBRARIES or top in sys.stdlib_module_names:
        return None
    file = inspect.getsourcefile(inspect.getmodule(component) or component)
    path = Path(file).resolve() if file else None
    return None if path is None or (_is_installed(path) and top not in (package, *SUITE)) else path


class Place(NamedTuple):
    """A top-level statement of a file."""

    path: Path
    number: int


Lookup = tuple[Place | None, str]  # the statement that names lead to, if it is followed; and the names that are left
_Seen = frozenset[tuple[Path, str]]


class Reached:
    """The top-level statements that code computes with, found by following names from where it starts."""

    def __init__(self) -> None:
        self._modules: dict[Path, Module] = {}
        self._references: dict[Place, list[Lookup]] = {}  # of each statement that was reached
        self._waiting: list[Place] = []
        self._entered: set[Path] = set()
        # Files are looked up once in each digest.
        self._file, self._is_module, self._stem = cache(_file), cache(_is_module), cache(_stem)

    def start(self, path: Path, name: str = "") -> None:
        """Follow what a file binds to `name`, or all of the file where it binds nothing to that."""
        if not _is_engine(path):
            self._enter(path)
            self._waiting += self._bound(path, name) or self._all(path)
        while self._waiting:
            place = self._waiting.pop()
            if place not in self._references:
                self._enter(place.path)
                statement = self._statement(place)
                self._references[place] = [
                    reference
                    for names in statement.uses
                    for reference in self._resolved(place.path, names, statement.imports)
                ]
                self._waiting += [target for target, _ in self._references[place] if target]

    def names(self) -> set[str]:
        """The definitions that were reached, as "file.name"."""
        return {f"{place.path.stem}.{name}" for place in self._references for name in self._statement(place).binds}

    def digest(self) -> str:
        """Digest of the statements in any order. A reference is written as the digest of the statement it leads to."""
        written = [
            [self._statement(place).code, [[self._statement(to).code if to else "", rest] for to, rest in references]]
            for place, references in self._references.items()
        ]
        return digest(sorted(written))

    def _enter(self, path: Path) -> None:
        """What counts of a module whichever of its definitions is used: of a user's own, everything."""
        if path in self._entered:
            return
        self._entered.add(path)
        module = self._module(path)
        if _in_suite(path):
            self._waiting += [Place(path, number) for number in module.always]
        else:
            self._waiting += self._all(path)
            for origin in module.imported:
                for file in _own_files(path, origin):
                    self._enter(file)
        for origin in module.imports.get("*", ()):
            self._waiting += [place for place, _ in self._imported(path, origin) if place]

    def _resolved(
        self, path: Path, names: Names, inside: Imports | None = None, seen: _Seen = frozenset()
    ) -> Iterator[Lookup]:
        """What `names`, as of `module.function.attribute`, lead to in a file, and by the imports `inside` a statement.

        A name may be bound more than once; `seen` are those on the way here, since packages import from themselves.
        """
        name, rest = names[0], names[1:]
        for place in self._bound(path, name):
            yield place, ".".join(rest)
        for imports in (inside or {}, self._module(path).imports):
            for origin in imports.get(name, ()):
                yield from self._imported(path, origin, rest, seen | {(path, name)})

    def _imported(self, path: Path, origin: Origin, rest: Names = (), seen: _Seen = frozenset()) -> Iterator[Lookup]:
        stem = self._stem(path, origin)
        if stem is None:
            yield None, ".".join((*origin.module, *origin.names, *rest))
        else:
            yield from self._found(stem, (*origin.names, *rest), seen)

    def _found(self, stem: Path, names: Names, seen: _Seen) -> Iterator[Lookup]:
        """What `names` of a module lead to."""
        path, name = self._file(stem), names[0] if names else ""
        if path and _is_engine(path):
            yield None, ".".join(names)
        elif name and path and self._module(path).knows(name) and (path, name) not in seen:
            yield from self._resolved(path, names, seen=seen)
        elif name and self._is_module(stem / name):
            yield from self._found(stem / name, names[1:], seen)
        else:  # the module itself, or a name that it comes by in another way: all of it counts
            yield None, ".".join(names)
            yield from ((place, "") for place in (self._all(path) if path else ()))

    def _module(self, path: Path) -> Module:
        if path not in self._modules:
            try:
                self._modules[path] = parsed(decode_source(path.read_bytes()))
            except (SyntaxError, ValueError, RecursionError, MemoryError, OSError) as error:
                reason = shorten(f"{type(error).__name__}: {error}", 240)
                raise EarmarkError(
                    f"{path}: cannot be read as Python ({reason}); fix it until `python {path}` runs without an error"
                ) from error
        return self._modules[path]

    def _statement(self, place: Place) -> Statement:
        return self._module(place.path).statements[place.number]

    def _bound(self, path: Path, name: str) -> list[Place]:
        return [Place(path, number) for number in self._module(path).bound.get(name, ())]

    def _all(self, path: Path) -> list[Place]:
        return [Place(path, number) for number in range(len(self._module(path).statements))]


def _is_engine(path: Path) -> bool:
    return path.name in ENGINE and path.parent == ROOT / "benchmark"


def _in_suite(path: Path) -> bool:
    return any(ROOT / part in path.parents for part in SUITE)


def _is_installed(path: Path) -> bool:
    return not {"site-packages", "dist-packages"}.isdisjoint(path.parts)


def _file(stem: Path) -> Path | None:
    """The file of a module or package that lies at `stem`, a path without suffix."""
    return next((file for file in (stem / "__init__.py", stem.parent / f"{stem.name}.py") if file.is_file()), None)


def _is_module(stem: Path) -> bool:
    return _file(stem) is not None or stem.is_dir()  # a folder without __init__.py is a namespace


def _stem(path: Path, origin: Origin) -> Path | None:
    """Where the module lies that a file imports from, if it belongs to the suite or to the user's own code."""
    base = _base(path, origin)
    stem = base.joinpath(*origin.module) if base else None
    return stem if stem and _is_module(stem) else None


def _own_files(path: Path, origin: Origin) -> list[Path]:
    """The user's own modules that a file's import brings in: one comes with the packages that it is part of."""
    base = _base(path, origin)
    if base is None or (base == ROOT and not origin.level and origin.module[0] in SUITE):
        return []
    parts = (*origin.module, *origin.names)  # of a package, names may be modules
    stems = [base.joinpath(*parts[:count]) for count in range(0 if origin.level else 1, len(parts) + 1)]
    return [file for file in map(_file, stems) if file]


def _base(path: Path, origin: Origin) -> Path | None:
    """The folder in which a file's import looks; None if the import is neither ours nor local to the user's file."""
    if origin.level:
        return path.parents[origin.level - 1] if origin.level <= len(path.parents) else None
    top = origin.module[0]
    # what lies beside a user's own file comes first, even where it is called like a module of the suite
    beside = None if _in_suite(path) or _is_installed(path) else neighbour(path.parent, top)
    if beside is not None:
        return beside.parent.parent if beside.name == "__init__.py" else beside.parent
    if top in SUITE:
        return ROOT
    if _in_suite(path):
        return None
    # the folder that its package lies in
    folder = next((folder for folder in path.parents if not (folder / "__init__.py").is_file()), path.parent)
    own = path.relative_to(folder).with_suffix("").parts[0]
    if top == own:
        return folder
    return None if folder == path.parent and _is_installed(path) else path.parent
