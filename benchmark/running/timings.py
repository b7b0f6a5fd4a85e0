"""How long cells should take, judged by earlier runs on this machine, else by those that made the boards."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from math import prod
from pathlib import Path
from typing import Any

from benchmark.errors import EarmarkError
from benchmark.planning.cells import SHELVES, Cell, Enhancing, Measuring, Scoring, Training, Work, from_json
from benchmark.results.board import cache_of
from benchmark.results.manifests import read_manifest
from benchmark.results.summary_file import SUMMARIES, read_lines
from benchmark.store import Store, canonical

BOARDS = Path(__file__).resolve().parents[2] / "leaderboards"  # those that come with the suite
COMPARABLE = "mini"  # the board that a recipe's first run is judged by, where it has none of its own
# Seconds of a cell of a kind that was never timed, and of that kind per unit of size; ours, from the recipe mini.
GUESS = {"train": 10.0, "measure": 4.0, "enhance": 1.0, "score": 2.0}
GUESS_PER_UNIT = {"train": 0.003, "measure": 0.0, "enhance": 0.01, "score": 0.01}


class Timings:
    """Seconds by label; for cells of this machine, by label and amount of work."""

    def __init__(self, recipe: str, store: Store, boards: Path) -> None:
        self.known: dict[tuple[str, str | None], float] = {}
        self.timed: list[tuple[Work, float]] = []  # what this machine ran
        comparable = [(BOARDS / name, None) for name in (COMPARABLE, recipe)]
        for folder, cache in (*comparable, (boards, cache_of(boards))):
            if (folder / SUMMARIES).is_file():
                for line in read_lines(folder / SUMMARIES, cache):
                    for label, seconds in line.get("timings", {}).items():
                        self.known[label, None] = self.known[_anonymous(label), None] = seconds
        for shelf in SHELVES.values():
            for key in store.list(shelf):
                # Manifests that cannot be read are skipped: an estimate is no reason to fail.
                with suppress(EarmarkError):
                    manifest = read_manifest(store, shelf, key)
                    work, seconds = from_json(manifest["work"]), float(manifest["seconds"])
                    self.known[manifest["label"], _amount(work)] = seconds
                    self.timed.append((work, seconds))

    def seconds(self, cell: Cell) -> float | None:
        """What a cell took before, or what cells like it took in proportion to their size; None if there were none."""
        for label, amount in ((cell.label, _amount(cell.work)), (cell.label, None), (_anonymous(cell.label), None)):
            if (label, amount) in self.known:
                return self.known[label, amount]
        alike = [(work, seconds) for work, seconds in self.timed if kin(work) == kin(cell.work)]
        return _in_proportion(alike, cell.work) if alike else None

    def expected(self, cells: Iterable[Cell]) -> dict[str, float]:
        """Expected seconds by key. A cell unlike all that ran gets its size's share of what those of its kind took."""
        cells = list(cells)
        judged = {cell.key: (cell, self.seconds(cell)) for cell in cells}
        found = {}
        for key, (cell, seconds) in judged.items():
            others = [(other.work, known) for other, known in judged.values() if known is not None]
            same = [(work, known) for work, known in [*self.timed, *others] if work.kind == cell.kind]
            if seconds is None and same:
                seconds = _in_proportion(same, cell.work)
            found[key] = GUESS[cell.kind] + GUESS_PER_UNIT[cell.kind] * size(cell.work) if seconds is None else seconds
        return found


def size(work: Work) -> float:
    """How much a cell has to do: scenes that a training hears, or that are enhanced or scored."""
    if isinstance(work, Training):
        return float(work.phase.steps * work.phase.batch * max(len(work.tasks), 1))
    if isinstance(work, Measuring):
        return 1.0
    return float(prod((work.scenes.scenes, len(work.scenes.snr), len(work.listeners or (None,)))))


def kin(work: Work) -> tuple[Any, ...]:
    """What cells that take as long for each unit of their size have in common."""
    if isinstance(work, Training):
        return work.kind, _named(work.front_end), work.scheme.name, sorted(work.tasks)
    if isinstance(work, Scoring):
        return work.kind, work.label
    assert isinstance(work, Enhancing | Measuring)
    return work.kind, _named(work.front_end)


def _named(spec: Any) -> str:
    return canonical([spec.name, spec.config])


def _in_proportion(timed: Sequence[tuple[Work, float]], work: Work) -> float:
    """Seconds of a cell by the mean rate of others."""
    return sum(seconds for _, seconds in timed) / max(sum(size(other) for other, _ in timed), 1.0) * size(work)


def _amount(work: Work) -> str:
    return canonical(work.amount)


def _anonymous(label: str) -> str:
    """A label without seed and fold."""
    return label.partition(", seed")[0]


class Forecast:
    """Seconds that unfinished cells should take, corrected by what finished ones took.

    Cells are corrected by those of their kin, else by those of their kind, else by all.

    Args:
        expected: seconds by key
    """

    def __init__(self, expected: Mapping[str, float]) -> None:
        self.expected = dict(expected)
        self.sums: dict[Any, tuple[float, float]] = {}  # seconds that were spent and foreseen, by kin, kind and in all

    def finished(self, cell: Cell, seconds: float) -> None:
        """Take what a cell took into account."""
        foreseen = self.expected.pop(cell.key)
        for group in _groups(cell):
            spent, before = self.sums.get(group, (0.0, 0.0))
            self.sums[group] = spent + seconds, before + foreseen

    def left(self, cells: Iterable[Cell], shares: Mapping[str, float]) -> float:
        """Seconds that the unfinished ones among these cells still take, one after the other.

        Args:
            shares: the part of each running cell that is done, 0 to 1, by key
        """
        total = 0.0
        for cell in cells:
            if cell.key in self.expected:
                sums = next((self.sums[group] for group in _groups(cell) if group in self.sums), (1.0, 1.0))
                total += self.expected[cell.key] * sums[0] / max(sums[1], 1e-3) * (1 - shares.get(cell.key, 0.0))
        return total


def _groups(cell: Cell) -> tuple[str, ...]:
    return canonical(kin(cell.work)), cell.kind, ""
