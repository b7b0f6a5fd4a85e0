"""Digests of components' code and of the files that they are given, so that results of what changed are not taken for those of what is here."""

import ast
import hashlib
import inspect
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from torch import nn

from benchmark.store import digest

ROOT = Path(__file__).resolve().parent.parent
LIBRARIES = ("torch", "torchaudio", "lightning", "speechbrain")
# Of the suite, what components compute with; the engine around them answers for itself by PROTOCOL.
FOLLOWED = ("benchmark.frontends", "benchmark.hearing", "benchmark.metrics", "benchmark.training.balance", "benchmark.training.importance", "tasks")


def source_digest(cls: type) -> str:
    """Digest of what a class's own files say, and those that they import; blind to comments, layout and docstrings.

    Followed are the suite's computing parts and, for a user's own class, the modules beside its file. The contracts and other packages are left out.
    """
    paths: dict[str, None] = {}
    for base in cls.__mro__:
        path = inspect.getsourcefile(base) if base.__module__ not in ("builtins", "benchmark.contracts", "abc", "typing") else None
        if path and "site-packages" not in path and base.__module__.split(".")[0] not in LIBRARIES:
            _gather(path, paths)
    return digest(sorted((Path(path).name, _syntax(path)) for path in paths))


def file_digest(path: str) -> str:
    """Digest of what a user's own file says, and the modules beside it that it imports; nothing is run."""
    paths: dict[str, None] = {}
    _gather(path, paths)
    return digest(sorted((Path(path).name, _syntax(path)) for path in paths))


def code_of(module: nn.Module, what: str) -> dict[str, str]:
    """Digests of the files of every class that a component is made of, a user's own among them, by class; torch's are left out."""
    classes = {type(part) for part in module.modules()}
    own = sorted((cls for cls in classes if cls.__module__.split(".")[0] not in LIBRARIES), key=lambda cls: cls.__name__)
    return {f"{what} {cls.__name__}": source_digest(cls) for cls in own}


def contents(path: str) -> str:
    """Digest of a file, or of all files in a folder by name: weights, a listener, a folder of enhanced audio."""
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


def _gather(path: str, paths: dict[str, None]) -> None:
    if path not in paths:
        paths[path] = None
        for imported in _imports(path):
            _gather(imported, paths)


@cache
def _imports(path: str) -> tuple[str, ...]:
    names = [name for node in ast.walk(ast.parse(Path(path).read_text(encoding="utf-8"))) for name in _named(node)]
    folders = [Path(path).parent] if ROOT not in Path(path).resolve().parents else []
    suite = [ROOT.joinpath(*name.split(".")).with_suffix(".py") for name in names if name.startswith(FOLLOWED)]
    stems = [folder.joinpath(*name.split(".")) for folder in folders for name in names]
    beside = [file for stem in stems for file in (stem.with_suffix(".py"), stem / "__init__.py")]
    return tuple(sorted({str(file) for file in (*suite, *beside) if file.is_file()}))


def _named(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))  # of a package, names may be modules


@cache
def _syntax(path: str) -> str:
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
            body[0] = ast.Pass()
    return ast.dump(tree)
