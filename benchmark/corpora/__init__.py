"""Corpora by name: finding their folders, listing what there is, telling copies apart."""

import hashlib
import inspect
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from benchmark import registry
from benchmark.contracts import Corpus
from benchmark.errors import EarmarkError, unknown


def open_corpus(name: str, options: Mapping[str, Any], data: Path | None, cache: Path) -> Corpus:
    """The corpus registered as `name`, or the one at `path/to/file.py:Class`, on its folder.

    Args:
        options: of the corpus's constructor; a `path` among them is its folder, as it stands or below `data`
        data: the folder that holds the corpora, as their owners' folders are named
        cache: where synthetic corpora are generated
    Raises:
        EarmarkError: an unknown name or option, a value of the wrong type, no folder
    """
    cls = registry.load("corpora", name)
    checked = _checked(name, cls, options)
    return cls(_root(name, cls, checked, data, cache), **checked)


def default_cache() -> Path:
    """$EARMARK_CACHE, else ~/.cache/earmark."""
    return Path(os.environ.get("EARMARK_CACHE") or "~/.cache/earmark").expanduser()


def catalogue(data: Path | None, cache: Path) -> list[dict[str, Any]]:
    """One record a registered corpus: name, kind, licence, size, source, found, verified ("" or "unverified"), synthetic."""
    records = []
    for name in registry.names("corpora"):
        cls: type[Corpus] = registry.load("corpora", name)
        records.append(
            {
                "name": name,
                "kind": getattr(cls, "kind", "any"),
                "licence": cls.licence,
                "size": cls.size,
                "source": cls.source,
                "found": _found(name, cls, data, cache),
                "verified": "" if cls.verified else "unverified",
                "synthetic": cls.synthetic,
            }
        )
    return records


def fingerprint(rows: Iterable[Mapping[str, Any]]) -> str:
    """SHA-256 over the ids, groups, labels, transcripts, conditions and file sizes of rows, whatever their order and wherever the files lie."""
    labels = ("id", "group", "label", "text", "conditions")
    lines = sorted(json.dumps([*map(row.get, labels), _bytes(row["audio"]), _bytes(row.get("clean"))], sort_keys=True) for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _bytes(source: Any) -> int | None:
    if source is None:
        return None
    if isinstance(source, Mapping) and source.get("bytes"):
        return len(source["bytes"])
    path = source["path"] if isinstance(source, Mapping) else source
    try:
        return os.stat(path).st_size
    except OSError as error:
        raise EarmarkError(f"{path}: no such file; restore it or remove it from the corpus") from error


def _checked(name: str, cls: type[Corpus], options: Mapping[str, Any]) -> dict[str, Any]:
    parameters = list(inspect.signature(cls).parameters.values())[1:]  # behind root
    hints = get_type_hints(cls.__init__)
    for key in options:
        if key not in (parameter.name for parameter in parameters):
            raise unknown(f"option of {name}:", key, (parameter.name for parameter in parameters))
    for parameter in parameters:
        if parameter.default is parameter.empty and parameter.name not in options:
            raise EarmarkError(f"{name}: the option '{parameter.name}' is missing; write {name}: {{{parameter.name}: …}}")
    checked = {}
    for key, value in options.items():
        try:
            checked[key] = TypeAdapter(hints.get(key, Any)).validate_python(value)
        except ValidationError as error:
            truth = isinstance(value, list) and any(isinstance(entry, bool) for entry in value)
            hint = " (YAML reads yes, no, on and off as truth values: put them in quotes)" if truth else ""
            raise EarmarkError(f"{name}: the option '{key}' is {value!r}; {error.errors()[0]['msg']}{hint}") from error
    return checked


def _root(name: str, cls: type[Corpus], options: Mapping[str, Any], data: Path | None, cache: Path) -> Path:
    if cls.synthetic:
        return _generated(name, cls, cache)
    if "path" in options:
        path = Path(options["path"]).expanduser()
        return data / path if data is not None and (data / path).exists() else path
    found = _folder(cls, data)
    if found is None:
        where = "and --data was not given" if data is None else f"in {data}"
        raise EarmarkError(f"{name}: no folder {' or '.join(cls.folders)} {where}; get it from {cls.source} ({cls.size}) and give its parent with --data")
    return found


def _folder(cls: type[Corpus], data: Path | None) -> Path | None:
    return next((data / folder for folder in cls.folders if (data / folder).is_dir()), None) if data is not None else None


def _generated(name: str, cls: type[Corpus], cache: Path) -> Path:
    return cache / (cls.__name__ if ".py:" in name else name)


def _found(name: str, cls: type[Corpus], data: Path | None, cache: Path) -> str:
    if cls.synthetic:
        root = _generated(name, cls, cache)
        return str(root) if root.is_dir() else "generated on first use"
    if "path" in inspect.signature(cls).parameters:
        return "where its option path says"
    return str(_folder(cls, data) or "not found")
