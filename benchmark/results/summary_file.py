"""The file of summaries: one sealed line for each front-end, scheme, task, seed and fold.

It is small enough for version control:

- Scenes, their groups and their conditions have lines of their own, which summaries name by digest.
- Tables (scenes by conditions) are packed. A row of digits is a string, a row of equal values is one value, and the row
  that most scenes have is written once, as "*".
- Of two summaries with the same sums, such as an untrained row under two seeds, the second names the digest of the
  first instead.

The seal of a summary is over its content, however it is written. The last line counts and seals all others, so a file
that was cut between two lines is noticed. Files of many thousand lines are read with a cache of the lines whose seals
were intact: of these only the short fields are parsed, and the sums when somebody asks for them.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from benchmark import provenance
from benchmark.errors import EarmarkError
from benchmark.results.array_cache import Cache
from benchmark.store import canonical, sealed, write_text

SUMMARIES = "summaries.jsonl"
FIELDS = (
    *(
        "protocol",
        "task",
        "component",
        "front_end",
        "scheme",
        "seed",
        "fold",
        "baseline",
        "ranked",
        "track",
        "training_data",
        "corpora",
        "synthetic",
    ),
    *("conditions", "scenes", "groups", "sums", "failed", "excluded", "updates", "costs", "keys"),
)
REMEDY = (
    "restore the file from version control, or delete it, run the recipe again and submit again what was submitted "
    "(finished cells are kept)"
)
LISTS = {"scenes", "groups", "conditions", "digest"}  # fields of a line of scenes
CLOSING = {"lines", "digest"}  # fields of the last line
Summary = dict[str, Any]


class Excluded(BaseModel):
    """A scene that could not be scored in a condition."""

    model_config = ConfigDict(strict=True)

    scene: str
    condition: str
    reason: str


class Kinds(BaseModel):
    """What the fields of a summary hold, but for its tables, which are checked when they are unpacked."""

    model_config = ConfigDict(strict=True)

    protocol: int
    task: str
    component: str
    front_end: str
    scheme: str
    seed: int
    fold: str | int | None
    baseline: bool
    ranked: bool
    training_data: str
    corpora: list[str]
    synthetic: bool
    conditions: list[str]
    scenes: list[str]
    groups: list[str]
    excluded: list[Excluded]
    updates: dict[str, float | None]
    costs: dict[str, float | str | list[str] | None]
    keys: dict[str, str]
    axes: list[str] = []
    figures: dict[str, list[float | bool | str | None]] = {}
    timings: dict[str, float] = {}


class Line(Summary):
    """A summary as it was read, its seal intact, without its sums, which `sums_of` has.

    It is never changed in place: `unpacked` makes a summary that may be.
    """

    def __init__(self, fields: Summary, text: bytes, lists: Summary) -> None:
        super().__init__(fields)
        self.text = text  # as the file has it, with its sums
        self.lists = lists  # the line of its scenes


def seal(summary: Mapping[str, Any]) -> Summary:
    """The summary with its "digest", the SHA-256 of the canonical JSON of all the rest.

    Raises:
        ValueError: a number is not finite
    """
    return sealed(unpacked(summary))


def read_summaries(path: Path) -> list[Summary]:
    """All summaries of a file, whole; raises as `read_lines` does."""
    return [unpacked(line) for line in read_lines(path)]


def read_lines(path: Path, cache: Cache | None = None) -> list[Line]:
    """All summaries of a file, without their sums.

    Args:
        cache: of the lines whose seals were checked before; without one every seal is checked
    Raises:
        EarmarkError: with the file and the line that is cut, was edited, or lacks something
    """
    if not path.is_file():
        raise EarmarkError(f"{path}: no such file; run the recipe first")
    heads, texts = _spelt(path)
    closing = heads.pop() if heads and heads[-1].keys() == CLOSING else None
    if not heads:
        raise EarmarkError(f"{path}: the file is empty; {REMEDY}")
    texts = texts[: len(heads)]
    lists = {str(head["digest"]): (head, text) for head, text in zip(heads, texts, strict=True) if head.keys() == LISTS}
    code = provenance.source_digest(read_lines) if cache else ""
    before = set(cache.read("lines", code).get("intact", np.array([])).tolist()) if cache else set()
    intact, lines = set(), []
    for number, (head, text) in enumerate(zip(heads, texts, strict=True), 1):
        if head.keys() == LISTS:
            continue
        scenes, scenes_text = lists.get(str(head.get("scenes")), ({}, b""))
        key = hashlib.sha256(text + scenes_text).hexdigest()
        if key not in before:
            whole = _checked(path, number, text, scenes)
            if whole != head:  # not as this module writes it: read with care every time
                lines.append(Line({**whole, **scenes, "digest": whole["digest"]}, text, scenes))
                continue
        intact.add(key)
        lines.append(Line({**head, **scenes, "digest": head["digest"]}, text, scenes))
    named = {str(head.get("scenes")) for head in heads if head.keys() != LISTS}
    for number, head in enumerate(heads, 1):
        if head.keys() == LISTS and str(head["digest"]) not in named:
            raise EarmarkError(f"{path} line {number}: no summary is of these scenes, so lines are missing; {REMEDY}")
    if closing != closing_line(str(head["digest"]) for head in heads):
        raise EarmarkError(
            f"{path}: the last line does not match the others: lines are missing, or came from elsewhere; {REMEDY}"
        )
    if cache and not before >= intact:
        cache.write("lines", code, {"intact": np.array(sorted(intact))})
    return lines


def write_summaries(path: Path, summaries: Iterable[Mapping[str, Any]]) -> None:
    """Write sealed summaries, one a line, sorted by task, row, seed and fold, after the lines of scenes.

    The file is written whole or not at all.
    """
    lists: dict[str, Summary] = {}
    texts, digests = [], []
    first: dict[bytes, bytes] = {}  # by sums: the digest of the first line that has them, as JSON
    for summary in sorted(summaries, key=order):
        digest, entry, text = (
            (summary["digest"], summary.lists, summary.text) if isinstance(summary, Line) else _written(summary)
        )
        lists[entry["digest"]] = entry
        own, sums = f'"{digest}"'.encode(), _sums(text)
        known = first.setdefault(sums, own)
        texts.append((_with_sums(text, known) if known != own and len(known) < len(sums) else text).decode())
        digests.append(digest)
    write_text(
        path,
        "".join(
            f"{text}\n"
            for text in [*map(canonical, lists.values()), *texts, canonical(closing_line([*lists, *digests]))]
        ),
    )


def order(summary: Mapping[str, Any]) -> tuple[Any, ...]:
    """The key by which summaries are sorted, and which no two of a file share."""
    return summary["task"], summary["front_end"], summary["scheme"], summary["seed"], str(summary["fold"])


def closing_line(digests: Iterable[str]) -> Summary:
    """The last line of a file, from the digests of all others in any order."""
    own = sorted(digests)
    return {"digest": hashlib.sha256("\n".join(own).encode()).hexdigest(), "lines": len(own)}


def _spelt(path: Path) -> tuple[list[Summary], list[bytes]]:
    """The lines of a file without their sums, and each line as canonical JSON with its own sums."""
    heads, texts = [], []
    try:
        content = path.read_bytes()
    except OSError as error:
        raise EarmarkError(f"{path}: cannot be read ({error.strerror}); check the file's permissions") from error
    for number, text in enumerate(content.splitlines(), 1):
        head = _head(text)
        if head is None:
            text = _canonical(path, number, text)
            head = _head(text) or json.loads(text)
        heads.append(head)
        texts.append(text)
    known = {f'"{head.get("digest")}"'.encode(): _sums(text) for head, text in zip(heads, texts, strict=True)}
    return heads, [_with_sums(text, known.get(_sums(text), b"")) for text in texts]


def _place(text: bytes) -> tuple[int, int]:
    """Where the sums start and end in a line of canonical JSON, name included; start < 1 where there are none."""
    return text.find(b',"sums":'), text.rfind(b',"synthetic":')


def _sums(text: bytes) -> bytes:
    """The sums of a line, or the digest, in quotes, of the line that has the same ones."""
    start, end = _place(text)
    return text[start + len(b',"sums":') : end] if 0 < start < end else b""


def _with_sums(text: bytes, sums: bytes) -> bytes:
    """The line with other sums, or as it is where there are none."""
    start, end = _place(text)
    return text[:start] + b',"sums":' + sums + text[end:] if sums and 0 < start < end else text


def _head(text: bytes) -> Summary | None:
    """The fields of a line without its sums, which are most of it; None where it is not written as expected."""
    start, end = _place(text)
    try:
        head = json.loads(text[:start] + text[end:]) if 0 < start < end else None
    except (ValueError, RecursionError):
        return None
    return head if isinstance(head, dict) else None


def _canonical(path: Path, number: int, text: bytes) -> bytes:
    """A line as this module writes it; EarmarkError where it is cut or no object."""
    try:
        parsed = json.loads(text)
        spelt = canonical(parsed).encode() if isinstance(parsed, dict) else None
    except (ValueError, RecursionError):
        spelt = None
    if spelt is None:
        raise EarmarkError(f"{path} line {number}: the line is cut or not a summary; {REMEDY}")
    return spelt


def _checked(path: Path, number: int, text: bytes, scenes: Summary) -> Summary:
    """A summary without its sums; EarmarkError where it was edited or lacks something."""
    try:
        line = json.loads(text)
        if "sums" in line and not scenes:
            raise KeyError(line["scenes"])
        summary = {**line, **scenes, "digest": line["digest"]}
        intact = seal(summary)["digest"] == line["digest"]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise EarmarkError(
            f"{path} line {number}: not a summary, or a line that it names is missing; {REMEDY}"
        ) from None
    if not intact:
        raise EarmarkError(
            f"{path} line {number}: the line, or that of its scenes, was edited: its digest does not match; {REMEDY}"
        )
    if missing := [field for field in FIELDS if field not in summary]:
        raise EarmarkError(f"{path} line {number}: the summary lacks {', '.join(missing)}; {REMEDY}")
    try:
        Kinds.model_validate(summary)
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"][:2]))
        raise EarmarkError(f"{path} line {number}: {where} is not what a run writes; {REMEDY}") from None
    if len(summary["groups"]) != len(summary["scenes"]):
        raise EarmarkError(f"{path} line {number}: groups is not what a run writes: one for each scene; {REMEDY}")
    if summary["track"] not in ("closed", "open"):
        raise EarmarkError(f"{path} line {number}: the track is closed or open; {REMEDY}")
    return {name: value for name, value in line.items() if name != "sums"}


def sums_of(summary: Mapping[str, Any]) -> Mapping[str, Any]:
    """The sums of a summary: tables by column, packed or not."""
    sums: Mapping[str, Any] = json.loads(summary.text)["sums"] if isinstance(summary, Line) else summary["sums"]
    return sums


def unpacked(summary: Mapping[str, Any]) -> Summary:
    """A summary with unpacked tables: for each scene, a list over conditions."""
    if "sums" not in summary and not isinstance(summary, Line):
        return dict(summary)  # a line of scenes
    size = len(summary["scenes"]), len(summary["conditions"])
    tables = {name: unpacked_table(table, *size) for name, table in sums_of(summary).items()}
    return {**summary, "sums": tables, "failed": unpacked_table(summary["failed"], *size)}


def unpacked_table(table: Any, scenes: int, conditions: int) -> list[list[Any]]:
    """A table, packed or not, as a list over conditions for each scene."""
    rows = [table.get(str(index), table["*"]) for index in range(scenes)] if isinstance(table, dict) else table
    return [
        row if isinstance(row, list) else [int(digit) for digit in row] if isinstance(row, str) else [row] * conditions
        for row in rows
    ]


def _written(summary: Mapping[str, Any]) -> tuple[str, Summary, bytes]:
    """The digest of a summary, the line of its scenes, and its own text."""
    sealed = seal(summary)
    lists = seal({name: sealed[name] for name in ("scenes", "groups", "conditions")})
    rest = {name: value for name, value in sealed.items() if name not in ("groups", "conditions")}
    packed = {
        "sums": {name: _packed_table(table) for name, table in sealed["sums"].items()},
        "failed": _packed_table(sealed["failed"]),
    }
    return sealed["digest"], lists, canonical({**rest, **packed, "scenes": lists["digest"]}).encode()


def _packed_table(rows: list[list[Any]]) -> list[Any] | dict[str, Any]:
    short = [_packed_row(row) for row in rows]
    most, times = Counter(map(canonical, short)).most_common(1)[0] if short else ("null", 0)
    if times <= len(short) / 2:
        return short
    return {"*": json.loads(most), **{str(index): row for index, row in enumerate(short) if canonical(row) != most}}


def _packed_row(row: list[Any]) -> Any:
    kinds = set(map(type, row))
    if len(kinds) == 1 and row.count(row[0]) == len(row):
        return row[0]
    return "".join(map(str, row)) if kinds == {int} and all(0 <= value <= 9 for value in row) else row
