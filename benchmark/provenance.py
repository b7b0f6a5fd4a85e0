"""Digests of components' code and of the files that they are given, so that results of what changed are not taken for
those of what is here.
"""

import ast
import hashlib
import inspect
import os
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from torch import nn

from benchmark.store import digest

ROOT = Path(__file__).resolve().parent.parent
LIBRARIES = ("torch", "torchaudio", "lightning", "speechbrain")
# Of the suite, what components compute with; the engine around them answers for itself by PROTOCOL.
FOLLOWED = (
    "benchmark.frontends",
    "benchmark.hearing",
    "benchmark.metrics",
    "benchmark.training.balance",
    "benchmark.training.importance",
    "tasks",
)


def source_digest(cls: type, package: str | None = None) -> str:
    """Digest of what a class's own files say, and those that they import; blind to comments, layout and docstrings.

    Followed are the suite's computing parts and, for a user's own class, the modules beside its file and those of its
    package. The contracts and other packages are left out.

    Args:
        package: whose code counts though it is installed; the class's own unless told
    """
    paths: dict[str, None] = {}
    own = package or _top(cls)
    for base in cls.__mro__:
        path = (
            inspect.getsourcefile(base)
            if base.__module__ not in ("builtins", "benchmark.contracts", "abc", "typing")
            else None
        )
        if path and ("site-packages" not in path or _top(base) == own) and _top(base) not in LIBRARIES:
            _gather(path, paths)
    return digest(sorted((Path(path).name, _syntax(path)) for path in paths))


def file_digest(path: str) -> str:
    """Digest of what a user's own file says, and the modules beside it that it imports; nothing is run."""
    paths: dict[str, None] = {}
    _gather(path, paths)
    return digest(sorted((Path(path).name, _syntax(path)) for path in paths))


def code_of(module: nn.Module, what: str) -> dict[str, str]:
    """Digests of the files of every class that a component is made of, a user's own among them, by class; torch's are
    left out.
    """
    classes = {type(part) for part in module.modules()}
    own = sorted(
        (cls for cls in classes if _top(cls) not in LIBRARIES),
        key=lambda cls: (cls.__name__, cls.__module__, cls.__qualname__),
    )
    times = Counter(cls.__name__ for cls in own)
    names = [cls.__name__ if times[cls.__name__] == 1 else f"{cls.__module__}.{cls.__qualname__}" for cls in own]
    return {f"{what} {name}": source_digest(cls, _top(type(module))) for name, cls in zip(names, own, strict=True)}


def _top(cls: type) -> str:
    return cls.__module__.partition(".")[0]


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
    nodes = ast.walk(ast.parse(Path(path).read_text(encoding="utf-8")))
    files = [
        file
        for node in nodes
        for names, level in [_named(node)]
        for name in names
        for file in _files(Path(path).resolve(), name, level)
    ]
    return tuple(sorted({str(file) for file in files if file.is_file()}))


def _files(path: Path, name: str, level: int) -> list[Path]:
    """Where the modules of a dotted name may lie that the file at `path` imports, `level` dots before it."""
    parts = [part for part in name.split(".") if part]
    suite = [ROOT.joinpath(*parts).with_suffix(".py")] if name.startswith(FOLLOWED) else []
    if any(ROOT / part in path.parents for part in ("benchmark", "tasks")):
        return suite
    if level:
        return (
            [path.parents[level - 1] / "__init__.py", *_parts(path.parents[level - 1], parts)]
            if level <= len(path.parents)
            else []
        )
    # the folder that its package lies in
    package = next((folder for folder in path.parents if not (folder / "__init__.py").is_file()), path.parent)
    inside = package == path.parent or parts[0] == path.relative_to(package).parts[0]
    return suite + (_parts(package, parts) if inside else _parts(path.parent, parts))


def _parts(folder: Path, parts: Sequence[str]) -> list[Path]:
    """A module is imported with the packages that it is part of."""
    stems = [folder.joinpath(*parts[: count + 1]) for count in range(len(parts))]
    return [file for stem in stems for file in (stem.with_suffix(".py"), stem / "__init__.py")]


def _named(node: ast.AST) -> tuple[list[str], int]:
    """The dotted names of an import statement, and the dots before them."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names], 0
    if isinstance(node, ast.ImportFrom):
        start = node.module or ""
        # of a package, names may be modules
        return [start] * bool(start) + [f"{start}.{alias.name}".strip(".") for alias in node.names], node.level
    return [], 0


@cache
def _syntax(path: str) -> str:
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if (
            isinstance(body, list)
            and body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
        ):
            body[0] = ast.Pass()
    return ast.dump(tree)
