"""What the page shows of a leaderboard, as plain values: the tables of its tasks, of all tasks together, and the notes
beside them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from benchmark import statistics
from benchmark.results.board import REDUCTION, Board, Overall, Row, change, place, pooled, together
from benchmark.results.leaderboard_files import pareto

NAN = float("nan")


class Estimate(NamedTuple):
    """A value and its 95 % interval; NaN where there is none."""

    value: float
    low: float = NAN
    high: float = NAN


@dataclass(frozen=True)
class Who:
    """Whose row it is, and how it competes."""

    front_end: str
    scheme: str
    track: str
    rank: int | None
    ranked: bool  # False: the reference
    baseline: bool
    seeds: int
    failures: float = 0.0  # share of utterances on which it failed, over all tasks of the row

    @property
    def name(self) -> tuple[str, str]:
        """Front-end and scheme."""
        return self.front_end, self.scheme


@dataclass(frozen=True)
class Line:
    """A row of a task's board."""

    who: Who
    score: Estimate
    change: Estimate | None  # against the baseline, in units of the metric; None: nothing to compare
    gain: Estimate | None  # the same with more always better
    p: float | None  # corrected, of the change
    conditions: list[float]
    others: list[float]  # secondary metrics
    coverage: str
    failed: int
    training_data: str


@dataclass(frozen=True)
class TaskView:
    """A task's board, rows in their order."""

    board: Board
    lines: list[Line]
    others: list[str]  # the names of secondary metrics
    excluded: int  # scenes times conditions that no row could be scored on

    @property
    def name(self) -> str:
        """The task's label."""
        return self.board.task

    @property
    def direction(self) -> str:
        """Where the better scores are."""
        return "more is better" if self.board.sign > 0 else "less is better"

    @cached_property
    def by_name(self) -> dict[tuple[str, str], Line]:
        """The lines by front-end and scheme."""
        return {line.who.name: line for line in self.lines}


@dataclass(frozen=True)
class Together:
    """A row of the overall board."""

    who: Who
    reduction: Estimate  # mean relative reduction of the error against the baseline
    reductions: dict[str, float]  # by task
    worst: str | None  # the task that it helps least
    mean_rank: float
    complete: int  # tasks that were scored completely
    costs: dict[str, float | None]  # of its front-end: means over all its rows; None where they could not be measured
    spent: dict[str, float | None]  # of the row itself, means over tasks, seeds and folds
    # "yes" where no other row of its track scores no less, costs no more, and is better in one of these; "" where it
    # does not compete
    pareto: str


COSTS = {
    "macs_per_second": "multiply-accumulates per second of audio",
    "real_time_factor": "real-time factor, one thread",
    "latency_ms": "look-ahead in ms",
}
SPENT = {  # by cost: its name in the table, and decimals
    "parameters": ("parameters", 0),
    "macs_per_second": ("MACs per second", 0),
    "real_time_factor": ("real-time factor", 4),
    "latency_ms": ("look-ahead, ms", 1),
    "peak_memory_mb": ("peak memory, MB", 0),
    "train_seconds": ("training, s", 0),
}


def task_view(board: Board) -> TaskView:
    """The board of one task, its rows in the order of the CSV file."""
    scored, changed = board.designs()
    figure = board.figures[board.metric]
    others = [name for name in board.figures if name != board.metric and any(name in row.figures for row in board.rows)]
    excluded = int(board.excluded.sum())
    lines = []
    for row in sorted(board.rows, key=lambda row: place(row, board.sign)):
        against = change(row, board.baseline)
        difference = (
            None if against is None else _estimate(*against, changed._replace(seeds=len(row.seeds)), figure.differences)
        )
        lines.append(
            Line(
                who=_who(row),
                score=_estimate(row.score, row.by_seed, scored._replace(seeds=len(row.seeds)), figure.bounds),
                change=difference,
                gain=difference
                if difference is None or board.sign > 0
                else Estimate(-difference.value, -difference.high, -difference.low),
                p=None if against is None else board.p.get(row.name),
                conditions=[float(value) for value in row.figures[board.metric]],
                others=[
                    float(row.figures[name][board.noisy].mean()) if name in row.figures and board.noisy else NAN
                    for name in others
                ],
                coverage=f"{row.present.sum()} of {(~board.left_out | board.excluded).sum() * len(row.seeds)}",
                failed=int(row.failed.sum()),
                training_data=row.lines[0]["training_data"],
            )
        )
    return TaskView(board, lines, others, excluded)


def overall_view(boards: Sequence[Board], rows: Sequence[Overall]) -> list[Together]:
    """All tasks together, rows in the order of overall.csv; `rows` as `overall` returns them."""
    design = pooled(together(boards), [row for row in rows if row.rank is not None])
    costs: dict[str, list[Mapping[str, object]]] = {}
    for row in rows:
        costs.setdefault(row.name[0], []).extend(line["costs"] for own in row.rows.values() for line in own.lines)
    means = {
        front_end: {name: _mean([cost.get(name) for cost in own]) for name in COSTS} for front_end, own in costs.items()
    }
    marks = pareto(rows, 1)
    return [_together(row, design, means[row.name[0]], marks.get(row.name, "")) for row in rows]


def condition_intervals(
    board: Board, names: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], list[tuple[float, float]]]:
    """The 95 % interval of the primary metric in every condition, by row; from the draws that the board's scores were
    made with, seeds not pooled.
    """
    found = {}
    for row in (row for row in board.rows if row.name in names):
        figure = board.replicates(board.sums(row), board.weights)[board.metric]
        design = board.design._replace(seeds=len(row.seeds))
        values = [board.score_of(figure, row, [index]) for index in range(len(board.conditions))]
        found[row.name] = [statistics.interval(*value, design, board.figures[board.metric].bounds) for value in values]
    return found


def _estimate(
    values: np.ndarray, by_seed: np.ndarray, design: statistics.Design, bounds: tuple[float, float]
) -> Estimate:
    return Estimate(float(values[0]), *statistics.interval(values, by_seed, design, bounds))


def _who(row: Row | Overall) -> Who:
    own = [row] if isinstance(row, Row) else list(row.rows.values())
    failures = sum(one.failed.sum() for one in own) / max(sum(one.present.sum() for one in own), 1)
    return Who(
        *row.name, row.track, row.rank, row.ranked, any(one.baseline for one in own), len(row.seeds), float(failures)
    )


def _together(row: Overall, design: statistics.Design, costs: dict[str, float | None], mark: str) -> Together:
    who = _who(row)
    own = list(row.rows.values())
    reductions = {task: float(score[0]) for task, (score, _) in row.reductions.items()}
    ranks = [one.rank for one in own if one.rank is not None]
    return Together(
        who=who,
        reduction=_estimate(
            row.score, row.by_seed, design.over(row.counted)._replace(seeds=who.seeds), REDUCTION.bounds
        ),
        reductions=reductions,
        worst=None if who.baseline else min(reductions, key=reductions.__getitem__, default=None),
        mean_rank=float(np.mean(ranks)) if ranks else NAN,
        complete=sum(one.complete for one in own),
        costs=costs,
        spent={name: _mean([line["costs"].get(name) for one in own for line in one.lines]) for name in SPENT},
        pareto=mark,
    )


def _mean(values: Sequence[object]) -> float | None:
    numbers = [value for value in values if isinstance(value, int | float)]
    return float(np.mean(numbers)) if len(numbers) == len(values) and numbers else None
