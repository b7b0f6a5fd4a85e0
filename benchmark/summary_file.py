"""The file of summaries: one sealed line for each front-end, scheme, task, seed and fold, small enough to be kept under version control.

Scenes, their groups and their conditions stand on lines of their own, which summaries name by digest. In a summary a table (scenes by conditions) is packed:
a row of digits is a string, a row of equal values one value, and where most scenes have the same row it stands once, as "*". A summary's seal is over what is
meant, not how it is written.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmark.errors import EarmarkError
from benchmark.store import canonical, write_text

SUMMARIES = "summaries.jsonl"
FIELDS = (
    *("protocol", "task", "component", "front_end", "scheme", "seed", "fold", "baseline", "ranked", "track", "training_data", "corpora", "synthetic"),
    *("conditions", "scenes", "groups", "sums", "failed", "excluded", "updates", "costs"),
)
REMEDY = "restore the file from version control, or delete the line and run the recipe again"
LISTS = {"scenes", "groups", "conditions", "digest"}  # the fields of a line of scenes
Summary = dict[str, Any]


def seal(summary: Mapping[str, Any]) -> Summary:
    """The summary with its "digest": SHA-256 of the canonical JSON of all the rest; ValueError where a number is not finite."""
    rest = {key: value for key, value in summary.items() if key != "digest"}
    return {**rest, "digest": hashlib.sha256(canonical(rest).encode()).hexdigest()}


def read_summaries(path: Path) -> list[Summary]:
    """All lines of a summaries file; EarmarkError names the file and the line that is cut, edited or lacks something."""
    if not path.is_file():
        raise EarmarkError(f"{path}: no such file; run the recipe first")
    lines = [(number, _parsed(path, number, line)) for number, line in enumerate(path.read_bytes().splitlines(), 1)]
    lists = {line["digest"]: line for _, line in lines if line.keys() == LISTS}
    summaries = []
    for number, line in lines:
        if line.keys() == LISTS:
            continue
        try:
            summary = _unpacked(line, lists)
            intact = summary["digest"] == seal(summary)["digest"]
        except (ValueError, TypeError, KeyError, AttributeError):
            raise EarmarkError(f"{path} line {number}: not a summary, or the line of its scenes is missing; {REMEDY}") from None
        if not intact:
            raise EarmarkError(f"{path} line {number}: the line, or that of its scenes, was edited: its digest does not match; {REMEDY}")
        if missing := [field for field in FIELDS if field not in summary]:
            raise EarmarkError(f"{path} line {number}: the summary lacks {', '.join(missing)}; {REMEDY}")
        summaries.append(summary)
    return summaries


def write_summaries(path: Path, summaries: Iterable[Mapping[str, Any]]) -> None:
    """Write sealed summaries, sorted by task, row, seed and fold, one a line, after the lists of scenes; whole or not at all."""
    sealed = [seal(summary) for summary in sorted(summaries, key=order)]
    lists = {entry["digest"]: entry for entry in map(_lists, sealed)}
    write_text(path, "".join(f"{canonical(line)}\n" for line in [*lists.values(), *map(_packed, sealed)]))


def order(summary: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a line is about, and where it stands in the file."""
    return summary["task"], summary["front_end"], summary["scheme"], summary["seed"], str(summary["fold"])


def _parsed(path: Path, number: int, line: bytes) -> Summary:
    try:
        parsed = json.loads(line)
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        raise EarmarkError(f"{path} line {number}: the line is cut or not a summary; {REMEDY}")
    return parsed


def _lists(summary: Summary) -> Summary:
    return seal({name: summary[name] for name in ("scenes", "groups", "conditions")})


def _packed(summary: Summary) -> Summary:
    tables = {name: _packed_table(table) for name, table in summary["sums"].items()}
    rest = {name: value for name, value in summary.items() if name not in ("groups", "conditions")}
    return {**rest, "scenes": _lists(summary)["digest"], "sums": tables, "failed": _packed_table(summary["failed"])}


def _unpacked(line: Summary, lists: Mapping[str, Summary]) -> Summary:
    if "sums" not in line:
        return line
    scenes = {name: value for name, value in lists[line["scenes"]].items() if name != "digest"}
    size = len(scenes["scenes"]), len(scenes["conditions"])
    tables = {name: _unpacked_table(table, *size) for name, table in line["sums"].items()}
    return {**line, **scenes, "sums": tables, "failed": _unpacked_table(line["failed"], *size)}


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


def _unpacked_table(table: Any, scenes: int, conditions: int) -> list[list[Any]]:
    rows = [table.get(str(index), table["*"]) for index in range(scenes)] if isinstance(table, dict) else table
    return [row if isinstance(row, list) else [int(digit) for digit in row] if isinstance(row, str) else [row] * conditions for row in rows]
