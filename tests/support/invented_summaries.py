"""Summaries with invented scores on two tasks without models, for tests of boards."""

import csv
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from benchmark.contracts import Figure
from benchmark.results import leaderboard_files as leaderboard
from benchmark.results.summary_file import write_summaries

CONDITIONS = ["clean", "snr_5", "snr_0"]


class Errors:
    """Like speech recognition: less is better."""

    figures: ClassVar = {"wer": Figure(0.0, 1.0), "cer": Figure(0.0, 1.0)}
    axes: ClassVar = ("snr",)
    headline: ClassVar = {}

    @staticmethod
    def summarise(sums: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {"wer": sums["errors"] / sums["words"], "cer": sums["character_errors"] / sums["characters"]}


class Hits:
    """Like commands: more is better."""

    figures: ClassVar = {"accuracy": Figure(1.0, 0.0, worst=0.0)}
    axes: ClassVar = ("snr",)
    headline: ClassVar = {}

    @staticmethod
    def summarise(sums: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {"accuracy": sums["hits"] / sums["count"]}


TASKS = {"asr": Errors, "commands": Hits}


def summary(
    task: str = "asr",
    front_end: str = "identity",
    scheme: str = "noisy",
    rate: float = 0.4,
    scenes: int = 30,
    **changes: Any,
) -> dict[str, Any]:
    """The summary of one cell whose errors have probability `rate`, and half of that on clean scenes."""
    generator = np.random.default_rng(
        zlib.crc32(f"{task} {front_end} {scheme} {changes.get('seed')} {scenes}".encode())
    )
    shape = (scenes, len(CONDITIONS))
    rates = np.broadcast_to([rate / 2, rate, rate], shape)
    if task == "asr":
        words, characters = np.full(shape, 10), np.full(shape, 50)
        sums = {
            "errors": generator.binomial(words, rates),
            "words": words,
            "character_errors": generator.binomial(characters, rates),
            "characters": characters,
        }
    else:
        sums = {"hits": generator.binomial(1, 1 - rates), "count": np.ones(shape, int)}
    ids = [f"scene{index:02}" for index in range(scenes)]
    made: dict[str, Any] = {
        "protocol": 1,
        "recipe": "mini",
        "task": task,
        "component": task,
        "front_end": front_end,
        "scheme": scheme,
        "seed": 1,
        "fold": None,
        "baseline": (front_end, scheme) == ("identity", "noisy"),
        "ranked": True,
        "keys": {"weights": "w", "outputs": f"{task} {front_end} {scheme} {changes.get('seed')}", "scores": "s"},
        "track": "closed",
        "training_data": "synthetic/commands + synthetic/noise",
        "corpora": ["synthetic/commands 1", "synthetic/noise 1"],
        "synthetic": True,
        "conditions": CONDITIONS,
        "scenes": ids,
        "groups": [f"speaker{index % 6}" for index in range(scenes)],
        "sums": {name: values.tolist() for name, values in sums.items()},
        "failed": np.zeros(shape, int).tolist(),
        "excluded": [],
        "updates": {"front_end": 0, "task": 300, "audio_seconds": 4800.0},
        "costs": {
            "parameters": 123,
            "macs_per_second": 1.2e8,
            "real_time_factor": 0.01,
            "latency_ms": 16.0,
            "peak_memory_mb": 500,
            "train_seconds": 30.1,
        }
        | {"score_seconds": 10.2},
    }
    return made | changes


def boards(folder: Path, *summaries: dict[str, Any]) -> dict[str, list[dict[str, str]]]:
    """The boards of summaries by name, as read back from their CSV files."""
    write_summaries(folder / "summaries.jsonl", summaries)
    read = {}
    for path in leaderboard.write_leaderboard(folder):
        with path.open(encoding="utf-8", newline="") as file:
            read[path.stem] = list(csv.DictReader(file))
    return read


def row(board: list[dict[str, str]], front_end: str) -> dict[str, str]:
    """The row of a front-end."""
    return next(line for line in board if line["front_end"] == front_end)


def with_reference(task: str = "asr") -> dict[str, Any]:
    """The unranked row of the clean signal."""
    return summary(task, "reference", "clean", 0.05, ranked=False)
