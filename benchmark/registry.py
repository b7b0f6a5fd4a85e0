"""Components by name: a file's name is the registered name, and its one public class is the component.

Names and descriptions are read from folders and docstrings without importing anything, so listing them is instant.
Other packages register components under entry points, in groups named after the kind, such as `earmark.front_ends` or
`earmark.metrics`. A class in a user's own file is named `path/to/file.py:Class`. The file may import modules that lie
beside it (benchmark/foreign_modules.py).
"""

import ast
import importlib
import inspect
from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from textwrap import shorten
from types import ModuleType

from benchmark.errors import EarmarkError, unknown
from benchmark.foreign_modules import import_file

ROOT = Path(__file__).resolve().parent
FOLDERS = {
    "front_ends": ("benchmark.frontends", ROOT / "frontends"),
    "tasks": ("tasks", ROOT.parent / "tasks"),
    "task_models": ("tasks.models", ROOT.parent / "tasks" / "models"),
    "metrics": ("benchmark.metrics", ROOT / "metrics"),
    "corpora": ("benchmark.corpora", ROOT / "corpora"),
    "schemes": ("benchmark.training.schemes", ROOT / "training" / "schemes"),
    "engines": ("benchmark.running.engines", ROOT / "running" / "engines"),
}

_imported: dict[Path, ModuleType] = {}  # the users' own files


@cache
def names(kind: str) -> Mapping[str, str]:
    """The registered names of a kind (a key of FOLDERS), each with its module, or "module:Class" of an entry point."""
    package, folder = FOLDERS[kind]
    found = {}
    others = {other for _, other in FOLDERS.values() if folder in other.parents}
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        if not any(part.startswith("_") for part in parts) and not others & {*path.parents}:
            found["/".join(parts)] = ".".join((package, *parts))
    for point in entry_points(group=f"earmark.{kind}"):
        found.setdefault(point.name, point.value)
    return found


def descriptions(kind: str) -> dict[str, str]:
    """The registered names of a kind, each with the first line of its docstring, read without importing it."""
    found = {}
    for name, target in names(kind).items():
        path = FOLDERS[kind][1] / f"{name}.py"
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) if path.is_file() else f"from {target}"
        found[name] = (text or "").split("\n")[0]
    return found


def load(kind: str, name: str) -> type:
    """The class registered as `name`, or written as `path/to/file.py:Class`. Raises EarmarkError if there is none."""
    if ".py:" in name:
        return _from_file(name)
    known = names(kind)
    if name not in known:
        raise unknown(kind.removesuffix("s").replace("_", "-").replace("corpora", "corpus"), name, known)
    module_name, _, attribute = known[name].partition(":")
    try:
        module = importlib.import_module(module_name)
        return getattr(module, attribute) if attribute else _public_class(module)
    except (ImportError, AttributeError) as error:
        if not attribute:
            raise
        raise EarmarkError(
            f"{name}: its package registers {known[name]}, which cannot be loaded ({error}); fix the entry point or "
            "the package"
        ) from error


def _public_class(module: ModuleType) -> type:
    own = [
        c
        for n, c in inspect.getmembers(module, inspect.isclass)
        if c.__module__ == module.__name__ and not n.startswith("_")
    ]
    if len(own) != 1:
        raise EarmarkError(
            f"{module.__name__} must define exactly one public class; it defines {[c.__name__ for c in own]}"
        )
    return own[0]


def _from_file(name: str) -> type:
    path_text, _, attribute = name.rpartition(":")
    path = Path(path_text).expanduser().resolve()
    if not path.is_file():
        raise EarmarkError(f"no file {path_text}; write path/to/file.py:Class with a path from the current folder")
    if not (module := _imported.get(path)):
        try:
            module = _imported[path] = import_file(path)
        except (Exception, SystemExit) as error:
            reason = shorten(" ".join(f"{type(error).__name__}: {error}".split()), 300)
            raise EarmarkError(
                f"{path_text} cannot be imported: {reason}; fix it until `python {path_text}` runs without an error"
            ) from error
    found = getattr(module, attribute, None)
    if not inspect.isclass(found):
        own = [n for n, c in inspect.getmembers(module, inspect.isclass) if c.__module__ == module.__name__]
        raise unknown(f"class in {path_text}:", attribute, own)
    return found
