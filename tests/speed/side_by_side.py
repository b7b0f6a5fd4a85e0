"""Paired timing of two ways to do the same thing, in turns within one process.

Only `make speed` measures. `make test` runs each benchmark briefly, to check that it works.
"""

import statistics
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple


class Medians(NamedTuple):
    """Median times in seconds."""

    ours: float
    theirs: float


def in_turns(
    benchmark: Any, ours: Callable[[], Sequence[float]], theirs: Callable[[], Sequence[float]], rounds: int
) -> Medians | None:
    """The times of both ways, run in turns after one turn of warm-up; None if nothing is measured.

    The time of a turn is the median of its steps. The time of a way is the shortest of its turns, since other work on
    the machine can only slow a turn down.

    Args:
        benchmark: the fixture of pytest-benchmark
        ours, theirs: run one turn and return the seconds of each step
        rounds: number of turns
    """
    taken: list[tuple[Sequence[float], Sequence[float]]] = []
    benchmark.pedantic(lambda: taken.append((ours(), theirs())), rounds=rounds, warmup_rounds=1)
    if not benchmark.enabled:
        return None
    medians = Medians(*(min(statistics.median(seconds) for seconds in way) for way in zip(*taken[1:], strict=True)))
    benchmark.extra_info.update(ours_ms=medians.ours * 1000, theirs_ms=medians.theirs * 1000)
    return medians
