"""The records behind a leaderboard, where runs/ lies beside it: raw predictions and stored audio."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from benchmark.errors import EarmarkError
from benchmark.store import Store
from benchmark.summaries import PREDICTIONS
from benchmark.summary_file import Summary


class Records:
    """Finds the record that a summary was made from; a record of other predictions is as good as none."""

    def __init__(self, runs: Path) -> None:
        self.store = Store(runs)
        self._folder = cache(self.store.get)
        self.read = cache(_read)

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


def _read(path: Path) -> list[dict[str, Any]]:
    try:
        return [json.loads(line) for line in path.read_bytes().splitlines()]
    except (OSError, ValueError) as error:
        raise EarmarkError(f"{path}: not a record; delete {path.parent} and run again") from error
