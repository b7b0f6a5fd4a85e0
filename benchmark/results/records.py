"""Records of finished scorings in runs/: raw predictions and kept audio, and which of them a summary was made from."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from benchmark.errors import EarmarkError
from benchmark.results.summary_file import Summary
from benchmark.store import Store

PREDICTIONS = "predictions.jsonl"


class Records:
    """Finds the record that a summary was made from; a record of other predictions does not count."""

    def __init__(self, runs: Path) -> None:
        self.store = Store(runs)
        self._folder = cache(self.store.get)
        self.read = cache(read_predictions)

    def folder(self, line: Summary) -> Path | None:
        """The record's folder, or None where it is not here; EarmarkError where a file of it is damaged."""
        key = line["keys"]["outputs"]
        if not self.store.exists("records", key):
            return None
        if line.get("predictions") not in (None, self.store.manifest("records", key)["files"].get(PREDICTIONS)):
            return None
        return self._folder("records", key)

    def predictions(self, line: Summary) -> list[dict[str, Any]] | None:
        """One prediction a scene and condition, as `evaluate` yielded them; None where the record is not here."""
        folder = self.folder(line)
        return None if folder is None else self.read(folder / PREDICTIONS)


def read_predictions(path: Path) -> list[dict[str, Any]]:
    """One prediction a scene and condition; EarmarkError where the file is cut short or no such file."""
    try:
        read = [json.loads(line) for line in path.read_bytes().splitlines()]
        if not all(isinstance(line, dict) for line in read):
            raise ValueError("no object")
        return read
    except (OSError, ValueError, RecursionError) as error:
        raise EarmarkError(f"{path}: not a record; delete {path.parent} and run again") from error
