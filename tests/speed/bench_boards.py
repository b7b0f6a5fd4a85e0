"""Time to build boards and their page from ten thousand summaries, from scratch and after adding ten."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.report import site
from benchmark.results.array_cache import Cache
from benchmark.results.board import cache_of
from benchmark.results.leaderboard_files import write_leaderboard
from benchmark.results.summary_file import read_lines, read_summaries, write_summaries

MINI = Path(__file__).resolve().parents[2] / "leaderboards" / "mini" / "summaries.jsonl"
FROM_SCRATCH_SECONDS, TEN_NEW_SECONDS, PAGE_SECONDS = 300, 5, 60


def generated(rows: int, seeds: int) -> Iterator[dict[str, Any]]:
    """Summaries of invented systems on the tasks of the recipe mini.

    Each scene has the result that some real system had on it: with probability 0.5 always the same system, chosen for
    the invented one, else any.
    """
    by_task: dict[str, list[dict[str, Any]]] = {}
    for line in read_summaries(MINI):
        by_task.setdefault(line["task"], []).append(line)
    for lines in by_task.values():
        for row in range(rows):
            for seed in range(1, seeds + 1):
                yield _mixed(lines, row, seed)


def _mixed(lines: list[dict[str, Any]], row: int, seed: int) -> dict[str, Any]:
    generator = np.random.default_rng([row, seed])
    favourite = lines[row % len(lines)]
    chosen = [
        favourite if generator.random() < 0.5 else lines[generator.integers(len(lines))] for _ in favourite["scenes"]
    ]
    name = {"front_end": f"system{row:03}", "scheme": "joint"} if row else {"front_end": "identity", "scheme": "noisy"}
    return {
        **favourite,
        **name,
        "seed": seed,
        "ranked": True,
        "baseline": row == 0,
        "keys": {"outputs": f"{favourite['task']} {row} {seed}"},
        "sums": {
            column: [line["sums"][column][scene] for scene, line in enumerate(chosen)] for column in favourite["sums"]
        },
        "failed": [line["failed"][scene] for scene, line in enumerate(chosen)],
    }


def timed(folder: Path, cache: Cache | None) -> tuple[float, dict[str, bytes]]:
    """Seconds to write the boards, and the files by name."""
    start = time.perf_counter()
    written = write_leaderboard(folder, cache)
    return time.perf_counter() - start, {path.name: path.read_bytes() for path in written}


def test_ten_thousand_summaries(benchmark, tmp_path, monkeypatch):
    rows, seeds = (477, 3) if benchmark.enabled else (4, 2)
    monkeypatch.setenv("EARMARK_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "leaderboards" / "many"
    cache = cache_of(folder)
    lines = list(generated(rows, seeds))
    last = sorted(
        (line for line in lines if line["front_end"] == lines[-1]["front_end"]), key=lambda line: line["seed"]
    )
    known, new = [line for line in lines if line["front_end"] != last[0]["front_end"]], last[:10]  # of every task
    write_summaries(folder / "summaries.jsonl", known)
    from_scratch, _ = timed(folder, cache)

    def added() -> tuple[float, dict[str, bytes]]:
        begun = time.perf_counter()
        write_summaries(folder / "summaries.jsonl", [*read_lines(folder / "summaries.jsonl", cache), *new])
        writing = time.perf_counter() - begun
        building, made = timed(folder, cache)
        return writing + building, made

    ten_new, boards = benchmark.pedantic(added, rounds=1)
    start = time.perf_counter()
    page = site.write_site([folder], tmp_path / "site")
    shown = time.perf_counter() - start
    assert page.is_file()
    assert timed(folder, None)[1] == boards
    if benchmark.enabled:
        print(f"\n{len(known)} summaries: {from_scratch:.1f} s from scratch (limit {FROM_SCRATCH_SECONDS} s)")
        print(f"{len(new)} new ones among them: {ten_new:.1f} s (limit {TEN_NEW_SECONDS} s)")
        print(f"their page: {shown:.1f} s (limit {PAGE_SECONDS} s)")
        assert shown < PAGE_SECONDS
        assert from_scratch < FROM_SCRATCH_SECONDS
        assert ten_new < TEN_NEW_SECONDS
