"""What a run shows: a bar for the grid and one for each cell in hand, with time left; plain lines where nobody watches."""

import time
from collections.abc import Mapping
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from benchmark.cells import Cell


class Display:
    """Progress over `cells`, `jobs` of them at a time."""

    def __init__(self, cells: list[Cell], jobs: int) -> None:
        self.console = Console(stderr=True)
        self.total = len(cells)
        self.done = 0
        self.started_at = time.monotonic()
        self.bars: dict[str, TaskID] = {}
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
            transient=True,
        )
        self.grid = self.progress.add_task(f"[bold]{self.total} cells, {jobs} at a time", total=self.total)

    def __enter__(self) -> "Display":
        self.progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.progress.stop()

    def started(self, cell: Cell) -> None:
        """A cell is in hand."""
        self.bars[cell.key] = self.progress.add_task(f"  {cell.label}", total=None)

    def update(self, done: Mapping[str, tuple[int, int] | None]) -> None:
        """Steps or scenes done of those in hand."""
        for key, value in done.items():
            if value is not None:
                self.progress.update(self.bars[key], completed=value[0], total=value[1])

    def finished(self, cell: Cell, seconds: float, succeeded: bool) -> None:
        """A cell has ended."""
        self.progress.remove_task(self.bars.pop(cell.key))
        self.progress.advance(self.grid)
        self.done += 1
        elapsed = time.monotonic() - self.started_at
        left = elapsed / self.done * (self.total - self.done)
        mark = "done" if succeeded else "FAILED"
        self.console.print(
            f"[{self.done}/{self.total}] {cell.label}: {mark} in {seconds:.0f} s, about {_clock(left)} left", highlight=False, markup=False, soft_wrap=True
        )


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
