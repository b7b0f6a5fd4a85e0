"""A plan: the cells of a recipe, and the rows of its boards that are made from them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmark.planning.cells import Cell, Enhancing, Scoring
from benchmark.planning.recipe import Recipe


@dataclass(frozen=True)
class PlannedRow:
    """One seed and fold of a board's row: the record with its scores, and what the board tells about it."""

    front_end: str
    scheme: str
    task: str
    component: str  # the task's registered name
    seed: int
    fold: str | int | None
    record: str  # the key of the scoring
    enhanced: str | None  # the key of the enhancing; None: the clean signal
    measured: str | None  # the key of the measuring; None: the clean signal
    trained_by: tuple[str, ...]  # the keys of all trainings behind it, its own first
    training_data: str
    track: str  # closed: trained here, or not at all; open: trained elsewhere
    corpora: tuple[str, ...]
    synthetic: bool

    @property
    def behind(self) -> tuple[str, ...]:
        """The keys of all cells that the row depends on."""
        return (*(key for key in (self.record, self.enhanced, self.measured) if key), *self.trained_by)


@dataclass
class Plan:
    """Cells, each after those that it needs, and the rows that depend on them."""

    recipe: Recipe
    cells: dict[str, Cell]
    rows: list[PlannedRow]
    schemas: Mapping[str, Mapping[str, Any]]  # of the target corpora, by task label

    def of(self, rows: Iterable[PlannedRow]) -> "Plan":
        """The plan of some of its rows, with the cells that these depend on."""
        kept = list(rows)
        wanted = {key for row in kept for key in row.behind}
        return Plan(self.recipe, {key: cell for key, cell in self.cells.items() if key in wanted}, kept, self.schemas)

    def scoring(self, row: PlannedRow) -> Scoring:
        """The scoring of a row."""
        work = self.cells[row.record].work
        assert isinstance(work, Scoring)
        return work

    def enhancing(self, row: PlannedRow) -> Enhancing:
        """The enhancing of a row; the reference row has none."""
        work = self.cells[str(row.enhanced)].work
        assert isinstance(work, Enhancing)
        return work
