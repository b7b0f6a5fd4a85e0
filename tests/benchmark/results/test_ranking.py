"""Ranks from arrays alone."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from benchmark import statistics
from benchmark.results.ranking import competitors, in_board_order, pooled, rank

DESIGN = statistics.Design(40, 40)


@dataclass
class Row:
    """Scores around a mean, with one seed."""

    name: str
    mean: float
    track: str = "closed"
    records: str = ""
    ranked: bool = True
    rank: int | None = None
    seeds: list[int] = field(default_factory=lambda: [1])

    def __post_init__(self) -> None:
        noise = np.random.default_rng(list(self.name.encode())).normal(0, 0.01, statistics.REPLICATES)
        self.score = np.concatenate([[self.mean], self.mean + noise])
        self.by_seed = np.full(1 + statistics.REPLICATES, self.mean)
        self.records = self.records or self.name


def ranks(rows: list[Row], sign: int = 1, baseline: int | None = None) -> list[int]:
    return rank(competitors(rows), DESIGN, sign, baseline).ranks.tolist()


def test_ranks_follow_the_sign_and_are_shared_by_rows_that_do_not_differ():
    rows = [Row("a", 0.9), Row("b", 0.5), Row("c", 0.501), Row("d", 0.1)]
    assert ranks(rows) == [1, 2, 2, 4]
    assert ranks(rows, -1) == [4, 2, 2, 1]


def test_tracks_are_ranked_apart_and_compared_with_the_baseline_alone():
    rows = [Row("base", 0.5), Row("x", 0.9, "open"), Row("y", 0.1, "open"), Row("z", 0.7)]
    found = rank(competitors(rows), DESIGN, 1, 0)
    assert found.ranks.tolist() == [2, 1, 2, 1]
    assert np.isfinite(found.p[:, 0]).tolist() == [False, True, True, True]
    assert np.isnan(found.p[1, 3])
    assert (np.isnan(found.p) | (found.p == found.p.T)).all()
    alone = rank(competitors(rows), DESIGN)
    assert np.isnan(alone.p[0, 1])


def test_a_system_under_several_names_counts_once():
    once = [Row("a", 0.52), Row("b", 0.5), Row("c", 0.48)]
    again = Row("a", 0.52)
    again.name = "also a"
    plain, doubled = rank(competitors(once), DESIGN), rank(competitors([*once, again]), DESIGN)
    assert doubled.ranks.tolist() == [*plain.ranks.tolist(), plain.ranks[0]]
    np.testing.assert_array_equal(doubled.p[:3, :3], plain.p)
    np.testing.assert_array_equal(doubled.p[3, 1:3], plain.p[0, 1:])
    assert np.isnan(doubled.p[0, 3])


@pytest.mark.parametrize("sign", [1, -1])
def test_the_order_of_a_board(sign: int):
    rows = [
        Row("reference", 1.0 * sign, ranked=False),
        Row("unranked", 0.9 * sign),
        Row("open", 0.8 * sign, "open", rank=1),
        Row("low", 0.1 * sign, rank=2),
        Row("undefined", float("nan")),
        Row("high b", 0.7 * sign, rank=1),
        Row("high a", 0.7 * sign, rank=1),
    ]
    assert [row.name for row in in_board_order(rows, sign)] == [
        "high a",
        "high b",
        "low",
        "open",
        "unranked",
        "undefined",
        "reference",
    ]


def test_the_spread_of_seeds_is_pooled_over_systems():
    rows = [Row(name, 0.5, seeds=[1, 2, 3]) for name in "abc"]
    for index, row in enumerate(rows):
        row.by_seed = np.random.default_rng(index).normal(0.5, 0.01 * (index + 1), 1 + statistics.REPLICATES)
    design = pooled(DESIGN, rows)
    assert design.seed_variance == pytest.approx(np.mean([0.01**2, 0.02**2, 0.03**2]) * 3 / 2, rel=0.1)
    assert design.seed_degrees == 6
    assert pooled(DESIGN, [*rows, rows[0]]).seed_variance == design.seed_variance
    assert pooled(DESIGN, [rows[0]], rows[0].by_seed) == DESIGN
