"""Confusion matrices of classification tasks, from summaries that count confusions, else from stored predictions."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmark.conditions import is_clean
from benchmark.results.board import Board
from benchmark.results.board_rows import BoardRow
from benchmark.results.records import Records

FAILED = "(failed)"  # the column of utterances without a prediction
MOST_CLASSES = 60  # beyond which a table could not be read, and is not shown
MOST_ROWS = 60  # of a board, the best ones


@dataclass(frozen=True)
class Confusion:
    """How often each true label (rows) was taken for each label (columns), over seeds, folds and noisy conditions."""

    name: tuple[str, str]
    track: str
    labels: list[str]
    predicted: list[str]  # labels, and FAILED where there is any
    counts: list[list[int]]

    @property
    def shares(self) -> list[list[float]]:
        """The counts divided by the sum of their row."""
        return [[count / max(sum(row), 1) for count in row] for row in self.counts]


def confusions(board: Board, records: Records) -> list[Confusion]:
    """The matrices of a board's rows, in their order.

    Rows with neither counts nor records have none, nor have tasks that predict no labels.
    """
    found = []
    for row in board.ordered[:MOST_ROWS]:
        if any(column.startswith("confusion:") for column in board.layout.columns):
            made = _summed(board, row)
        else:
            predictions = _predictions(row, records)
            if predictions is None:
                continue
            if not predictions or "label" not in predictions[0]["reference"]:
                return []
            made = _confusion(row, [entry for entry in predictions if not is_clean(entry["conditions"])] or predictions)
        if len(made.labels) <= MOST_CLASSES:
            found.append(made)
    return found


def _summed(board: Board, row: BoardRow) -> Confusion:
    """The matrix from the columns count:<true> and confusion:<true>:<predicted>."""
    kept = np.where(board.left_out[:, None], 0, board.sums(row))[..., board.headline].sum((1, 2, 3))
    total = dict(zip(board.layout.columns, kept.round().astype(int).tolist(), strict=True))
    labels = sorted(column.removeprefix("count:") for column in total if column.startswith("count:"))
    counts = [[total[f"confusion:{true}:{predicted}"] for predicted in labels] for true in labels]
    failed = [total[f"count:{true}"] - sum(own) for true, own in zip(labels, counts, strict=True)]
    if any(failed):
        return Confusion(
            row.name,
            row.track,
            labels,
            [*labels, FAILED],
            [[*own, count] for own, count in zip(counts, failed, strict=True)],
        )
    return Confusion(row.name, row.track, labels, labels, counts)


def _predictions(row: BoardRow, records: Records) -> list[dict[str, Any]] | None:
    """The predictions of all seeds and folds; None where one of them is missing."""
    parts = [records.predictions(line) for line in row.lines]
    return (
        None
        if None in parts
        else [entry for part in parts if part for entry in part if not entry["prediction"].get("excluded")]
    )


def _confusion(row: BoardRow, entries: Iterable[Mapping[str, Any]]) -> Confusion:
    pairs = Counter(
        (str(entry["reference"]["label"]), FAILED if entry["failed"] else str(entry["prediction"].get("label", FAILED)))
        for entry in entries
    )
    labels = sorted({reference for reference, _ in pairs} | {predicted for _, predicted in pairs} - {FAILED})
    predicted = labels + [FAILED] * any(predicted == FAILED for _, predicted in pairs)
    return Confusion(
        row.name,
        row.track,
        labels,
        predicted,
        [[pairs[reference, label] for label in predicted] for reference in labels],
    )
