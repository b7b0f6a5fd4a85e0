"""Coordinates of charts: sizes, scales and their ticks. Templates draw, CSS colours."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import floor, isfinite, log10

from matplotlib.ticker import LogLocator, MaxNLocator

from benchmark.results.view import Who

WIDTH, HEIGHT = 720.0, 380.0
LEFT, RIGHT, TOP, BOTTOM = 66.0, 16.0, 14.0, 44.0  # margins
MOST = 40  # rows in a chart
PREFIXES = {0: "", 3: " k", 6: " M", 9: " G", 12: " T"}
Tick = tuple[float, str]  # coordinate, label


@dataclass(frozen=True)
class Scale:
    """A linear or logarithmic scale: from values to coordinates."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """The coordinate of a value, to a tenth."""
        low, high, value = (
            (log10(x) for x in (self.low, self.high, value)) if self.log else (self.low, self.high, value)
        )
        return round(self.start + (value - low) / (high - low) * (self.end - self.start), 1)

    @property
    def ticks(self) -> list[Tick]:
        """Round values within the scale, and their labels."""
        wide = self.log and self.high > 100 * self.low
        locator = (
            LogLocator(10, (1.0,) if wide else (1.0, 2.0, 5.0), numticks=7)
            if self.log
            else MaxNLocator(5, steps=[1, 2, 2.5, 5, 10])
        )
        values = [float(value) for value in locator.tick_values(self.low, self.high) if self.low <= value <= self.high]
        return [(self(value), _power(value) if self.log else minus(f"{value:.6g}")) for value in values]


def spanning(values: Iterable[float], start: float, end: float) -> Scale:
    """A linear scale over all finite values, with a little room at both ends."""
    known = [value for value in values if isfinite(value)] or [0.0]
    spare = 0.04 * (max(known) - min(known)) or 0.5
    return Scale(min(known) - spare, max(known) + spare, start, end)


def chosen(rows: Sequence[Who]) -> list[Who]:
    """The rows that a chart draws, in their order.

    Where there are too many, these are the baseline, the best row of every front-end, then the best of the rest.
    """
    first = {who.front_end: who for who in reversed(rows)}
    wanted = sorted(rows, key=lambda who: (not who.baseline, who is not first[who.front_end]))[:MOST]
    names = {who.name for who in wanted}
    return [who for who in rows if who.name in names]


def path(points: Iterable[tuple[float, float]]) -> str:
    """The attribute `points` of polylines and polygons."""
    return " ".join(f"{x:g},{y:g}" for x, y in points)


def minus(text: str) -> str:
    """The text with a minus for its hyphens."""
    return text.replace("-", "−")


def _power(value: float) -> str:
    """A value of a logarithmic scale, such as 200, 5 k, 0.01, 10⁻⁵."""
    exponent = floor(log10(value) + 1e-9)
    start = min(max(exponent - exponent % 3, 0), max(PREFIXES))
    if exponent >= -3:
        return f"{value / 10**start:g}{PREFIXES[start]}"
    return f"{value / 10**exponent:.0f} × 10".removeprefix("1 × ") + str(exponent).translate(
        str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
    )
