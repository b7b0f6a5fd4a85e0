"""A row of a board, with the tables of all its seeds and folds put together."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from benchmark.errors import EarmarkError
from benchmark.results.summary_file import Summary, sums_of, unpacked_table


class Layout(NamedTuple):
    """The order of everything in the tables of a board."""

    task: str
    scenes: list[str]
    conditions: list[str]
    columns: list[str]  # of the sums


@dataclass(eq=False)
class BoardRow:
    """One front-end under one scheme on one task."""

    name: tuple[str, str]  # front-end, scheme
    lines: list[Summary]  # in the order of seeds and folds
    present: np.ndarray = field(init=False)  # how many seeds were scored, (scenes, conditions)
    failed: np.ndarray = field(init=False)  # how many of them failed, (scenes, conditions)
    score: np.ndarray = field(init=False)  # (1 + replicates,), the observed score first
    by_seed: np.ndarray = field(init=False)  # likewise, with seeds alone redrawn
    figures: dict[str, np.ndarray] = field(init=False)  # observed, (conditions,) each
    complete: bool = field(init=False)  # nothing is missing of what makes the score
    rank: int | None = None

    @cached_property
    def seeds(self) -> list[int]:
        """The training seeds of its summaries."""
        return sorted({line["seed"] for line in self.lines})

    @cached_property
    def track(self) -> str:
        """Closed, or open where any part of it came trained from elsewhere."""
        return track_of(line["track"] for line in self.lines)

    @property
    def baseline(self) -> bool:
        """Whether all other rows are compared with this one."""
        return all(line["baseline"] for line in self.lines)

    @property
    def ranked(self) -> bool:
        """Whether the row competes; the reference does not."""
        return all(line["ranked"] for line in self.lines)

    @cached_property
    def records(self) -> tuple[str, ...]:
        """Its records: rows with the same ones are one system under several names."""
        return tuple(sorted(line["keys"]["outputs"] for line in self.lines))


def track_of(tracks: Iterable[str]) -> str:
    """The track of a whole: open where any part is."""
    return found.pop() if len(found := set(tracks)) == 1 else "open"


def stacked_sums(layout: Layout, row: BoardRow) -> np.ndarray:
    """The sums of a row's summaries, (columns, scenes, seeds, conditions): NaN where null, 0 where absent.

    Raises:
        EarmarkError: a summary holds no such tables
    """
    sums = np.zeros((len(layout.columns), len(layout.scenes), len(row.seeds), len(layout.conditions)))
    for line, (scenes, seed, conditions) in _places(layout, row):
        tables = sums_of(line)
        sums[:, scenes, seed, conditions] = _values(
            layout, line, {column: tables.get(column) for column in layout.columns}
        )
    return sums


def coverage(layout: Layout, row: BoardRow) -> dict[str, np.ndarray]:
    """Where sums are null, how many seeds are present, and how many of these failed, (scenes, conditions) each.

    Raises:
        EarmarkError: two folds share scenes
    """
    present = np.zeros((len(layout.scenes), len(row.seeds), len(layout.conditions)), bool)
    failed = np.zeros_like(present)
    for line, place in _places(layout, row):
        if present[place].any():
            raise EarmarkError(
                f"{_where(layout, line)}: another fold of the same seed holds some of its scenes; folds must be "
                "disjoint"
            )
        present[place], failed[place] = True, _values(layout, line, {"failed": line["failed"]})[0] > 0
    return {"null": np.isnan(stacked_sums(layout, row)).any((0, 2)), "present": present.sum(1), "failed": failed.sum(1)}


def _places(layout: Layout, row: BoardRow) -> Iterator[tuple[Summary, tuple[np.ndarray, ...]]]:
    """Each summary with the indices of its scenes, its seed and its conditions."""
    position = {scene: index for index, scene in enumerate(layout.scenes)}
    for line in row.lines:
        conditions = [layout.conditions.index(condition) for condition in line["conditions"]]
        yield line, np.ix_([position[scene] for scene in line["scenes"]], [row.seeds.index(line["seed"])], conditions)


def _values(layout: Layout, line: Summary, tables: Mapping[str, Any]) -> np.ndarray:
    """Tables of a summary as (tables, scenes, 1, conditions), float64, NaN where null."""
    size = len(line["scenes"]), len(line["conditions"])
    try:
        values = np.array([unpacked_table(table, *size) for table in tables.values()], np.float64)
    except (KeyError, ValueError, TypeError):
        columns = ", ".join(layout.columns)
        raise EarmarkError(
            f"{_where(layout, line)}: the sums are not tables of the columns {columns}; run the cell again"
        ) from None
    if values.shape[1:] != size or len(set(line["scenes"])) != size[0]:
        raise EarmarkError(
            f"{_where(layout, line)}: the tables are not {size[0]} different scenes by {size[1]} conditions; run the "
            "cell again"
        )
    return values[:, :, None]


def _where(layout: Layout, line: Summary) -> str:
    return f"task '{layout.task}', {line['front_end']} under {line['scheme']}, seed {line['seed']}, fold {line['fold']}"
