"""Cells, the units of work, and the plan that they make together.

Two kinds of cell: a training leaves weights, a scoring leaves a record. Cells that come out alike share one key and are
run once. Keys are nested: a scoring's key contains the keys of its weights, which contain those they start from.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from benchmark import provenance, registry
from benchmark.contracts import Spec
from benchmark.planning.recipe import Recipe
from benchmark.store import digest

REFERENCE = "reference"  # the front-end of the row that hears the clean signal
IDENTITY = Spec("identity", 1, {})  # what stock models are trained behind
SHELVES = {"train": "weights", "score": "records"}  # where the store keeps what a cell leaves
COMPONENTS = ("front_end", "scheme", "task", "tasks")  # of a cell's configuration: where options may name files


@dataclass(frozen=True)
class Cell:
    """A unit of work: `config` is its identity, everything else is provenance or a matter of speed."""

    kind: str  # train or score
    label: str
    config: Mapping[str, Any]
    needs: tuple[str, ...]  # keys of trainings
    sources: Mapping[str, str] = field(default_factory=dict)  # digests of its components' code
    workers: int = 0  # processes that mix scenes for a training

    @cached_property
    def key(self) -> str:
        """Hash of the identity; where corpora and a user's own files lie does not belong to it, what is in them
        does.
        """
        return digest(
            {"kind": self.kind, **{name: placeless(part, name in COMPONENTS) for name, part in self.config.items()}}
        )

    @property
    def shelf(self) -> str:
        """Where the store keeps what the cell leaves."""
        return SHELVES[self.kind]


@dataclass(frozen=True)
class Row:
    """One line of a board's making: which record it is read from, and what stands beside it."""

    front_end: str
    scheme: str
    task: str
    component: str
    seed: int
    fold: str | int | None
    record: str
    trained_by: tuple[str, ...]  # keys of the trainings behind it, its own first
    training_data: str
    track: str  # closed: trained here, or not at all; open: it comes trained from elsewhere
    corpora: tuple[str, ...]
    synthetic: bool


@dataclass
class Plan:
    """Cells in an order in which each comes after what it needs, and the rows that stand on them."""

    recipe: Recipe
    cells: dict[str, Cell]
    rows: list[Row]
    schemas: Mapping[str, Mapping[str, Any]]  # of the target corpora, by task label

    def of(self, rows: list[Row]) -> "Plan":
        """Some of its rows, and what they stand on."""
        wanted = {key for row in rows for key in (row.record, *row.trained_by)}
        return Plan(self.recipe, {key: cell for key, cell in self.cells.items() if key in wanted}, rows, self.schemas)


def placeless(value: Any, files: bool = False) -> Any:
    """Without the paths of corpora; what a user's own code says stands beside its name, and with `files` what is in a
    file or folder stands for its path.
    """
    if isinstance(value, str):
        if ".py:" in value:
            name = value.rsplit("/", 1)[-1]  # also of a source, whose name joins those of its corpora
            # whatever kind it is of
            return name if " " in name else f"{name} {provenance.source_digest(registry.load('front_ends', value))}"
        return (
            f"contents {provenance.contents(value)}"
            if files and ("/" in value or "." in value) and os.path.exists(value)
            else value
        )
    if isinstance(value, Mapping):
        return {
            placeless(key): placeless(entry, files)
            for key, entry in value.items()
            if key != "path" or "options" not in value
        }
    return [placeless(entry, files) for entry in value] if isinstance(value, (list, tuple)) else value
