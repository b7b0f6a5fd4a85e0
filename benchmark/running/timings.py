"""How long cells should take, judged by earlier runs on this machine, else by those that made the boards."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from benchmark.errors import EarmarkError
from benchmark.planning.cells import SHELVES, Cell, Work, from_json
from benchmark.results.board import cache_of
from benchmark.results.manifests import read_manifest
from benchmark.results.summary_file import SUMMARIES, read_lines
from benchmark.store import Store, canonical

BOARDS = Path(__file__).resolve().parents[2] / "leaderboards"  # those that come with the suite
# Seconds of a cell of a kind that was never timed; ours, as most cells of the recipe mini take.
GUESS = {"train": 60.0, "measure": 5.0, "enhance": 6.0, "score": 4.0}


class Timings:
    """Seconds by label; for cells of this machine, by label and amount of work."""

    def __init__(self, recipe: str, store: Store, boards: Path) -> None:
        self.known: dict[tuple[str, str | None], float] = {}
        for folder, cache in ((BOARDS / recipe, None), (boards, cache_of(boards))):
            if (folder / SUMMARIES).is_file():
                for line in read_lines(folder / SUMMARIES, cache):
                    self.known |= {(label, None): seconds for label, seconds in line.get("timings", {}).items()}
        for shelf in SHELVES.values():
            for key in store.list(shelf):
                # Manifests that cannot be read are skipped: an estimate is no reason to fail.
                with suppress(EarmarkError):
                    manifest = read_manifest(store, shelf, key)
                    self.known[manifest["label"], _amount(from_json(manifest["work"]))] = manifest["seconds"]

    def seconds(self, cell: Cell) -> float | None:
        """What a cell took before; None if it never ran."""
        return self.known.get((cell.label, _amount(cell.work)), self.known.get((cell.label, None)))

    def expected(self, cells: Iterable[Cell]) -> dict[str, float]:
        """Expected seconds by key. A cell that never ran gets the mean of its kind."""
        judged = {cell.key: (cell.kind, self.seconds(cell)) for cell in cells}
        means = dict(GUESS)
        for kind in means:
            if known := [seconds for other, seconds in judged.values() if other == kind and seconds is not None]:
                means[kind] = sum(known) / len(known)
        return {key: means[kind] if seconds is None else seconds for key, (kind, seconds) in judged.items()}


def _amount(work: Work) -> str:
    return canonical(work.amount)
