"""Rank agreement: whether two leaderboards order the same systems alike, task by task.

It shows, for example, what a board of synthetic sounds says of real ones.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import kendalltau

from benchmark.errors import EarmarkError
from benchmark.results.board import Board
from benchmark.results.board_rows import BoardRow
from benchmark.results.overall import Overall, OverallRow
from benchmark.statistics import LEVEL


class Agreement(NamedTuple):
    """Kendall's tau between the orders of the same rows on two boards."""

    first: str  # tasks, or "overall"
    second: str
    rows: int
    tau: float
    low: float
    high: float


def agreement(first: Sequence[Board], second: Sequence[Board]) -> list[Agreement]:
    """Tau-b, from -1 to 1, of every pair of tasks of one kind, then of the mean reduction over these tasks.

    Rows are those that both boards rank. The 95 % interval is the percentile interval over pairs of replicates, one of
    each board, so it covers scenes, speakers and seeds. Noise on either board pulls tau towards zero, and replicates
    are noisier than the boards themselves: the intervals lie rather low.

    Raises:
        EarmarkError: no task of the one is of the kind of a task of the other, or fewer than three rows are on both
    """
    pairs = [(one, other) for one in first for other in second if one.component == other.component]
    if not pairs:
        raise EarmarkError(
            "the leaderboards share no kind of task; compare two that do, such as leaderboards/mini and "
            "leaderboards/real"
        )
    found = [
        _agreement((one.task, other.task), _scores(one.entered, one.sign), _scores(other.entered, other.sign))
        for one, other in pairs
    ]
    totals = [Overall(list({board.task: board for board in boards}.values())) for boards in zip(*pairs, strict=True)]
    one, other = (_scores([row for row in total.rows if row.rank is not None]) for total in totals)
    return [*found, _agreement(("overall", "overall"), one, other)]


def _scores(rows: Sequence[BoardRow] | Sequence[OverallRow], sign: int = 1) -> dict[tuple[str, str], np.ndarray]:
    return {row.name: sign * row.score for row in rows}


def _agreement(
    tasks: tuple[str, str], first: Mapping[tuple[str, str], np.ndarray], second: Mapping[tuple[str, str], np.ndarray]
) -> Agreement:
    names = [name for name in first if name in second]
    if len(names) < 3:
        raise EarmarkError(f"{' and '.join(tasks)}: {len(names)} rows are on both boards; three make an order")
    columns = (np.stack([scores[name] for name in names], -1) for scores in (first, second))  # (1 + replicates, rows)
    taus = np.array([kendalltau(x, y).statistic for x, y in zip(*columns, strict=True)])
    low, high = np.nanquantile(taus[1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Agreement(*tasks, len(names), float(taus[0]), float(low), float(high))
