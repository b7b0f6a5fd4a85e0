"""Ranks and their p values, from the scores of rows and their bootstrap replicates."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np

from benchmark import statistics
from benchmark.statistics import Contributions, Design


class Scored(Protocol):
    """What a ranking asks of a row."""

    @property
    def name(self) -> Any:
        """What tells rows of equal scores apart."""

    @property
    def score(self) -> Any:
        """(1 + replicates,), the observed score first."""

    @property
    def by_seed(self) -> Any:
        """Scores when only the training seeds are resampled."""

    @property
    def seeds(self) -> Sequence[int]:
        """The training seeds."""

    @property
    def records(self) -> Any:
        """Rows with the same ones are one system under several names."""

    @property
    def track(self) -> str:
        """Closed or open."""

    @property
    def ranked(self) -> bool:
        """Whether the row competes."""

    @property
    def rank(self) -> int | None:
        """The rank that it got."""


Row = TypeVar("Row", bound=Scored)


class Competitors(NamedTuple):
    """Rows as arrays."""

    scores: np.ndarray  # (rows, 1 + replicates)
    by_seed: np.ndarray  # likewise, with seeds alone redrawn
    seeds: np.ndarray  # (rows,), how many
    tracks: np.ndarray  # (rows,)
    system: np.ndarray  # (rows,), the first row of the same system


class Ranking(NamedTuple):
    """Shared ranks, and the p values that they rest on."""

    ranks: np.ndarray  # (rows,), from 1
    p: np.ndarray  # (rows, rows), corrected; NaN within one system and where two rows were not compared


def competitors(rows: Sequence[Scored]) -> Competitors:
    """The arrays of one row or more."""
    first: dict[Any, int] = {}
    return Competitors(
        np.array([row.score for row in rows]),
        np.array([row.by_seed for row in rows]),
        np.array([len(row.seeds) for row in rows]),
        np.array([row.track for row in rows]),
        np.array([first.setdefault(row.records, index) for index, row in enumerate(rows)]),
    )


def rank(
    rows: Competitors, design: Design, sign: int = 1, baseline: int | None = None, added: Contributions | None = None
) -> Ranking:
    """Rank rows within their tracks: 1 + the number of rows that are significantly better.

    Compared are the pairs of one track, and every row with the baseline. They are one family for Holm's correction, in
    which a system counts once, however many rows it has.

    Args:
        design: of the scores; seeds are those of the rows
        sign: 1 where more is better, -1 where less is
        baseline: its row; None: there is none
        added: what several boards add to the scores, where they are means over boards
    """
    first, place = np.unique(rows.system, return_inverse=True)
    tracks = rows.tracks[first]
    same = tracks[:, None] == tracks
    is_baseline = np.zeros(len(first), bool) if baseline is None else first == rows.system[baseline]
    p = statistics.compare(
        rows.scores[first],
        rows.by_seed[first],
        same | is_baseline[:, None] | is_baseline,
        design._replace(seeds=rows.seeds[first]),
        None if added is None else added._replace(values=added.values[:, first]),
    )
    ranks = statistics.ranks(sign * rows.scores[first, 0], np.where(same, p, np.nan))
    return Ranking(ranks[place], p[np.ix_(place, place)])


def pooled(design: Design, rows: Sequence[Scored], baseline: np.ndarray | float = 0.0) -> Design:
    """The design with the seed variance pooled over systems: to their scores, or to their distance from a baseline.

    Args:
        baseline: its scores with seeds alone redrawn, (1 + replicates,)
    """
    systems = {row.records: row for row in rows}.values()
    distances = [(row.by_seed - baseline, len(row.seeds)) for row in systems if (row.by_seed - baseline).any()]
    if not distances:
        return design
    by_seed, seeds = zip(*distances, strict=True)
    return design._replace(seeds=np.array(seeds)).pooled(np.array(by_seed), len(by_seed))


def in_board_order(rows: Iterable[Row], sign: int = 1) -> list[Row]:
    """Rows as boards list them: closed track, open track, unranked, reference; then by score and name."""

    def key(row: Row) -> tuple[Any, ...]:
        block = 3 if not row.ranked else 2 if row.rank is None else int(row.track == "open")
        score = row.score[0]
        return block, np.inf if np.isnan(score) else -sign * score, row.name

    return sorted(rows, key=key)
