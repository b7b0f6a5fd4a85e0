"""Scenes to listen to: what the task models heard, side by side, and what they made of it.

The sounds are kept in records (benchmark/running/kept_audio.py). Under `identity` it is the noisy signal, for the
reference the clean one. A sound that several rows share is shown once.
"""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmark import audio
from benchmark.conditions import AXES, readable
from benchmark.errors import EarmarkError
from benchmark.report.understood import Understood, understood
from benchmark.results.board import Board
from benchmark.results.board_rows import BoardRow
from benchmark.results.records import Records
from benchmark.running.kept_audio import INDEX


@dataclass
class Take:
    """A sound, and what task models made of it."""

    front_end: str  # the first that made it
    kind: str  # noisy, clean or enhanced
    sound: np.ndarray  # (channels, time), rms 1.0 is 100 dB SPL
    understood: list[Understood] = field(default_factory=list)


@dataclass
class KeptScene:
    """A scene whose sounds were kept, and everything that was made of it."""

    task: str
    id: str
    condition: str  # as it is read, "−5 dB, N3"
    reference: str  # what was said, where that is words or a label
    # by digest of their samples: noisy, clean, then rows in their order
    takes: dict[str, Take] = field(default_factory=dict)
    failed: list[Understood] = field(default_factory=list)  # rows that made no sound of it


def kept_scenes(board: Board, records: Records) -> list[KeptScene]:
    """The scenes of a board whose sounds are here, by id; of a row's seeds and folds the first is heard."""
    untouched = {row.name[0] for row in board.rows if row.baseline}
    kinds = {
        row.name: "clean" if not row.ranked else "noisy" if row.name[0] in untouched else "enhanced"
        for row in board.rows
    }
    order = ["noisy", "clean", "enhanced"]
    found: dict[tuple[str, str], KeptScene] = {}
    failed: list[tuple[tuple[str, str], Understood]] = []
    for row in sorted(board.ordered, key=lambda row: order.index(kinds[row.name])):
        sounds = _sounds(row, records)
        predictions = (
            {_where(entry): entry for entry in records.predictions(row.lines[0]) or []}
            if sounds or row.failed.any()
            else {}
        )
        failed += [
            (where, understood(row, entry))
            for where, entry in predictions.items()
            if entry["failed"] is not None and where not in sounds
        ]
        for where, file in sounds.items():
            entry = predictions[where]
            said = entry["reference"].get("text") or entry["reference"].get("label") or ""
            scene = found.setdefault(where, KeptScene(board.task, where[0], where[1], str(said)))
            sound = audio.read(file)
            take = scene.takes.setdefault(
                hashlib.sha256(sound.tobytes()).hexdigest(), Take(row.name[0], kinds[row.name], sound)
            )
            take.understood.append(understood(row, entry))
    for where, one in failed:
        if where in found:
            found[where].failed.append(one)
    return [found[where] for where in sorted(found)]


def _sounds(row: BoardRow, records: Records) -> dict[tuple[str, str], Path]:
    """The files that the first seed and fold of a row keep, by scene and condition."""
    folder = records.folder(row.lines[0])
    path = folder / "audio" / INDEX if folder else None
    if path is None or not path.is_file():
        return {}
    try:
        return {
            _where(entry): path.with_name(Path(entry["file"]).name)
            for entry in json.loads(path.read_text(encoding="utf-8"))
        }
    except (ValueError, TypeError, KeyError) as error:
        raise EarmarkError(f"{path}: not a list of sounds; delete {folder} and run again, it is made anew") from error


def _where(entry: dict[str, Any]) -> tuple[str, str]:
    """The scene of a record's entry, and its condition as it is read: values in the order of AXES, others behind."""
    values = entry["conditions"]
    order = [name for name in AXES if name in values] + sorted(name for name in values if name not in AXES)
    return entry["scene"], ", ".join(readable(str(values[name])) for name in order)
