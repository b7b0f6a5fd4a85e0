"""Who differs from whom: the pairs behind the ranks, and the runs of rows of which no two differ significantly."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from benchmark import statistics
from benchmark.results.board import Board, Overall, Row, corrected, place, together

MOST = 40  # rows beyond which the diagram could not be read, and is not drawn


class Group(NamedTuple):
    """The ranked rows of one track, in the order of their scores, and the bars that join them."""

    track: str
    names: list[tuple[str, str]]
    bars: list[tuple[int, int]]  # first and last row, both included


def of_board(board: Board) -> list[Group]:
    """The groups of a task's board, by track."""
    return _groups(board.entered, board.sign, board.baseline, board.design)


def of_overall(boards: Sequence[Board], rows: Sequence[Overall]) -> list[Group]:
    """The groups of all tasks together; those of the only one where there is one, as their ranks are."""
    if len(boards) == 1:
        return of_board(boards[0])
    return _groups([row for row in rows if row.rank is not None], 1, None, together(boards), boards)


def runs(differ: np.ndarray) -> list[tuple[int, int]]:
    """The longest runs of neighbours, two or more, of which no two differ; `differ` is (rows, rows), bool."""
    found: list[tuple[int, int]] = []
    for first in range(len(differ)):
        last = first
        while last + 1 < len(differ) and not differ[first : last + 1, last + 1].any():
            last += 1
        if last > first and (not found or last > found[-1][1]):
            found.append((first, last))
    return found


def _groups(
    rows: Sequence[Row | Overall],
    sign: int,
    baseline: Row | None,
    design: statistics.Design,
    boards: Sequence[Board] = (),
) -> list[Group]:
    if not rows or len(rows) > MOST:
        return []
    records = list(dict.fromkeys(row.records for row in rows))
    p = corrected([next(row for row in rows if row.records == record) for record in records], baseline, design, boards)
    groups = []
    for track in sorted({row.track for row in rows}):  # closed before open
        own = sorted((row for row in rows if row.track == track), key=lambda row: place(row, sign))
        where = [records.index(row.records) for row in own]
        groups.append(Group(track, [row.name for row in own], runs(p[np.ix_(where, where)] < statistics.ALPHA)))
    return groups
