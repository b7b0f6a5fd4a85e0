"""A plan: the cells of a recipe, and the rows of its boards that are read from them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmark.planning.cells import Cell, Enhancing, Scoring
from benchmark.planning.recipe import Recipe


@dataclass(frozen=True)
class PlannedRow:
    """One line of a board's making: which record it is read from, and what stands beside it."""

    front_end: str
    scheme: str
    task: str
    component: str
    seed: int
    fold: str | int | None
    record: str
    enhanced: str | None  # the enhancing behind it; None: the clean signal
    trained_by: tuple[str, ...]  # keys of the trainings behind it, its own first
    training_data: str
    track: str  # closed: trained here, or not at all; open: it comes trained from elsewhere
    corpora: tuple[str, ...]
    synthetic: bool

    @property
    def behind(self) -> tuple[str, ...]:
        """Keys of all cells that the row stands on."""
        return (self.record, *([self.enhanced] if self.enhanced else []), *self.trained_by)


@dataclass
class Plan:
    """Cells in an order in which each comes after what it needs, and the rows that stand on them."""

    recipe: Recipe
    cells: dict[str, Cell]
    rows: list[PlannedRow]
    schemas: Mapping[str, Mapping[str, Any]]  # of the target corpora, by task label

    def of(self, rows: Iterable[PlannedRow]) -> "Plan":
        """Some of its rows, and what they stand on."""
        kept = list(rows)
        wanted = {key for row in kept for key in row.behind}
        return Plan(self.recipe, {key: cell for key, cell in self.cells.items() if key in wanted}, kept, self.schemas)

    def scoring(self, row: PlannedRow) -> Scoring:
        """What a row's scoring does."""
        work = self.cells[row.record].work
        assert isinstance(work, Scoring)
        return work

    def enhancing(self, row: PlannedRow) -> Enhancing:
        """What a row's enhancing does; not of the reference row."""
        work = self.cells[str(row.enhanced)].work
        assert isinstance(work, Enhancing)
        return work
