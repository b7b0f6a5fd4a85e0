"""How pages write values, and the colours and marks of rows."""

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any

from markupsafe import Markup

from benchmark import statistics
from benchmark.conditions import readable
from benchmark.report.plot import minus
from benchmark.results.view import Cost, Estimate, Who

COLOURS, DASHES, MARKS = 8, 4, 6  # in assets/page.css and templates/base.html
STEPS = (0.02, 0.1, 0.25, 0.5)  # of relative error reduction, between the colours of the heat map


class Style:
    """The CSS classes of rows: a front-end has a colour, a scheme a mark and a dash.

    Where colours run out, dashes change.
    """

    def __init__(self, rows: Sequence[Who]) -> None:
        self.front_ends = list(dict.fromkeys(who.front_end for who in rows))
        self.schemes = list(dict.fromkeys(who.scheme for who in rows))
        self.tracks = list(dict.fromkeys(who.track for who in rows))

    def classes(self, who: Who) -> str:
        """The classes of a row's colour and dash, such as "c0 d0"."""
        index = self.front_ends.index(who.front_end)
        return f"c{index % COLOURS} d{(self.schemes.index(who.scheme) + index // COLOURS) % DASHES}"

    def mark(self, who: Who) -> str:
        """The id of a row's mark."""
        return f"m{self.schemes.index(who.scheme) % MARKS}"


def number(value: float | None, decimals: int = 3) -> str:
    """A number with fixed decimals and a true minus; nothing where there is no value."""
    return "" if value is None or not isfinite(value) else minus(f"{round(value, decimals) + 0.0:.{decimals}f}")


def signed(value: float, decimals: int = 3) -> str:
    """A number with its sign."""
    return "" if not isfinite(value) else minus(f"{round(value, decimals) + 0.0:+.{decimals}f}")


def between(estimate: Estimate) -> str:
    """An interval."""
    return f"{number(estimate.low)} to {number(estimate.high)}" if isfinite(estimate.low) else ""


def p_value(value: float | None) -> str:
    """A p value as boards print it, never below LEAST_P."""
    return "" if value is None else f"{max(value, statistics.LEAST_P):.4f}"


def cost(value: Cost, decimals: int) -> str:
    """A mean cost, or the word that stands in its place."""
    return value if isinstance(value, str) else number(value, decimals)


def level(reduction: float | None) -> str:
    """The colour of a cell of the heat map, from l-4, far worse, to l4, far better; l0 where little changes.

    Where the reduction is not known, there is none.
    """
    if reduction is None or not isfinite(reduction):
        return ""
    steps = sum(abs(reduction) >= step for step in STEPS)
    return f"l{steps}" if reduction > 0 else f"l-{steps}" if steps else "l0"


def share(value: float) -> str:
    """The shade of a confusion, s0 to s9."""
    return f"s{min(int(value * 10), 9)}"


def breakable(name: str) -> Markup:
    """A name that may break after its underscores."""
    return Markup("_<wbr>").join(name.split("_"))


def plain(value: Any) -> str:
    """A value on a card, in words."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return (
        ", ".join(map(str, value)) or "none" if isinstance(value, list | tuple) else "" if value is None else str(value)
    )


WRITERS = (number, signed, between, p_value, cost, level, share, readable, breakable, plain)
FILTERS: Mapping[str, Callable[..., str]] = {writer.__name__: writer for writer in WRITERS}
