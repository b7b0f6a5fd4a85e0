"""A look at every recording of a corpus, so that all that cannot be used is told at once, before anything is trained.

What was found to be sound is remembered by path, size and time of writing; only what is new is looked at again.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from benchmark import audio
from benchmark.errors import EarmarkError
from benchmark.store import digest, write_text

METHOD = 1  # raise it when other recordings count as usable, and all are looked at anew
SHORTEST = 0.01  # seconds; a shorter target holds no sound that could be labelled; ours
LISTED = 20  # lines of a message
OPTION = "without"  # the option of every corpus that leaves recordings out
State = list[int]  # size in bytes and time of writing in ns


def unusable(rows: Sequence[Mapping[str, Any]], cache: Path, targets: bool) -> dict[str, str]:
    """Why recordings cannot be used, by id.

    Args:
        rows: of the corpus
        cache: the folder in which is remembered what was looked at
        targets: whether they are targets; interferers that are silent or short are drawn again, and may be there
    """
    memory = cache / "looked_through" / f"{'targets' if targets else 'others'}.json"
    known, states = _remembered(memory), {path: _state(path) for row in rows for path in _files(row)}
    new = [row for row in rows if not _is_known(row, known, states)]
    console, found = Console(stderr=True), {}
    few = len(new) < 1000 or not console.is_terminal
    for row in track(new, "looking through recordings", console=console, transient=True, disable=few):
        if reason := _fault(row, targets):
            found[str(row["id"])] = reason
        else:
            known |= {path: state for path in _files(row) if (state := states[path]) is not None}
    if len(found) < len(new):
        with suppress(OSError):  # a cache that cannot be written is none
            write_text(memory, json.dumps({"method": METHOD, "files": known}))
    return found


def told(name: str, found: Mapping[str, str], count: int, cache: Path) -> str:
    """Lines that list what cannot be used and say how to leave it out.

    Args:
        name: of the corpus
        found: reasons by id
        count: the number of recordings in the corpus
        cache: the folder in which the list is written
    """
    every = "".join(f"{identifier}\t{found[identifier]}\n" for identifier in sorted(found))
    place = cache / "unusable" / f"{name.rpartition('/')[2].rpartition(':')[2]}-{digest(sorted(found))}.txt"
    try:
        write_text(place, every)
        how = f"{OPTION}: {place}"
    except OSError:
        how = f"{OPTION}: [{', '.join(map(json.dumps, sorted(found)[:LISTED]))}]"
    lines = [
        f"{name}: {len(found)} of {count} recordings cannot be used; mend them, or leave them out with this option of "
        f"the corpus: {how}"
    ]
    lines += [f"{name}: {identifier}: {found[identifier]}" for identifier in sorted(found)[:LISTED]]
    if len(found) > LISTED:
        lines.append(f"{name}: and {len(found) - LISTED} more")
    return "\nearmark: ".join(lines)


def left_out(given: str | Sequence[str], where: str) -> frozenset[str]:
    """The ids that the option `without` names: a list of them, or a text file with one at the beginning of each line.

    Raises EarmarkError where it is neither.
    """
    if isinstance(given, str):
        try:
            lines = Path(given).expanduser().read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise EarmarkError(
                f"{where}: {OPTION}: {given}: cannot be read ({error}); name a text file of ids, or list them"
            ) from error
        return frozenset(name for line in lines if (name := line.partition("\t")[0].strip()))
    if not isinstance(given, list | tuple) or not all(isinstance(name, str) for name in given):
        raise EarmarkError(
            f"{where}: {OPTION}: {given!r} is no list of ids; write [ID, ID], or name a text file of them"
        )
    return frozenset(given)


def _fault(row: Mapping[str, Any], targets: bool) -> str | None:
    """Why a row cannot be used; None if it can."""
    try:
        heard = audio.header(row["audio"])
        if row.get("clean") is not None and (clean := audio.header(row["clean"]))[:1] + clean[2:3] != (
            heard.rate,
            heard.frames,
        ):
            return "noisy and clean differ in length"
        if targets and heard.frames < SHORTEST * heard.rate:
            return f"too short, {heard.frames} samples at {heard.rate} Hz; {SHORTEST} s is the least"
        silent = [not audio.sounds(source) for source in _sources(row)]
        if targets and "clean" not in row and any(silent):  # a pair is used as it was recorded
            return "the recording is silent"
    except EarmarkError as error:
        reason = str(error).partition("; ")[0]
        return next((reason.removeprefix(start) for start in _starts(row) if reason.startswith(start)), reason)
    return None


def _sources(row: Mapping[str, Any]) -> Iterator[Any]:
    return (row[name] for name in ("audio", "clean") if row.get(name) is not None)


def _starts(row: Mapping[str, Any]) -> Iterator[str]:
    """How messages begin that name a row's file, which its id does already."""
    return (f"{audio.shown(path)}: " for path in _files(row))


def _files(row: Mapping[str, Any]) -> list[str]:
    """The paths of a row's files; none for audio inside a table."""
    sources = (each.get("path") if isinstance(each, Mapping) else each for each in _sources(row))
    held = any(isinstance(each, Mapping) and each.get("bytes") for each in _sources(row))
    return [] if held else [os.path.abspath(str(path)) for path in sources]


def _state(path: str) -> State | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns]


def _is_known(row: Mapping[str, Any], known: Mapping[str, State], states: Mapping[str, State | None]) -> bool:
    files = _files(row)
    return bool(files) and all(states[path] is not None and known.get(path) == states[path] for path in files)


def _remembered(memory: Path) -> dict[str, State]:
    """The files that were sound, with their states then; none where that is not known."""
    try:
        value = json.loads(memory.read_text(encoding="utf-8"))
        return dict(value["files"]) if value["method"] == METHOD else {}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
