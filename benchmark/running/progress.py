"""The progress of a run: a bar for all cells and one for each that runs; plain lines where there is no terminal."""

from collections.abc import Mapping
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from benchmark.planning.cells import Cell


class Display:
    """Shows the progress of cells, with the time left.

    Args:
        expected: seconds that each cell should take, by key; they are corrected by what finished cells took
        jobs: how many cells run at a time
    """

    def __init__(self, expected: Mapping[str, float], jobs: int) -> None:
        self.expected, self.jobs = dict(expected), jobs
        self.spent = self.foreseen = 0.0
        self.console = Console(stderr=True)
        self.total = len(expected)
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
                self.progress.update(self.bars[key], completed=value[0], total=value[1])

    def finished(self, cell: Cell, seconds: float, succeeded: bool) -> None:
        """Show that a cell has ended."""
        self.progress.remove_task(self.bars.pop(cell.key))
        self.done += 1
        self.spent, self.foreseen = self.spent + seconds, self.foreseen + self.expected.pop(cell.key)
        left = (
            self.spent
            / max(self.foreseen, 1e-3)
            * sum(self.expected.values())
            / min(self.jobs, max(len(self.expected), 1))
        )
        self.progress.update(
            self.overall,
            advance=1,
            description=f"[bold]{self.total} cells, {self.jobs} at a time, about {_clock(left)} left",
        )
        mark = "done" if succeeded else "FAILED"
        self.console.print(
            f"[{self.done}/{self.total}] {cell.label}: {mark} in {seconds:.0f} s, about {_clock(left)} left",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
