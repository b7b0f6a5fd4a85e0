"""Charts of quality against cost: the mean error reduction of rows, the cost of their front-ends, the Pareto front."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from benchmark.report.plot import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Scale, Tick, path, spanning
from benchmark.results.cost_columns import COSTS
from benchmark.results.pareto import undominated
from benchmark.results.view import OverallResult, Who

NEAR = 14.0  # within which two labels would overprint
GUTTER = 60.0  # left of the logarithmic scale, for what costs nothing


@dataclass(frozen=True)
class Point:
    """The point of a row."""

    who: Who
    x: float
    y: float
    said: str
    best: bool  # on the Pareto front of its track
    label: str  # points at one place share one; the others have none


@dataclass(frozen=True)
class Scatter:
    """The chart of one cost."""

    title: str
    x: list[Tick]
    y: list[Tick]
    points: list[Point]
    fronts: list[tuple[str, str]]  # the Pareto front of each track, as steps
    unmeasured: int  # rows whose cost is not known


def scatters(rows: Sequence[OverallResult]) -> list[Scatter]:
    """A chart for each cost in which ranked rows differ."""
    ranked = [row for row in rows if row.who.rank is not None]
    made = []
    for cost, title in ((name, column.chart) for name, column in COSTS.items() if column.chart):
        known = {
            row.who.name: (row.reduction.value, value)
            for row in ranked
            if isinstance(value := row.front_end_costs[cost], float)
        }
        if len({value for _, value in known.values()}) > 1:
            made.append(
                _scatter(
                    [row.who for row in ranked if row.who.name in known],
                    list(known.values()),
                    title,
                    len(ranked) - len(known),
                )
            )
    return made


def _scatter(rows: Sequence[Who], found: Sequence[tuple[float, float]], title: str, unmeasured: int) -> Scatter:
    positive = [cost for _, cost in found if cost > 0]
    gutter = GUTTER if len(positive) < len(found) else 0.0
    x = Scale(min(positive) / 1.6, max(positive) * 1.6, LEFT + gutter, WIDTH - RIGHT, log=True)
    y = spanning((quality for quality, _ in found), HEIGHT - BOTTOM, TOP)
    kept = undominated(np.array([(-quality, cost) for quality, cost in found]), [who.track for who in rows])
    best = {who.name for who, one in zip(rows, kept, strict=True) if one}
    points: list[Point] = []
    for who, (quality, cost) in zip(rows, found, strict=True):
        at = x(cost) if cost > 0 else LEFT + gutter / 2, y(quality)
        first = who.name in best and not any(
            point.label and abs(point.x - at[0]) < NEAR and abs(point.y - at[1]) < NEAR for point in points
        )
        label = f"{who.front_end} · {who.scheme}" if first else ""
        points.append(Point(who, *at, f"reduction {quality:.3f}, {cost:.3g} {title}", who.name in best, label))
    fronts = [
        (track, _steps({(point.x, point.y) for point in points if point.best and point.who.track == track}))
        for track in sorted({who.track for who in rows})
    ]
    return Scatter(title, [(LEFT + gutter / 2, "0")] * bool(gutter) + x.ticks, y.ticks, points, fronts, unmeasured)


def _steps(places: set[tuple[float, float]]) -> str:
    front = sorted(places)
    return path(front[:1] + [corner for before, after in pairwise(front) for corner in ((after[0], before[1]), after)])
