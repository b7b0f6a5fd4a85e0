"""How the speed comparisons speak: both medians, their ratio, and the limit it is held to."""

import statistics
from collections.abc import Sequence
from typing import Any


def report(benchmark: Any, what: str, ours: Sequence[float], theirs: Sequence[float], limit: float) -> None:
    """Print and keep the ratio of medians; AssertionError above `limit`."""
    mine, other = statistics.median(ours), statistics.median(theirs)
    ratio = mine / other
    benchmark.extra_info.update(ours_ms=mine * 1000, theirs_ms=other * 1000, ratio=ratio, limit=limit)
    print(f"\n{what}: {mine * 1000:.2f} ms against {other * 1000:.2f} ms, ratio {ratio:.3f} (limit {limit})")
    assert ratio <= limit
