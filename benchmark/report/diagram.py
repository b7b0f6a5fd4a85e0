"""The diagram of differences: rows with their intervals, the best first, and bars beside those that do not differ."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

from benchmark.report.differences import Group
from benchmark.report.plot import BOTTOM, RIGHT, TOP, WIDTH, Tick, spanning
from benchmark.results.view import Estimate, Name, Who

NAMES = 250.0  # where the scale begins, right of the names
ROW = 26.0  # height of a row
LANE = 12.0  # distance between bars


@dataclass(frozen=True)
class Mark:
    """The mark of a row: its height, its score and the ends of its interval, and its numbers in words."""

    who: Who
    y: float
    x: float
    low: float
    high: float
    said: str


@dataclass(frozen=True)
class Diagram:
    """The diagram of one track."""

    track: str
    height: float
    x: list[Tick]
    marks: list[Mark]
    bars: list[tuple[float, float, float, int]]  # x, from y, to y, rows


def diagram(group: Group, rows: Mapping[Name, tuple[Who, Estimate]]) -> Diagram:
    """The diagram of a group.

    Args:
        rows: by front-end and scheme
    """
    lanes = _lanes(group.bars)
    edge = WIDTH - RIGHT - LANE * (max(lanes, default=0) + 1)
    own = [rows[name] for name in group.names]
    x = spanning((value for _, estimate in own for value in estimate), NAMES, edge - LANE)
    ys = [TOP + ROW * (index + 0.5) for index in range(len(own))]
    marks = []
    for y, (who, estimate) in zip(ys, own, strict=True):
        low, high = (x(end if isfinite(end) else estimate.value) for end in estimate[1:])
        marks.append(
            Mark(
                who, y, x(estimate.value), low, high, f"{estimate.value:.3f}, {estimate.low:.3f} to {estimate.high:.3f}"
            )
        )
    bars = [
        (edge + LANE * lane, ys[first] - 7, ys[last] + 7, last - first + 1)
        for lane, (first, last) in zip(lanes, group.bars, strict=True)
    ]
    return Diagram(group.track, TOP + ROW * len(own) + BOTTOM, x.ticks, marks, bars)


def _lanes(bars: list[tuple[int, int]]) -> list[int]:
    """The first free lane for each bar."""
    ends: list[int] = []
    lanes = []
    for first, last in bars:
        lane = next((index for index, end in enumerate(ends) if end < first), len(ends))
        ends[lane : lane + 1] = [last]
        lanes.append(lane)
    return lanes
