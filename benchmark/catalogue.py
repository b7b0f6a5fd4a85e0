"""Corpora by name: finding their folders, listing what there is, telling copies apart."""

import hashlib
import inspect
import json
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmark import audio, registry
from benchmark.contracts import SPLITS, Corpus
from benchmark.errors import EarmarkError
from benchmark.options import bind, named, reported
from benchmark.store import digest


@dataclass(frozen=True)
class Reference:
    """A corpus as a recipe names it."""

    name: str
    options: Mapping[str, Any]
    path: str | None = None  # of its folder, where that has another name or place


@dataclass(frozen=True)
class CorpusContent(Reference):
    """The same with what is in it: part of a cell's identity."""

    version: str = ""
    content: Mapping[str, str] = field(default_factory=dict)  # fingerprints by split


def open_corpus(
    name: str, options: Mapping[str, Any], data: Path | None, cache: Path, path: str | None = None
) -> Corpus:
    """The corpus registered as `name`, or the one at `path/to/file.py:Class`, on its folder.

    Args:
        options: of the corpus's constructor
        data: the folder that holds the corpora, as their owners' folders are named
        cache: where synthetic corpora are generated
        path: its folder where that has another name or place, as it stands or below `data`
    Raises:
        EarmarkError: an unknown name or option, a value of the wrong type, no folder
    """
    cls = registry.load("corpora", name)
    bound = bind(name, cls, options, given=1)
    return cls(_root(name, cls, path or bound.get("path"), data, cache), **bound)


def rows_of(corpus: Corpus, split: str) -> list[Mapping[str, Any]]:
    """The rows of a split as plain dictionaries: random access without a copy per access."""
    rows = corpus.rows(split)
    return rows.to_list() if hasattr(rows, "to_list") else list(rows)


def default_cache() -> Path:
    """$EARMARK_CACHE, else ~/.cache/earmark."""
    return Path(os.environ.get("EARMARK_CACHE") or "~/.cache/earmark").expanduser()


