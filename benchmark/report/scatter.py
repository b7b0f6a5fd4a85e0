"""Quality against cost: the mean reduction of a row against what its front-end costs, and the Pareto front."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from benchmark.report.axes import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Axis, Tick, path, spanning
from benchmark.report.view import COSTS, Together, Who

GUTTER = 60.0  # left of the logarithmic axis, for what costs nothing


@dataclass(frozen=True)
class Point:
    """A row."""

    who: Who
    x: float
    y: float
    said: str
    best: bool  # on the Pareto front


@dataclass(frozen=True)
class Scatter:
    """The chart of one cost."""

    title: str
    x: list[Tick]
    y: list[Tick]
    points: list[Point]
    front: str  # the Pareto front as steps
    unmeasured: int  # rows whose cost is not known


def scatters(rows: Sequence[Together]) -> list[Scatter]:
    """A chart for each cost that tells ranked rows apart."""
    ranked = [row for row in rows if row.who.rank is not None]
    made = []
    for cost, title in COSTS.items():
        known = {row.who.name: (row.reduction.value, value) for row in ranked if (value := row.costs[cost]) is not None}
        if len({value for _, value in known.values()}) > 1:
            made.append(_scatter([row.who for row in ranked if row.who.name in known], list(known.values()), title, len(ranked) - len(known)))
    return made


def undominated(found: Sequence[tuple[float, float]]) -> list[bool]:
    """Whether no other (quality, cost) is at least as good in both and better in one."""
    return [not any(other != one and other[0] >= one[0] and other[1] <= one[1] for other in found) for one in found]


def _scatter(rows: Sequence[Who], found: Sequence[tuple[float, float]], title: str, unmeasured: int) -> Scatter:
    positive = [cost for _, cost in found if cost > 0]
    gutter = GUTTER if len(positive) < len(found) else 0.0
    x = Axis(min(positive) / 1.6, max(positive) * 1.6, LEFT + gutter, WIDTH - RIGHT, log=True)
    y = spanning((quality for quality, _ in found), HEIGHT - BOTTOM, TOP)
    points = [
        Point(who, x(cost) if cost > 0 else LEFT + gutter / 2, y(quality), f"reduction {quality:.3f}, {cost:.3g} {title}", best)
        for who, (quality, cost), best in zip(rows, found, undominated(found), strict=True)
    ]
    front = sorted({(point.x, point.y) for point in points if point.best})
    steps = [corner for before, after in pairwise(front) for corner in ((after[0], before[1]), after)]
    return Scatter(title, [(LEFT + gutter / 2, "0")] * bool(gutter) + x.ticks, y.ticks, points, path(front[:1] + steps), unmeasured)
