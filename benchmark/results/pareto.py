"""Pareto fronts: what no other of the same track beats."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from benchmark.results.cost_columns import COSTS

PRICES = tuple(name for name, column in COSTS.items() if column.same_everywhere)


def undominated(values: np.ndarray, tracks: Sequence[str]) -> np.ndarray:
    """Whether no other of the same track is as low in all values and lower in one, (rows, values) to (rows,)."""
    no_worse, better = (values[:, None] <= values).all(-1), (values[:, None] < values).any(-1)
    same = np.array(tracks)[:, None] == np.array(tracks)
    return np.asarray(~(no_worse & better & same).any(0))


def highest_costs(lines: Iterable[Mapping[str, Any]]) -> list[float] | None:
    """The highest of each of PRICES over some summaries; None where one is not known.

    A latency that is not known counts as infinite: the front-end needs the whole utterance.
    """
    own = [line["costs"] for line in lines]
    costs = {name: [cost.get(name) for cost in own] for name in PRICES}
    costs["latency_ms"] = [np.inf if latency is None else latency for latency in costs["latency_ms"]]
    known = all(isinstance(value, int | float) for values in costs.values() for value in values)
    return [max(values) for values in costs.values()] if known else None


def pareto_marks(losses: Sequence[float], costs: Sequence[Sequence[float] | None], tracks: Sequence[str]) -> list[str]:
    """Marks of rows: "no" where another row of the track is as good and as cheap, and better in one; else "yes".

    Args:
        losses: of each row, less is better
        costs: of each row, as `highest_costs` gives them; one whose costs are not known has no mark, ""
    """
    known = [index for index, own in enumerate(costs) if own is not None]
    marks = [""] * len(costs)
    if known:
        values = np.array([(losses[index], *(costs[index] or ())) for index in known])
        for index, best in zip(known, undominated(values, [tracks[index] for index in known]), strict=True):
            marks[index] = "yes" if best else "no"
    return marks