def catalogue(data: Path | None, cache: Path) -> list[dict[str, Any]]:
    """One record a registered corpus: name, kind, licence, size, source, found, verified ("" or "unverified"),
    synthetic.
    """
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
    """SHA-256 over the ids, labels and conditions of rows and over their files, whatever their order and wherever the
    files lie.

    Of a file it takes the size and the 4096 bytes in its middle: enough to tell versions of a corpus apart, and quick
    on a large one.
    """
    labels, files = ("id", "group", "label", "text", "conditions"), ("audio", "clean", "tracks")
    lines = sorted(
        json.dumps([*map(row.get, labels), *(_content(row.get(name)) for name in files)], sort_keys=True)
        for row in rows
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


class _Heard:
    """What a split lets hear: its groups, and its recordings by what is in them."""

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self.groups = frozenset(row["group"] for row in rows)
        # clips with silence in their middle share a sample of it
        self.recordings: dict[tuple[Any, ...], list[Mapping[str, Any]]] = defaultdict(list)
        for row in rows:
            self.recordings[tuple(_content(row["audio"]) or ())].append(row)

    def shares_with(self, other: "_Heard", groups_too: bool) -> str | None:
        """What both let hear, in words: recordings, or groups."""
        same = []
        for content in self.recordings.keys() & other.recordings.keys():
            theirs = {_whole(row["audio"]) for row in other.recordings[content]}
            same += [row["id"] for row in self.recordings[content] if _whole(row["audio"]) in theirs]
        if same:
            same.sort()
            return f"{len(same)} recordings, such as {same[0]}"
        groups = sorted(map(str, self.groups & other.groups)) if groups_too else []
        return f"{len(groups)} groups (speakers, sites), such as {groups[0]}" if groups else None


class Corpora:
    """Corpora opened once, by name and options."""

    def __init__(self, data: Path | None, cache: Path) -> None:
        self.data, self.cache = data, cache
        self.opened: dict[str, Corpus] = {}
        self._identities: dict[tuple[str, str], str] = {}
        self._heard: dict[tuple[str, str], _Heard] = {}

    def open(self, reference: Reference) -> Corpus:
        """The corpus that is referred to, generated where it has to be."""
        key = _key(reference)
        if key not in self.opened:
            opened = open_corpus(reference.name, reference.options, self.data, self.cache, reference.path)
            self.opened[key] = opened
            opened.prepare()
        return self.opened[key]

    def missing(self, reference: Reference, labelled: bool) -> str | None:
        """What the corpus lacks, in one line: its folder, a split, a first recording that can be opened, or, where
        labels count, a class to train on.
        """
        try:
            corpus = self.open(reference)
            rows = {split: rows_of(corpus, split) for split in SPLITS}
            for own in rows.values():
                audio.probe(own[0]["audio"])
        except EarmarkError as error:
            return str(error)
        classes = {split: {row.get("label") for row in own} for split, own in rows.items()}
        if labelled and (unheard := sorted(map(str, (classes["validation"] | classes["test"]) - classes["train"]))):
            problem = (
                f"{reference.name}: no recording of {', '.join(unheard)} is for training, though some are for "
                "validation or test"
            )
            return f"{problem}; get the whole corpus, or split it otherwise"
        return None

    def identity(self, reference: Reference, splits: Sequence[str]) -> CorpusContent:
        """The reference with version and content, as far as `splits` go: part of a key."""
        corpus = self.open(reference)
        key = _key(reference)
        for split in splits:
            if (key, split) not in self._identities:
                rows = rows_of(corpus, split)
                self._identities[key, split] = fingerprint(rows)
                self._heard[key, split] = _Heard(rows)
        content = {split: self._identities[key, split] for split in splits}
        return CorpusContent(reference.name, reference.options, reference.path, corpus.version, content)

    def shared(self, one: CorpusContent, other: CorpusContent, groups_too: bool) -> str | None:
        """What two corpora, as `identity` gave them, share in the splits asked for: recordings, whatever they are
        called, or groups if of one corpus.
        """
        first, second = ([self._heard[_key(each), split] for split in each.content] for each in (one, other))
        groups_too &= (one.name, one.path) == (other.name, other.path)
        return next((found for a in first for b in second if (found := b.shares_with(a, groups_too))), None)


def _key(reference: Reference) -> str:
    return digest([reference.name, reference.options, reference.path])


def reference(value: Any, where: str, fold: Any = None) -> Reference:
    """A corpus written as `name` or `{name: options}`; any may be given the `path` of its folder."""
    name, options = named(where, value)
    if fold is not None:
        options["fold"] = fold
    with reported(where):
        cls = registry.load("corpora", name)
    if not issubclass(cls, Corpus):
        raise EarmarkError(f"{where}: {cls.__name__} is no Corpus; derive it from that class")
    path = None if "path" in inspect.signature(cls).parameters else options.pop("path", None)
    if not isinstance(path, str | Path | None):
        raise EarmarkError(f"{where}: path: {path!r} is no folder; write its path")
    return Reference(name, bind(where, cls, options, given=1), None if path is None else str(path))


def _content(source: Any) -> list[Any] | None:
    if source is None:
        return None
    if isinstance(source, Mapping) and source.get("bytes"):
        return [len(source["bytes"]), hashlib.sha256(source["bytes"]).hexdigest()]
    path = source["path"] if isinstance(source, Mapping) else source
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(size // 2 - 2048, 0))
            middle = hashlib.sha256(file.read(4096)).hexdigest()
    except OSError as error:
        raise EarmarkError(
            f"{path}: cannot be read ({error.strerror}); restore it or remove it from the corpus"
        ) from error
    if not size:
        raise EarmarkError(f"{path}: the file is empty; restore it or remove it from the corpus")
    return [size, middle]


def _whole(source: Any) -> str:
    """SHA-256 of all of a recording."""
    if isinstance(source, Mapping) and source.get("bytes"):
        return hashlib.sha256(source["bytes"]).hexdigest()
    with open(source["path"] if isinstance(source, Mapping) else source, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _root(name: str, cls: type[Corpus], given: str | Path | None, data: Path | None, cache: Path) -> Path:
    if cls.synthetic:
        return _generated(name, cls, cache)
    if given is not None:
        path = Path(given).expanduser()
        inside = path if data is None else data / path
        return path if path.exists() and not inside.exists() else inside
    found = _folder(cls, data)
    if found is None:
        where = "and --data was not given" if data is None else f"in {data}"
        if not cls.folders:
            raise EarmarkError(f"{name}: no folder was given; write its option `path`")
        raise EarmarkError(
            f"{name}: no folder {' or '.join(cls.folders)} {where}; get it from {cls.source} ({cls.size}) and give its "
            "parent with --data"
        )
    return found


def _folder(cls: type[Corpus], data: Path | None) -> Path | None:
    return (
        next((data / folder for folder in cls.folders if (data / folder).is_dir()), None) if data is not None else None
    )


def _generated(name: str, cls: type[Corpus], cache: Path) -> Path:
    return cache / (cls.__name__ if ".py:" in name else name)


def _found(name: str, cls: type[Corpus], data: Path | None, cache: Path) -> str:
    if cls.synthetic:
        root = _generated(name, cls, cache)
        return str(root) if root.is_dir() else "generated on first use"
    if "path" in inspect.signature(cls).parameters:
        return "where its option path says"
    return str(_folder(cls, data) or "not found")
