"""How speed is compared: both ways in turns, in one process; only `make speed` times them, `make test` runs each once
to see that it works.
"""

import statistics
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple


class Medians(NamedTuple):
    """Seconds."""

    ours: float
    theirs: float


def in_turns(
    benchmark: Any, ours: Callable[[], Sequence[float]], theirs: Callable[[], Sequence[float]], rounds: int
) -> Medians | None:
    """What both return, seconds, taken in turns after a turn of warming up; None where nothing is timed.

    Of each turn the median, which what happens now and then belongs to; of all turns the least, since another's work on
    the machine only ever slows a turn.
    """
    taken: list[tuple[Sequence[float], Sequence[float]]] = []
    benchmark.pedantic(lambda: taken.append((ours(), theirs())), rounds=rounds, warmup_rounds=1)
    if not benchmark.enabled:
        return None
    medians = Medians(*(min(statistics.median(seconds) for seconds in way) for way in zip(*taken[1:], strict=True)))
    benchmark.extra_info.update(ours_ms=medians.ours * 1000, theirs_ms=medians.theirs * 1000)
    return medians
