"""What a leaderboard shows, as plain values that are computed once: CSV files, pages and commands only render them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from benchmark import statistics
from benchmark.contracts import Figure
from benchmark.results.board import NAN, Board
from benchmark.results.board_rows import BoardRow
from benchmark.results.cost_columns import COSTS, UPDATES
from benchmark.results.overall import REDUCTION, Overall, OverallRow
from benchmark.results.pareto import highest_costs, pareto_marks
from benchmark.results.ranking import Scored, in_board_order

METHOD_SEEDS = 3  # of training, from which on a row stands for a method
Cost = float | str | None  # a mean, a word such as "not counted", or unknown
Name = tuple[str, str]  # front-end, scheme


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
    failures: float = 0.0  # share of the utterances on which it failed

    @property
    def name(self) -> Name:
        """Front-end and scheme."""
        return self.front_end, self.scheme

    @property
    def is_method(self) -> bool:
        """Whether its seeds are enough to speak of a method, and not of these weights alone."""
        return self.seeds >= METHOD_SEEDS


@dataclass(frozen=True)
class TaskResult:
    """A row of the board of a task."""

    who: Who
    score: Estimate
    change: Estimate | None  # from the baseline, in units of the metric; None: nothing to compare
    gain: Estimate | None  # the same, positive where the row is better
    p: float | None  # of the change, corrected
    figures: Mapping[str, list[float]]  # every figure in every condition
    means: Mapping[str, float]  # every secondary figure over the conditions that make the score
    present: int  # utterances that were scored, over all seeds
    expected: int
    failed: int
    excluded: int  # through the reference's own fault
    complete: bool
    training_data: str
    protocol: int
    corpora: Sequence[str]
    synthetic: bool
    costs: Mapping[str, Cost]  # means over seeds and folds
    updates: Mapping[str, Cost]
    pareto: str  # "yes", "no", or "" where it does not compete; see `pareto_marks`

    @property
    def significant(self) -> bool:
        """Whether it differs significantly from the baseline."""
        return self.p is not None and self.p < statistics.ALPHA


class Differences(NamedTuple):
    """The ranked rows of one track, in the order of the board, and which of them differ significantly."""

    track: str
    names: list[Name]
    differ: np.ndarray  # (rows, rows), bool


@dataclass(frozen=True)
class TaskView:
    """The board of a task."""

    name: str
    metric: str
    figures: Mapping[str, Figure]
    others: list[str]  # secondary figures
    conditions: list[str]
    scenes: int
    groups: int  # speakers or places
    excluded: int  # scenes times conditions on which no row could be scored
    rows: list[TaskResult]
    differences: list[Differences]

    @property
    def more_is_better(self) -> bool:
        """The direction of the metric."""
        return self.figures[self.metric].sign > 0

    @property
    def direction(self) -> str:
        """The direction of the metric in words."""
        return "more is better" if self.more_is_better else "less is better"

    @cached_property
    def by_name(self) -> dict[Name, TaskResult]:
        """The rows by front-end and scheme."""
        return {row.who.name: row for row in self.rows}


@dataclass(frozen=True)
class OverallResult:
    """A row of the overall board."""

    who: Who
    reduction: Estimate  # mean relative reduction of the error against the baseline
    reductions: Mapping[str, float]  # by task, where it is defined
    worst: str | None  # the task with the least reduction; None for the baseline
    mean_rank: float
    scores: Mapping[str, float]  # by task
    complete: int  # tasks that were scored completely
    failed: int
    synthetic: bool
    costs: Mapping[str, Cost]  # means over tasks, seeds and folds
    front_end_costs: Mapping[str, Cost]  # means over all rows of its front-end
    pareto: str  # as of a task, over all tasks


@dataclass(frozen=True)
class LeaderboardView:
    """The boards of all tasks, and the overall board."""

    tasks: list[TaskView]
    rows: list[OverallResult]
    differences: list[Differences]

    @property
    def synthetic(self) -> bool:
        """Whether any corpus is."""
        return any(row.synthetic for row in self.rows)


def view_of(boards: Sequence[Board]) -> LeaderboardView:
    """Everything that the boards of a recipe show, rows in their order."""
    together = Overall(boards)
    differences = _differences(boards[0], boards[0].sign) if len(boards) == 1 else _differences(together, 1)
    return LeaderboardView([task_view(board) for board in boards], _overall_results(together), differences)


def task_view(board: Board) -> TaskView:
    """The board of one task."""
    rows = board.ordered
    scored, changed = board.designs
    metric = board.figures[board.metric]
    changes = [board.change(row) for row in rows]
    seeds = [len(row.seeds) for row in rows]
    scores = _estimates([(row.score, row.by_seed) for row in rows], scored, seeds, metric.bounds)
    differences = _estimates(changes, changed, seeds, metric.differences)
    marks = _pareto(rows, board.sign)
    others = [name for name in board.figures if name != board.metric and any(name in row.figures for row in rows)]
    results = []
    for row, score, change in zip(rows, scores, differences, strict=True):
        assert score is not None
        first = row.lines[0]
        results.append(
            TaskResult(
                who=_who(row, [row]),
                score=score,
                change=change,
                gain=_negative(change) if change is not None and board.sign < 0 else change,
                p=None if change is None else board.p_of_change.get(row.name),
                figures={name: [float(value) for value in values] for name, values in row.figures.items()},
                means={
                    name: float(row.figures[name][board.headline].mean())
                    if name in row.figures and board.headline
                    else NAN
                    for name in others
                },
                present=int(row.present.sum()),
                expected=int((~board.left_out | board.excluded).sum()) * len(row.seeds),
                failed=int(row.failed.sum()),
                excluded=int(board.excluded.sum()) * len(row.seeds),
                complete=row.complete,
                training_data=first["training_data"],
                protocol=first["protocol"],
                corpora=first["corpora"],
                synthetic=bool(first["synthetic"]),
                costs=_costs(row.lines),
                updates={name: mean_cost(line["updates"].get(name) for line in row.lines) for name in UPDATES},
                pareto=marks.get(row.name, ""),
            )
        )
    return TaskView(
        name=board.task,
        metric=board.metric,
        figures=board.figures,
        others=others,
        conditions=board.conditions,
        scenes=len(board.scenes),
        groups=len(set(board.groups)),
        excluded=int(board.excluded.sum()),
        rows=results,
        differences=_differences(board, board.sign),
    )


def condition_intervals(board: Board, names: Iterable[Name]) -> dict[Name, list[tuple[float, float]]]:
    """The 95 % interval of the metric in every condition, by row.

    They are worked out from the draws of the board when they are asked for; seeds are not pooled.
    """
    names, found = set(names), {}
    for row in (row for row in board.rows if row.name in names):
        figure = board.replicates(board.sums(row), board.weights)[board.metric]
        design = board.design._replace(seeds=len(row.seeds))
        values = [board.score_of(figure, row, [index]) for index in range(len(board.conditions))]
        found[row.name] = [statistics.interval(*value, design, board.figures[board.metric].bounds) for value in values]
    return found


def mean_cost(values: Iterable[Any]) -> Cost:
    """The mean of a cost. A word among the values stands for all of them; one unknown value makes the mean unknown."""
    values = list(values)
    for value in values:
        if isinstance(value, str):
            return value
    if not values or not all(isinstance(value, int | float) for value in values):
        return None
    return float(sum(values) / len(values))


def _overall_results(overall: Overall) -> list[OverallResult]:
    rows = overall.rows
    design = overall.pooled().over(statistics.Counted(*np.array([row.counted for row in rows]).T))
    reductions = _estimates(
        [(row.score, row.by_seed) for row in rows], design, [len(row.seeds) for row in rows], REDUCTION.bounds
    )
    by_front_end: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_front_end.setdefault(row.name[0], []).extend(_lines(row))
    costs = {front_end: _costs(lines) for front_end, lines in by_front_end.items()}
    marks = _pareto(rows, 1)
    results = []
    for row, reduction in zip(rows, reductions, strict=True):
        assert reduction is not None
        own = list(row.rows.values())
        who = _who(row, own)
        by_task = {task: float(score[0]) for task, (score, _) in row.reductions.items()}
        ranks = [one.rank for one in own if one.rank is not None]
        results.append(
            OverallResult(
                who=who,
                reduction=reduction,
                reductions=by_task,
                worst=None if who.baseline else min(by_task, key=by_task.__getitem__, default=None),
                mean_rank=float(np.mean(ranks)) if ranks else NAN,
                scores={task: float(one.score[0]) for task, one in row.rows.items()},
                complete=sum(one.complete for one in own),
                failed=sum(int(one.failed.sum()) for one in own),
                synthetic=any(one.lines[0]["synthetic"] for one in own),
                costs=_costs(_lines(row)),
                front_end_costs=costs[row.name[0]],
                pareto=marks.get(row.name, ""),
            )
        )
    return results


def _who(row: BoardRow | OverallRow, own: Sequence[BoardRow]) -> Who:
    failures = sum(one.failed.sum() for one in own) / max(sum(one.present.sum() for one in own), 1)
    return Who(
        *row.name, row.track, row.rank, row.ranked, any(one.baseline for one in own), len(row.seeds), float(failures)
    )


def _lines(row: BoardRow | OverallRow) -> list[Mapping[str, Any]]:
    """The summaries of a row, on all its tasks."""
    return [line for one in (row.rows.values() if isinstance(row, OverallRow) else [row]) for line in one.lines]


def _costs(lines: Iterable[Mapping[str, Any]]) -> dict[str, Cost]:
    """The mean of every cost over some summaries."""
    lines = list(lines)
    return {name: mean_cost(line["costs"].get(name) for line in lines) for name in COSTS}


def _pareto(rows: Sequence[BoardRow] | Sequence[OverallRow], sign: int) -> dict[Name, str]:
    """The Pareto marks of the ranked rows, by name."""
    ranked = [row for row in rows if row.rank is not None]
    marks = pareto_marks(
        [-sign * row.score[0] for row in ranked],
        [highest_costs(_lines(row)) for row in ranked],
        [row.track for row in ranked],
    )
    return {row.name: mark for row, mark in zip(ranked, marks, strict=True)}


def _differences(board: Board | Overall, sign: int) -> list[Differences]:
    """The ranked rows by track, closed before open."""
    entered: Sequence[Scored] = board.entered
    places = {row.name: index for index, row in enumerate(entered)}
    found = []
    for track in sorted({row.track for row in entered}):
        names = [row.name for row in in_board_order((row for row in entered if row.track == track), sign)]
        where = [places[name] for name in names]
        found.append(Differences(track, names, board.p[np.ix_(where, where)] < statistics.ALPHA))
    return found


def _estimates(
    values: Sequence[tuple[np.ndarray, np.ndarray] | None],
    design: statistics.Design,
    seeds: Sequence[int],
    bounds: tuple[float, float],
) -> list[Estimate | None]:
    """Values with their intervals, from pairs of (1 + replicates,), the second with seeds alone redrawn."""
    there = [index for index, value in enumerate(values) if value is not None]
    found: list[Estimate | None] = [None] * len(values)
    if there:
        given, by_seed = (np.array([value[part] for value in values if value is not None]) for part in (0, 1))
        ends = statistics.intervals(given, by_seed, design._replace(seeds=np.array(seeds)[there]), bounds)
        for index, value, (low, high) in zip(there, given[:, 0], ends, strict=True):
            found[index] = Estimate(float(value), float(low), float(high))
    return found


def _negative(estimate: Estimate) -> Estimate:
    return Estimate(-estimate.value, -estimate.high, -estimate.low)
