"""How long a person waits for `earmark --help`, against a Python that imports nothing."""

import statistics
import subprocess
import sys
import time

LIMIT_SECONDS = 0.5


def test_help_is_there_at_once(benchmark):
    ours, theirs = [], []
    for _ in range(7):
        for times, command in ((ours, ["-m", "benchmark.cli", "--help"]), (theirs, ["-c", ""])):
            start = time.perf_counter()
            subprocess.run([sys.executable, *command], check=True, capture_output=True)
            times.append(time.perf_counter() - start)
    benchmark.pedantic(lambda: None)
    benchmark.extra_info.update(help_ms=statistics.median(ours) * 1000, python_ms=statistics.median(theirs) * 1000)
    print(f"\nearmark --help: {statistics.median(ours):.3f} s; python alone: {statistics.median(theirs):.3f} s")
    assert statistics.median(ours) < LIMIT_SECONDS
