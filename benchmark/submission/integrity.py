"""Check that code from outside left the suite's files, finished work and boards alone."""

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmark.errors import EarmarkError
from benchmark.planning.cells import SHELVES
from benchmark.provenance import ROOT
from benchmark.results.board import caches
from benchmark.store import MANIFEST, Store, file_hash


class Guard:
    """Hashes of what code from outside may not touch, to be compared afterwards.

    They are of the suite's files and recipes, of the manifests of finished cells (which hold the hashes of their
    files), and of all boards. The guard is made and checked while no code from outside runs. It does not see new files
    and compiled ones, the corpora, the environment, and processes that left their group to act later.
    """

    def __init__(self, store: Store, boards: Path) -> None:
        self.store, self.boards = store, boards.resolve().parent
        self.before, self.remembered = _hashes(self._guarded()), _hashes(_files(caches()))

    def check(self) -> None:
        """Raise EarmarkError where a file was changed or removed; the cells finished since are then deleted.

        Cached results of boards that were touched are deleted in any case.
        """
        now = _hashes(self._guarded())
        for path, value in _hashes(_files(caches())).items():
            if self.remembered.get(path) != value:
                path.unlink()
        if changed := [path for path, value in self.before.items() if now.get(path) != value]:
            for path in set(self._finished()) - self.before.keys():
                shutil.rmtree(path.parent)
            more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
            raise EarmarkError(
                f"{changed[0]}{more}: changed while code from outside ran; nothing of it is taken over. If you changed "
                "that yourself, run it again; else restore the files from version control or a backup"
            )

    def _finished(self) -> list[Path]:
        return [path for shelf in SHELVES.values() for path in (self.store.root / shelf).glob(f"*/{MANIFEST}")]

    def _guarded(self) -> Iterator[Path]:
        yield from self._finished()
        for folder in (*(ROOT / name for name in ("benchmark", "tasks", "recipes")), self.boards):
            yield from _files(folder)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def _hashes(paths: Iterable[Path]) -> dict[Path, str]:
    return {path: file_hash(path) for path in paths}
