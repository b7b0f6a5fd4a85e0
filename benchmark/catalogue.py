"""Corpora by name: where their folders lie, whether they are complete, and what is in them."""

import hashlib
import inspect
import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import shorten
from typing import Any

from benchmark import audio, registry
from benchmark.contracts import SPLITS, Corpus
from benchmark.errors import EarmarkError
from benchmark.options import bind, named, reported
from benchmark.recording_checks import OPTION, left_out, told, unusable
from benchmark.store import digest


@dataclass(frozen=True)
class CorpusSpec:
    """A corpus as a recipe names it."""

    name: str
    options: Mapping[str, Any]
    path: str | None = None  # of its folder, if that is not where it usually lies


@dataclass(frozen=True)
class CorpusContent(CorpusSpec):
    """A corpus and what is in it, as part of a cell's identity."""

    version: str = ""
    content: Mapping[str, str] = field(default_factory=dict)  # fingerprints by split


def open_corpus(
    name: str, options: Mapping[str, Any], data: Path | None, cache: Path, path: str | None = None
) -> Corpus:
    """Open the corpus registered as `name`, or written as `path/to/file.py:Class`.

    Args:
        options: of the constructor
        data: the folder that holds the corpora, each in a folder named as its owner named it
        cache: the folder in which synthetic corpora are generated
        path: the corpus's own folder, if it has another name or place; below `data`, or anywhere
    Raises:
        EarmarkError: an unknown name or option, a value of the wrong type, or no folder
    """
    cls = registry.load("corpora", name)
    own = {option: value for option, value in options.items() if option != OPTION}
    bound = bind(name, cls, own, given=1)
    corpus = cls(_root(name, cls, path or bound.get("path"), data, cache), **bound)
    if OPTION in options:
        corpus.without = left_out(options[OPTION], name)
    return corpus


def rows_of(corpus: Corpus, split: str) -> list[Mapping[str, Any]]:
    """The rows of a split as a list of dictionaries, without those that a recipe leaves out.

    A plain list is cheaper to index than a Dataset. Raises EarmarkError where they cannot be read, a row lacks an id, a
    group or audio, or an id, by which records are kept, occurs twice.
    """
    where = getattr(corpus, "name", type(corpus).__name__)
    try:
        rows = corpus.rows(split)
        found = rows.to_list() if hasattr(rows, "to_list") else list(rows)
        for row in found:
            _check_row(row)
    except EarmarkError:
        raise
    except Exception as error:  # a reader may be anyone's
        reason = shorten(f"{type(error).__name__}: {error}", 240)
        raise EarmarkError(
            f"{where}: its {split} split cannot be read ({reason}); correct it, or its reader"
        ) from error
    times = Counter(row["id"] for row in found)
    if len(times) < len(found):
        name, count = times.most_common(1)[0]
        raise EarmarkError(
            f"{where}: the id {name!r} is there {count} times in {split}; "
            "give every recording its own (in a table, columns: {id: null} numbers the rows)"
        )
    return [row for row in found if row["id"] not in corpus.without] if corpus.without else found


def _check_row(row: Mapping[str, Any]) -> None:
    if not isinstance(row["id"], str) or row["group"] is None:
        raise ValueError(f"its row {row['id']!r} of the group {row['group']!r}: an id is text, and a group is needed")
    recording = row["audio"]
    if isinstance(recording, Mapping):
        recording = recording.get("bytes") or recording.get("path")
    if not recording or not isinstance(recording, str | bytes | os.PathLike):
        raise ValueError(f"its row {row['id']} has neither a file nor encoded audio")


