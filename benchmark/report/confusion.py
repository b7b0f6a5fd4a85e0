"""Confusion matrices of classification tasks, from stored predictions: what was said against what was understood."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmark.board import Board, Row, place
from benchmark.records import Records

FAILED = "(failed)"  # the column of utterances without a prediction
MOST_CLASSES = 60  # beyond which a table could not be read, and is not shown


@dataclass(frozen=True)
class Confusion:
    """How often each reference (rows) was taken for each label (columns), over all seeds, folds and noisy conditions."""

    name: tuple[str, str]
    track: str
    labels: list[str]
    predicted: list[str]  # labels, and FAILED where there is any
    counts: list[list[int]]

    @property
    def shares(self) -> list[list[float]]:
        """The counts over their row's sum."""
        return [[count / max(sum(row), 1) for count in row] for row in self.counts]


def confusions(board: Board, records: Records) -> list[Confusion]:
    """The matrices of a board's rows, in their order; rows whose records are not here are left out, and so are tasks that predict no labels."""
    found = []
    for row in sorted(board.rows, key=lambda row: place(row, board.sign)):
        predictions = _predictions(row, records)
        if predictions is None:
            continue
        if not predictions or "label" not in predictions[0]["reference"]:
            return []
        noisy = [entry for entry in predictions if entry["conditions"].get("snr") != "clean"] or predictions
        made = _confusion(row, noisy)
        if len(made.labels) <= MOST_CLASSES:
            found.append(made)
    return found


def _predictions(row: Row, records: Records) -> list[dict[str, Any]] | None:
    """Of all seeds and folds; None where one of them is missing."""
    parts = [records.predictions(line) for line in row.lines]
    return None if None in parts else [entry for part in parts if part for entry in part if not entry["prediction"].get("excluded")]


def _confusion(row: Row, entries: Iterable[Mapping[str, Any]]) -> Confusion:
    pairs = Counter((str(entry["reference"]["label"]), FAILED if entry["failed"] else str(entry["prediction"].get("label", FAILED))) for entry in entries)
    labels = sorted({reference for reference, _ in pairs} | {predicted for _, predicted in pairs} - {FAILED})
    predicted = labels + [FAILED] * any(predicted == FAILED for _, predicted in pairs)
    return Confusion(row.name, row.track, labels, predicted, [[pairs[reference, label] for label in predicted] for reference in labels])
