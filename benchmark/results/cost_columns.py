"""The costs that boards show: their names in summaries, and how tables and charts write them."""

from typing import NamedTuple


class CostColumn(NamedTuple):
    """One cost of a front-end or of its row."""

    title: str  # over the page's column
    decimals: int
    chart: str = ""  # title of its chart against quality; empty: it has none
    same_everywhere: bool = False  # on every machine, so that it decides about Pareto fronts


COSTS = {
    "parameters": CostColumn("parameters", 0, same_everywhere=True),
    "macs_per_second": CostColumn("MACs per second", 0, "multiply-accumulates per second of audio", True),
    "real_time_factor": CostColumn("real-time factor", 4, "real-time factor, one thread"),
    "latency_ms": CostColumn("look-ahead, ms", 2, "look-ahead in ms", True),
    "peak_memory_mb": CostColumn("peak memory, MB", 0),
    "train_seconds": CostColumn("training, s", 1),
    "score_seconds": CostColumn("scoring, s", 1),
}
# Columns of updates, by their names in summaries.
UPDATES = {"front_end": "front_end_updates", "task": "task_updates", "audio_seconds": "audio_seconds"}
