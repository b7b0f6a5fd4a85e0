"""The progress of a run: a bar for all cells and one for each that runs; plain lines where there is no terminal."""

from collections.abc import Mapping, Sequence
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from benchmark.planning.cells import Cell
from benchmark.running.timings import Forecast


class Display:
    """Shows the progress of cells, with the time left.

    Args:
        cells: those to be run
        forecast: of the seconds that they take
        jobs: how many cells run at a time
    """

    def __init__(self, cells: Sequence[Cell], forecast: Forecast, jobs: int) -> None:
        self.cells, self.forecast, self.jobs = list(cells), forecast, jobs
        self.shares: dict[str, float] = {}  # what is done of each running cell
        self.console = Console(stderr=True)
        self.total = len(self.cells)
        self.done = 0
        self.bars: dict[str, TaskID] = {}
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
            transient=True,
        )
        self.overall = self.progress.add_task(f"[bold]{self.total} cells, {jobs} at a time", total=self.total)

    def __enter__(self) -> "Display":
        self.progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.stop()

    def started(self, cell: Cell) -> None:
        """Show that a cell has started."""
        self.bars[cell.key] = self.progress.add_task(f"  {cell.label}", total=None)

    def update(self, done: Mapping[str, tuple[int, int] | None]) -> None:
        """Show how many steps or scenes of the running cells are done: (done, total) by key."""
        for key, value in done.items():
            if value is not None:
                self.shares[key] = min(value[0] / max(value[1], 1), 1.0)
                self.progress.update(self.bars[key], completed=value[0], total=value[1])
        if self.shares:
            self.progress.update(self.overall, description=self._headline())

    def finished(self, cell: Cell, seconds: float, succeeded: bool) -> None:
        """Show that a cell has ended."""
        self.progress.remove_task(self.bars.pop(cell.key))
        self.done += 1
        self.shares.pop(cell.key, None)
        self.forecast.finished(cell, seconds)
        self.progress.update(self.overall, advance=1, description=self._headline())
        mark = "done" if succeeded else "FAILED"
        self.console.print(
            f"[{self.done}/{self.total}] {cell.label}: {mark} in {seconds:.0f} s, about {_clock(self._left())} left",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )

    def _headline(self) -> str:
        return f"[bold]{self.total} cells, {self.jobs} at a time, about {_clock(self._left())} left"

    def _left(self) -> float:
        return self.forecast.left(self.cells, self.shares) / min(self.jobs, max(self.total - self.done, 1))


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