def catalogue(data: Path | None, cache: Path) -> list[dict[str, Any]]:
    """A record for each registered corpus: name, kind, licence, size, source, found, verified, synthetic.

    `found` is its folder, or says that there is none; `verified` is "" or "unverified".
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
    """SHA-256 of the ids, labels, conditions and files of rows, whatever their order and wherever the files lie.

    Of each file it takes the size and the 4096 bytes in the middle: enough to tell versions of a corpus apart, and fast
    on a large one.
    """
    labels, files = ("id", "group", "label", "text", "conditions"), ("audio", "clean", "tracks")
    lines = sorted(
        json.dumps([*map(row.get, labels), *(_content(row.get(name)) for name in files)], sort_keys=True)
        for row in rows
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


class _Recordings:
    """The recordings of a split, by content, and their groups."""

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self.groups = frozenset(row["group"] for row in rows)
        self.spelled = {_one_spelling(group): str(group) for group in self.groups}
        # Several may have the same bytes in the middle, such as clips with silence there.
        self.recordings: dict[tuple[Any, ...], list[Mapping[str, Any]]] = defaultdict(list)
        for row in rows:
            self.recordings[tuple(_content(row["audio"]) or ())].append(row)

    def shared_with(self, other: "_Recordings", groups_too: bool) -> str | None:
        """What both splits contain, in words: recordings, or else groups; None if they share nothing."""
        same = []
        for content in self.recordings.keys() & other.recordings.keys():
            theirs = {_whole(row["audio"]) for row in other.recordings[content]}
            same += [row["id"] for row in self.recordings[content] if _whole(row["audio"]) in theirs]
        if same:
            same.sort()
            return f"{len(same)} recordings, such as {same[0]}"
        groups = sorted(self.spelled[group] for group in self.spelled.keys() & other.spelled.keys() if groups_too)
        return f"{len(groups)} groups (speakers, sites), such as {groups[0]}" if groups else None


def _one_spelling(group: Any) -> str:
    """A group as it is compared: speaker 01 of one file is speaker 1 of the other."""
    text = str(group)
    return text.lstrip("0") if text.isdecimal() else text


class Corpora:
    """Corpora by name, options and path, each opened once."""

    def __init__(self, data: Path | None, cache: Path) -> None:
        self.data, self.cache = data, cache
        self.opened: dict[str, Corpus] = {}
        self._identities: dict[tuple[str, str], str] = {}
        self._recordings: dict[tuple[str, str], _Recordings] = {}

    def open(self, spec: CorpusSpec) -> Corpus:
        """The corpus that a recipe names, generated first if it is synthetic."""
        key = _key(spec)
        if key not in self.opened:
            opened = open_corpus(spec.name, spec.options, self.data, self.cache, spec.path)
            self.opened[key] = opened
            opened.prepare()
        return self.opened[key]

    def missing(self, spec: CorpusSpec, labelled: bool, targets: bool = True) -> str | None:
        """What the corpus lacks, in one line; None if it is complete. A line more for each recording of no use.

        It is complete with its folder, all splits and recordings that can be used; and, where labels matter, with a
        training recording of every class. Each file is looked at once, and again when it has changed. What was
        generated here is not looked through.

        Args:
            labelled: whether labels matter
            targets: whether recordings that are silent or too short are of no use
        """
        try:
            corpus = self.open(spec)
            rows = {split: rows_of(corpus, split) for split in SPLITS}
            for split, own in rows.items():
                if not own:
                    return f"{spec.name}: no recording is in its {split} split; split it otherwise"
                audio.probe(own[0]["audio"]) if corpus.synthetic else None
            every = [] if corpus.synthetic else [row for own in rows.values() for row in own]
            if found := unusable(every, self.cache, targets):
                return told(spec.name, found, len(every), self.cache)
        except EarmarkError as error:
            return str(error)
        classes = {split: {row.get("label") for row in own} for split, own in rows.items()}
        if labelled and (untrained := sorted(map(str, (classes["validation"] | classes["test"]) - classes["train"]))):
            problem = (
                f"{spec.name}: no recording of {', '.join(untrained)} is for training, though some are for "
                "validation or test"
            )
            return f"{problem}; get the whole corpus, or split it otherwise"
        return None

    def lacking(self, name: str) -> str | None:
        """What a corpus with its default options lacks before a run can read it, in one line; None if nothing."""
        spec = CorpusSpec(name, {})
        try:
            corpus = self.open(spec)
            if survey := getattr(corpus, "survey", None):  # of a corpus whose rows take long to compute
                survey()
                return None
            return self.missing(spec, labelled=False)
        except (EarmarkError, OSError) as error:  # which costs no other corpus
            return str(error)

    def identity(self, spec: CorpusSpec, splits: Sequence[str]) -> CorpusContent:
        """The corpus of a recipe with its version and the fingerprints of `splits`, as cells are keyed by it."""
        corpus = self.open(spec)
        key = _key(spec)
        for split in splits:
            if (key, split) not in self._identities:
                rows = rows_of(corpus, split)
                self._identities[key, split] = fingerprint(rows)
                self._recordings[key, split] = _Recordings(rows)
        content = {split: self._identities[key, split] for split in splits}
        return CorpusContent(spec.name, spec.options, spec.path, corpus.version, content)

    def shared(self, one: CorpusContent, other: CorpusContent, groups_too: bool) -> str | None:
        """What the given splits of two corpora have in common, in words; None if they share nothing.

        Recordings are compared by content. With `groups_too` groups are compared as well, but only within one corpus.
        """
        first, second = ([self._recordings[_key(each), split] for split in each.content] for each in (one, other))
        groups_too &= (one.name, one.path) == (other.name, other.path)
        return next((found for a in first for b in second if (found := b.shared_with(a, groups_too))), None)


def _key(spec: CorpusSpec) -> str:
    return digest([spec.name, spec.options, spec.path])


def corpus_spec(value: Any, where: str, fold: Any = None) -> CorpusSpec:
    """Read a corpus as recipes write it: `name` or `{name: options}`.

    All corpora take the options `path`, their folder, and `without`, the ids of recordings to leave out.

    Args:
        where: how error messages begin
        fold: the value of the option `fold`, for a corpus that has folds
    Raises:
        EarmarkError: an unknown name or option, or a value of the wrong type
    """
    name, options = named(where, value)
    without = {OPTION: options.pop(OPTION)} if OPTION in options else {}
    if without:
        left_out(without[OPTION], where)  # what is wrong with it is told now
    if fold is not None:
        options["fold"] = fold
    with reported(where):
        cls = registry.load("corpora", name)
    if not issubclass(cls, Corpus):
        raise EarmarkError(f"{where}: {cls.__name__} is not a Corpus; derive it from that class")
    path = None if "path" in inspect.signature(cls).parameters else options.pop("path", None)
    if not isinstance(path, str | Path | None):
        raise EarmarkError(f"{where}: path: {path!r} is not a path; write that of its folder")
    return CorpusSpec(name, {**bind(where, cls, options, given=1), **without}, None if path is None else str(path))


def _content(source: Any) -> list[Any] | None:
    """Size and SHA-256 of the middle of a file; of audio inside a table, SHA-256 of the whole."""
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
    """SHA-256 of a whole recording."""
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
        return path if os.path.exists(path) and not os.path.exists(inside) else inside
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
