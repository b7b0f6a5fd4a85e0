"""Time of `earmark --help`, beside that of a Python that imports nothing."""

import subprocess
import sys
import time

from side_by_side import in_turns

LIMIT_SECONDS = 0.5


def seconds_of(*command: str) -> list[float]:
    start = time.perf_counter()
    subprocess.run([sys.executable, *command], check=True, capture_output=True)
    return [time.perf_counter() - start]


def test_help_answers_at_once(benchmark):
    medians = in_turns(
        benchmark, lambda: seconds_of("-m", "benchmark.cli", "--help"), lambda: seconds_of("-c", ""), rounds=7
    )
    if medians:
        print(f"\nearmark --help: {medians.ours:.3f} s; python alone: {medians.theirs:.3f} s (limit {LIMIT_SECONDS} s)")
        assert medians.ours < LIMIT_SECONDS
