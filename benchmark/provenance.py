"""Digests of components' code, so that results of code that changed are not taken for those of the code that is here."""

import ast
import inspect
from functools import cache
from pathlib import Path

from torch import nn

from benchmark.store import digest

LIBRARIES = ("torch", "torchaudio", "lightning", "speechbrain")


def source_digest(cls: type) -> str:
    """Digest of what a class's own files say, blind to comments, layout and docstrings; the contracts and other packages are left out."""
    parts = []
    for base in cls.__mro__:
        path = inspect.getsourcefile(base) if base.__module__ not in ("builtins", "benchmark.contracts", "abc", "typing") else None
        if path and "site-packages" not in path and base.__module__.split(".")[0] not in LIBRARIES:
            parts.append(_syntax(path))
    return digest(parts)


@cache
def _syntax(path: str) -> str:
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
            body[0] = ast.Pass()
    return ast.dump(tree)


def code_of(module: nn.Module, what: str) -> dict[str, str]:
    """Digests of the files of every class that a component is made of, a user's own among them, by class; torch's are left out."""
    classes = {type(part) for part in module.modules()}
    own = sorted((cls for cls in classes if cls.__module__.split(".")[0] not in LIBRARIES), key=lambda cls: cls.__name__)
    return {f"{what} {cls.__name__}": source_digest(cls) for cls in own}
