"""The statistics of the boards on simulated data whose truth is known: how often they see a difference that is none,
and how often intervals hold the truth.

Data vary from trial to trial under one draw of the bootstrap. Bounds are the nominal share and three standard errors of
so many trials, unless said otherwise.
"""

import numpy as np
import pytest
import scipy.stats

from benchmark import statistics
from benchmark.statistics import Design

TRIALS, REPLICATES = 1000, 500
SIZES = {
    "60 scenes of one speaker": [60],
    "30 speakers": [2] * 30,
    "15 speakers": [4] * 15,
    "8 speakers": [7] * 8,
    "4 speakers": [15] * 4,
    "15 unequal speakers": [1, 1, 1, 2, 2, 2, 3, 3, 4, 4, 5, 6, 7, 9, 12],
}


def most(share: float, trials: int = TRIALS) -> float:
    return share + 3 * np.sqrt(share * (1 - share) / trials)


def least(share: float, trials: int = TRIALS) -> float:
    return share - 3 * np.sqrt(share * (1 - share) / trials)


def drawn(sizes: list[int]) -> tuple[np.ndarray, np.ndarray, Design]:
    """The group of each scene, for groups of such sizes; the bootstrap, (1 + REPLICATES, scenes); the design."""
    groups = np.repeat(np.arange(len(sizes)), sizes)
    names = [f"scene{index}" for index in range(len(groups))]
    weights = statistics.scene_weights(names, [f"speaker{group}" for group in groups], REPLICATES)
    return groups, weights, Design(len(groups), statistics.units([str(group) for group in groups]))


def spread(generator: np.random.Generator, groups: np.ndarray, share: float, *shape: int) -> np.ndarray:
    """Values of mean 0 and variance 1, (*shape, scenes), so much of whose variance lies between groups."""
    between = generator.normal(0, np.sqrt(share), (*shape, groups.max() + 1))[..., groups]
    return between + generator.normal(0, np.sqrt(1 - share), (*shape, len(groups)))


