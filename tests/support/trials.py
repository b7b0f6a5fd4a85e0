"""How many generated inputs a test tries: a few in the suite, many by `make faults`, which sets EARMARK_TRIALS."""

import os

FACTOR = int(os.environ.get("EARMARK_TRIALS", "1"))


def trials(count: int) -> int:
    """The number of examples of a test that tries `count` in the suite."""
    return count * FACTOR
