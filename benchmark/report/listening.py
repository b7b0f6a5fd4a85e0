"""Scenes to listen to: what the task models got to hear, side by side, and what they made of it.

Records keep it (benchmark/running/kept_audio.py): under `identity` it is the noisy signal, for the reference the clean
one. A sound that rows share is shown once.
"""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmark import audio
from benchmark.errors import EarmarkError
from benchmark.report.understood import Understood, understood
from benchmark.results.board import Board, Row, place
from benchmark.results.records import Records
from benchmark.running.kept_audio import INDEX


@dataclass
class Take:
    """A sound, and what was made of it."""

    front_end: str  # the first that it came from
    kind: str  # noisy, clean or enhanced
    sound: np.ndarray  # (channels, time), rms 1.0 is 100 dB SPL
    understood: list[Understood] = field(default_factory=list)


@dataclass
class Scene:
    """A scene and all that was made of it."""

    task: str
    id: str
    conditions: str
    reference: str  # what was said, where that is words or a label
    # by digest of their samples: noisy, clean, then rows in their order
    takes: dict[str, Take] = field(default_factory=dict)
    failed: list[Understood] = field(default_factory=list)  # rows that made no sound of it


def scenes(board: Board, records: Records) -> list[Scene]:
    """The scenes of a board whose sounds are here, by their ids; of several seeds and folds a row's first is heard."""
    untouched = {row.name[0] for row in board.rows if row.baseline}
    kinds = {
        row.name: "clean" if not row.ranked else "noisy" if row.name[0] in untouched else "enhanced"
        for row in board.rows
    }
    order = ["noisy", "clean", "enhanced"]
    found: dict[tuple[str, str], Scene] = {}
    failed: list[tuple[tuple[str, str], Understood]] = []
    for row in sorted(board.rows, key=lambda row: (order.index(kinds[row.name]), place(row, board.sign))):
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
            scene = found.setdefault(where, Scene(board.task, where[0], where[1], str(said)))
            sound = audio.read(file)
            take = scene.takes.setdefault(
                hashlib.sha256(sound.tobytes()).hexdigest(), Take(row.name[0], kinds[row.name], sound)
            )
            take.understood.append(understood(row, entry))
    for where, one in failed:
        if where in found:
            found[where].failed.append(one)
    return [found[where] for where in sorted(found)]


def _sounds(row: Row, records: Records) -> dict[tuple[str, str], Path]:
    """The files that the first seed and fold of a row keep, by scene and conditions."""
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
    # the SNR before the listener
    return entry["scene"], ", ".join(str(value) for _, value in sorted(entry["conditions"].items(), reverse=True))
