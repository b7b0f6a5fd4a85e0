"""All tasks of a leaderboard together: the mean relative error reduction of each row."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from benchmark import statistics
from benchmark.contracts import Figure
from benchmark.results.board import NAN, Board
from benchmark.results.board_rows import BoardRow, track_of
from benchmark.results.ranking import competitors, in_board_order, pooled, rank

REDUCTION = Figure(best=1.0, floor=0.0)  # of errors, relative to the baseline's
UNKNOWN = statistics.Counted(NAN, NAN)


@dataclass(eq=False)
class OverallRow:
    """One front-end under one scheme over all tasks; its score is the mean relative error reduction."""

    name: tuple[str, str]  # front-end, scheme
    rows: dict[str, BoardRow]  # by task
    # by task, where it is defined: (1 + replicates,), and the same with seeds alone redrawn
    reductions: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    rank: int | None = None
    counted: statistics.Counted = UNKNOWN  # units of the tasks that have reductions

    @cached_property
    def score(self) -> np.ndarray:
        """The mean reduction, (1 + replicates,); NaN where no task has one."""
        return np.mean([score for score, _ in self.reductions.values()] or [np.full(1 + statistics.REPLICATES, NAN)], 0)

    @cached_property
    def by_seed(self) -> np.ndarray:
        """The mean reduction with seeds alone redrawn, (1 + replicates,)."""
        return np.mean(
            [by_seed for _, by_seed in self.reductions.values()] or [np.full(1 + statistics.REPLICATES, NAN)], 0
        )

    @cached_property
    def seeds(self) -> list[int]:
        """The seeds of the task that has fewest."""
        return min((row.seeds for row in self.rows.values()), key=len)

    @cached_property
    def records(self) -> tuple[str, ...]:
        """The records of all tasks: rows with the same ones are one system under several names."""
        return tuple(sorted(record for row in self.rows.values() for record in row.records))

    @cached_property
    def track(self) -> str:
        """Closed, or open where any task's is."""
        return track_of(row.track for row in self.rows.values())

    @property
    def ranked(self) -> bool:
        """Whether it competes on every task."""
        return all(row.ranked for row in self.rows.values())


class Overall:
    """The rows of all boards with their relative error reduction, in the order of the overall board.

    The reduction is 1 - error / error of the baseline, where error = |best - score|. With one board alone rows keep its
    ranks: reductions say nothing that its scores do not, and their own p values would differ.
    """

    def __init__(self, boards: Sequence[Board]) -> None:
        self.boards = boards
        rows: dict[tuple[str, str], OverallRow] = {}
        for board in boards:
            best = board.figures[board.metric].best
            for row in board.rows:
                entry = rows.setdefault(row.name, OverallRow(row.name, {}))
                entry.rows[board.task] = row
                if board.baseline and row.complete:
                    reduction = _reduction(row.score, board.baseline.score, best)
                    if np.isfinite(reduction[0]):
                        entry.reductions[board.task] = reduction, _reduction(row.by_seed, board.baseline.by_seed, best)
        entered = [row for row in rows.values() if row.ranked and len(row.reductions) == len(boards)]
        self.p = np.empty((0, 0))  # corrected p values of the entered rows; those of one board alone are the board's
        if len(boards) == 1:
            for entry in entered:
                entry.rank = next(iter(entry.rows.values())).rank
        elif entered:
            ranks, p = rank(competitors(entered), self.design, added=contributions(entered, boards))
            for entry, own in zip(entered, ranks, strict=True):
                entry.rank = int(own)
            self.p = p
        self.entered = entered
        self._count_units(list(rows.values()))
        self.rows = in_board_order(rows.values())

    @property
    def design(self) -> statistics.Design:
        """What figures over all boards rest on. Units depend on the figure; here they are the fewest of any board."""
        return statistics.Design(
            sum(len(board.scenes) for board in self.boards), min(board.design.units for board in self.boards)
        )

    def pooled(self, baseline: np.ndarray | float = 0.0) -> statistics.Design:
        """The design with the seed variance pooled over the ranked rows, or over their distances from a baseline."""
        return pooled(self.design, [row for row in self.rows if row.rank is not None], baseline)

    def _count_units(self, rows: Sequence[OverallRow]) -> None:
        by_tasks: dict[tuple[str, ...], list[OverallRow]] = {}
        for row in rows:
            by_tasks.setdefault(tuple(board.task for board in self.boards if board.task in row.reductions), []).append(
                row
            )
        for tasks, alike in by_tasks.items():
            if tasks:
                found = contributions(alike, [board for board in self.boards if board.task in tasks]).of_rows()
                for index, row in enumerate(alike):
                    row.counted = statistics.Counted(*(float(values[index]) for values in found))


def contributions(
    rows: Sequence[OverallRow], boards: Sequence[Board], others: Sequence[OverallRow] | None = None
) -> statistics.Contributions:
    """What each board adds to the scores of rows, minus its contribution to the paired rows in `others`.

    All of them have reductions on all of these boards.
    """
    values = np.array([[row.reductions[board.task][0] for row in rows] for board in boards])
    if others is not None:
        values = values - np.array([[row.reductions[board.task][0] for row in others] for board in boards])
    return statistics.Contributions(values / len(boards), [board.design.units for board in boards])


def _reduction(score: np.ndarray, baseline: np.ndarray, best: float) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        reduction = 1 - np.abs(best - score) / np.abs(best - baseline)
    return np.where(np.isfinite(reduction), reduction, NAN)  # undefined where the baseline makes no error
