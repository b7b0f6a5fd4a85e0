"""What code from outside may not touch: the suite's own files, finished work and boards, by their hashes before and after."""

from pathlib import Path

from benchmark.errors import EarmarkError
from benchmark.provenance import ROOT
from benchmark.store import MANIFEST, Store, file_hash


class Guard:
    """Hashes of the suite's code, of the manifests of finished cells (which hold the hashes of their files), and of a board's files."""

    def __init__(self, store: Store, boards: Path) -> None:
        self.store, self.boards = store, boards
        self.before = self._hashes()

    def check(self) -> None:
        """EarmarkError where one of them was changed or removed since; new files are no matter."""
        now = self._hashes()
        if changed := [path for path, value in self.before.items() if now.get(path) != value]:
            more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
            raise EarmarkError(
                f"{changed[0]}{more}: changed while code from outside ran; nothing of it is taken over, restore the files from version control or a backup"
            )

    def _hashes(self) -> dict[Path, str]:
        code = [path for package in ("benchmark", "tasks") for path in (ROOT / package).rglob("*.py")]
        finished = [path for shelf in ("weights", "records") for path in (self.store.root / shelf).glob(f"*/{MANIFEST}")]
        return {path: file_hash(path) for path in (*code, *finished, *(path for path in self.boards.rglob("*") if path.is_file()))}