def means(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Of values (..., scenes), (..., 1 + replicates)."""
    return values @ weights.T / weights.sum(1)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_one_comparison_without_a_difference(sizes: list[int], share: float):
    """p is below 0.05 in a twentieth of trials and intervals hold the truth in 95 of a hundred; unequal speakers may
    cost more, never less.
    """
    groups, weights, design = drawn(sizes)
    figures = means(spread(np.random.default_rng(1), groups, share if len(sizes) > 1 else 0.0, TRIALS), weights)
    p = statistics.p_values(figures, None, design)
    low, high = statistics.intervals(figures, None, design).T
    assert (p < 0.05).mean() <= most(0.05)
    assert (p < 0.01).mean() <= most(0.01)
    missed = ((low > 0) | (high < 0)).mean()
    assert missed <= most(0.05)
    if len(set(sizes)) == 1:
        assert min(missed, (p < 0.05).mean()) >= least(0.05)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("sizes", [[4] * 5, [7] * 8, [4] * 15], ids=len)
def test_intervals_are_as_wide_as_those_of_scipy_over_speakers(sizes: list[int], share: float):
    """And a difference is found as often as by its t test."""
    groups, weights, design = drawn(sizes)
    values = spread(np.random.default_rng(8), groups, share, TRIALS)
    low, high = statistics.intervals(means(values, weights), None, design).T
    speakers = values.reshape(TRIALS, len(sizes), -1).mean(-1)
    theirs = scipy.stats.t.interval(0.95, len(sizes) - 1, speakers.mean(1), scipy.stats.sem(speakers, axis=1))
    # the draws themselves move it by 0.03
    assert (high - low).mean() == pytest.approx((theirs[1] - theirs[0]).mean(), rel=0.05)
    found = (statistics.p_values(means(values + 0.4, weights), None, design) < 0.05).mean()
    assert found == pytest.approx((scipy.stats.ttest_1samp(speakers + 0.4, 0, axis=1).pvalue < 0.05).mean(), abs=0.04)


@pytest.mark.parametrize("rate", [0.8, 0.95, 0.98, 0.995])
def test_shares_close_to_their_bound(rate: float):
    """Many trials are without any error, and their intervals must hold the truth all the same."""
    _, weights, design = drawn([7] * 8)
    right = np.random.default_rng(9).random((TRIALS, 56)) < rate
    low, high = statistics.intervals(means(right.astype(float), weights), None, design, (0.0, 1.0)).T
    assert ((low > rate) | (high < rate)).mean() <= most(0.05)
    assert (high > low).all()
    assert low.min() >= 0
    assert high.max() <= 1


def test_where_speakers_make_all_the_difference_p_is_that_of_a_t_test_over_speakers():
    """Scenes of one speaker are alike: there is one observation a speaker, and scipy's test of the speakers' means is
    exact.
    """
    groups, weights, design = drawn([4] * 15)
    values = spread(np.random.default_rng(2), groups, 1.0, TRIALS)
    ours = statistics.p_values(means(values, weights), None, design)
    theirs = scipy.stats.ttest_1samp(values[:, ::4], 0, axis=1).pvalue
    assert np.corrcoef(ours, theirs)[0, 1] > 0.99
    assert (ours < 0.05).mean() == pytest.approx((theirs < 0.05).mean(), abs=0.01)
    assert scipy.stats.kstest(ours, "uniform").pvalue > 0.001


@pytest.mark.parametrize("errors", ["rare", "common"])
def test_error_rates_with_words_of_their_own(errors: str):
    """A ratio of sums whose scenes differ in length and in difficulty, by speaker; the truth is the rate of endless
    speakers.
    """
    groups, weights, design = drawn([4] * 15)
    generator = np.random.default_rng(3)
    words = generator.integers(3, 13, (TRIALS, 60))
    rate = 0.05 if errors == "rare" else 0.3
    difficulty = generator.gamma(4, 0.25, (TRIALS, 15))[:, groups] * generator.gamma(4, 0.25, (TRIALS, 60))
    counts = generator.poisson(words * rate * difficulty)
    figures = counts @ weights.T / (words @ weights.T)
    low, high = statistics.intervals(figures, None, design).T
    assert ((rate < low) | (rate > high)).mean() <= most(0.05)
    width = 2 * scipy.stats.t.ppf(0.975, 14) * figures[:, 0].std()  # of an interval that knew the spread of the rate
    assert 0.9 * width < (high - low).mean() < 1.1 * width


@pytest.mark.parametrize(("speakers", "seeds"), [(5, 3), (15, 3), (15, 5)])
@pytest.mark.parametrize("luck", [0.0, 1.0])
def test_boards_of_equal_methods(speakers: int, seeds: int, luck: float):
    """Six methods, fifteen pairs, scenes and speakers shared: the luck of the seeds is so large a part of the spread
    between speakers.
    """
    trials, rows = 200, 6
    groups, weights, design = drawn([60 // speakers] * speakers)
    generator = np.random.default_rng(4)
    shared = spread(generator, groups, 0.5, trials, 1, 1)
    own = 0.5 * spread(generator, groups, 0.5, trials, rows, 1) + 0.3 * spread(
        generator, groups, 0.0, trials, rows, seeds
    )
    # (trials, rows, seeds, 1 + replicates)
    figures = means(shared + own + luck * generator.normal(0, 0.3, (trials, rows, seeds, 1)), weights)
    shares = statistics.seed_weights(range(seeds), REPLICATES)
    values, by_seed = np.einsum("tmsr,rs->tmr", figures, shares), figures[..., 0] @ shares.T
    everyone = np.ones((rows, rows), bool)
    false = missed = 0
    for one, seeded in zip(values, by_seed, strict=True):
        own_design = design._replace(seeds=np.full(rows, seeds))
        false += (statistics.ranks(one[:, 0], statistics.compare(one, seeded, everyone, own_design)) > 1).any()
        pooled = design._replace(seeds=np.full(rows - 1, seeds)).pooled(seeded[1:] - seeded[0], rows - 1)
        ((low, high),) = statistics.intervals(
            one[1:2] - one[:1], seeded[1:2] - seeded[:1], pooled._replace(seeds=seeds)
        )
        missed += low > 0 or high < 0
    assert false / trials <= most(0.05, trials)
    assert missed / trials <= most(0.05, trials)


@pytest.mark.parametrize("step", [0.3, 1.0])
def test_ranks_of_methods_that_differ(step: float):
    """Two methods each of three grades: no rank is worse than one plus the number of truly better methods, on 19 of 20
    boards; wide steps are all found.
    """
    trials, rows = 300, 6
    groups, weights, design = drawn([4] * 15)
    generator = np.random.default_rng(5)
    truth = -step * np.array([0, 0, 1, 1, 2, 2])
    values = means(
        spread(generator, groups, 0.5, trials, 1) + 0.5 * spread(generator, groups, 0.5, trials, rows) + truth[:, None],
        weights,
    )
    allowed = 1 + (truth > truth[:, None]).sum(1)
    ranks = np.array(
        [
            statistics.ranks(one[:, 0], statistics.compare(one, 0 * one, np.ones((rows, rows), bool), design))
            for one in values
        ]
    )
    assert (ranks > allowed).any(1).mean() <= most(0.05, trials)
    found = (ranks == allowed).all(1).mean()
    assert found == 0 if step == 0.3 else found >= 0.9


TOGETHER = {  # speakers of each board; 0 to 29 are people, who are on several boards, 100 and above places
    "a small board among large ones": [[*range(8)] * 7, [*range(4)] * 2, [*range(100, 130)] * 2],
    "the same four speakers on all": [[*range(4)] * 5] * 4,
    "one board alone is small": [[*range(30)] * 2, [*range(100, 103)] * 2],
}


@pytest.mark.parametrize("share", [0.0, 0.9])
@pytest.mark.parametrize("boards", TOGETHER.values(), ids=TOGETHER)
def test_several_boards_together_without_a_difference(boards: list[list[int]], share: float):
    """What people do to a row they do on every board that they are on. Where a board of three places rules, small p
    values come more often than they say.
    """
    people = sorted({group for groups in boards for group in groups if group < 100})
    generator, added = np.random.default_rng(3), []
    effects = generator.normal(0, np.sqrt(share), (TRIALS, 200))
    for board, groups in enumerate(boards):
        universe = people if groups[0] < 100 else sorted(set(groups))
        weights = statistics.scene_weights(
            [f"{board} {k}" for k in range(len(groups))], list(map(str, groups)), REPLICATES, list(map(str, universe))
        )
        scenes = effects[:, groups] + generator.normal(0, np.sqrt(1 - share), (TRIALS, len(groups)))
        with np.errstate(invalid="ignore"):
            added.append(means(scenes, weights) / len(boards))
    parts = statistics.Contributions(np.array(added), [statistics.units(list(map(str, groups))) for groups in boards])
    figures = parts.values.sum(0)
    counted = parts.of_rows()
    assert (counted.units >= min(parts.units) - 1e-9).all()
    design = Design(sum(map(len, boards)), 0).over(counted)
    p = statistics.p_values(figures, None, design)
    low, high = statistics.intervals(figures, None, design).T
    assert (p < 0.05).mean() <= most(0.05)
    assert (p < 0.01).mean() <= most(0.02 if min(parts.units) < 4 else 0.01)
    assert ((low <= 0) & (high >= 0)).mean() >= least(0.95)


def test_a_small_board_takes_no_more_than_its_share():
    """Where it adds little to the uncertainty nearly all units of the others count; where it adds all, its own."""
    generator = np.random.default_rng(4)
    large, small = generator.normal(0, 1, (2, 1, 1 + REPLICATES))
    for spread_of_small, expected in ((0.01, 30), (100.0, 4)):
        parts = statistics.Contributions(np.array([large, spread_of_small * small]), [30, 4])
        assert parts.of_rows().units[0] == pytest.approx(expected, rel=0.05)
        pairs = (
            statistics.Contributions(
                np.array([[large[0], -large[0]], [spread_of_small * small[0], spread_of_small * small[0][::-1]]]),
                [30, 4],
            )
            .of_pairs()
            .units
        )
        assert pairs[0, 1] == pytest.approx(expected, rel=0.05)
        assert pairs[0, 1] == pairs[1, 0]
    same = np.stack([large, large, large])
    assert statistics.Contributions(same, [8, 8, 8]).of_rows().units[0] == pytest.approx(
        8
    )  # the same people three times over
    assert statistics.Contributions(np.zeros_like(same), [8, 5, 8]).of_rows().units[0] == 5
