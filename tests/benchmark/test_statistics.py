import jiwer
import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from benchmark import statistics
from benchmark.statistics import Design

MANY = Design(scenes=10_000, units=10_000)  # so many that nothing is put right


def names(count: int, prefix: str = "scene") -> list[str]:
    return [f"{prefix}{index}" for index in range(count)]


def everyone(rows: int) -> np.ndarray:
    return np.ones((rows, rows), bool)


def test_first_row_is_the_sample_and_replicates_of_one_group_keep_its_size():
    weights = statistics.scene_weights(names(30), ["only"] * 30, 500)
    assert weights.shape == (501, 30)
    assert (weights[0] == 1).all()
    assert (weights[1:].sum(1) == 30).all()
    assert np.abs(weights[1:].mean(0) - 1).max() < 0.25


def test_draws_depend_on_the_ids_alone():
    same = [statistics.scene_weights(names(20), ["a", "b"] * 10, 50) for _ in range(2)]
    assert (same[0] == same[1]).all()
    assert (same[0] != statistics.scene_weights(names(20), ["a", "c"] * 10, 50)).any()
    alone = [statistics.scene_weights(names(20, prefix), ["a"] * 20, 50) for prefix in ("one", "one", "other")]
    assert (alone[0] == alone[1]).all()
    assert (alone[0] != alone[2]).any()


def test_groups_are_drawn_whole():
    """Every scene of a group is drawn as often as the group, and that sums to the number of groups."""
    groups = np.repeat(["a", "b", "c"], [1, 4, 7])
    weights = statistics.scene_weights(names(12), groups.tolist(), 300)
    drawn = np.stack([weights[1:, groups == group].mean(1) for group in "abc"])
    assert (weights[1:] == drawn[np.unique(groups, return_inverse=True)[1]].T).all()
    assert (drawn.sum(0) == 3).all()
    assert (drawn == 0).any()


def test_groups_of_one_scene_are_the_plain_bootstrap_in_spread():
    values = np.random.default_rng(0).normal(size=80)
    spreads = [
        (statistics.scene_weights(names(80), groups, 4000)[1:] @ values / 80).std()
        for groups in (names(80), ["one"] * 80)
    ]
    assert spreads == pytest.approx([values.std() / np.sqrt(80)] * 2, rel=0.05)


def test_spread_over_groups_agrees_with_a_loop_that_draws_groups():
    generator = np.random.default_rng(3)
    groups = np.repeat(names(8, "speaker"), generator.integers(2, 9, 8))
    values = generator.normal(size=len(groups)) + np.unique(groups, return_inverse=True)[1]
    looped = []
    for _ in range(3000):
        drawn = [values[groups == group] for group in generator.choice(np.unique(groups), 8)]
        looped.append(np.concatenate(drawn).mean())
    weights = statistics.scene_weights(names(len(groups)), groups.tolist(), 3000)[1:]
    ours = weights @ values / weights.sum(1)
    assert np.quantile(ours, [0.025, 0.5, 0.975]) == pytest.approx(np.quantile(looped, [0.025, 0.5, 0.975]), abs=0.15)


def test_intervals_agree_with_scipy_on_a_corpus_level_error_rate():
    generator = np.random.default_rng(1)
    words = generator.integers(4, 12, 60)
    errors = generator.binomial(words, 0.3)
    weights = statistics.scene_weights(names(60), ["one"] * 60, 8000)
    low, high = statistics.interval(weights @ errors / (weights @ words), None, MANY)
    theirs = scipy.stats.bootstrap(
        (errors, words),
        lambda e, w, axis: e.sum(axis) / w.sum(axis),
        paired=True,
        vectorized=True,
        method="percentile",
        n_resamples=8000,
        rng=generator,
    ).confidence_interval
    assert (low, high) == pytest.approx((theirs.low, theirs.high), abs=0.003)


def test_summed_errors_over_words_are_the_corpus_level_error_rate():
    references = ["open the green door", "go left now", "seven blue lamps"]
    hypotheses = ["open green the door", "go left", "seven blue lamps please"]
    measured = [jiwer.process_words(*pair) for pair in zip(references, hypotheses, strict=True)]
    errors = np.array([one.substitutions + one.deletions + one.insertions for one in measured])
    words = np.array([len(text.split()) for text in references])
    weights = statistics.scene_weights(names(3), names(3), 10)
    rates = weights @ errors / (weights @ words)
    assert rates[0] == pytest.approx(jiwer.wer(references, hypotheses))
    drawn = np.repeat(np.arange(3), weights[4].astype(int))
    assert rates[4] == pytest.approx(jiwer.wer([references[i] for i in drawn], [hypotheses[i] for i in drawn]))


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    """Speakers differ as much as scenes do; 400 experiments, so that chance alone moves the share by about 0.011."""
    generator = np.random.default_rng(7)
    groups = np.repeat(np.arange(15), 4)
    covered = 0
    for trial in range(400):
        values = generator.normal(size=15)[groups] + generator.normal(size=60)
        weights = statistics.scene_weights(names(60, f"{trial}/"), groups.astype(str).tolist(), 400)
        low, high = statistics.interval(weights @ values / weights.sum(1), None, Design(60, 15))
        covered += low <= 0 <= high
    assert 0.91 <= covered / 400 <= 0.99


def test_equal_systems_are_rarely_told_apart():
    """Five equal systems, ten pairs, scenes shared: the share of boards with any false difference stays near or below
    0.05.
    """
    generator = np.random.default_rng(8)
    groups = np.repeat(np.arange(12), 5)
    false = 0
    for trial in range(300):
        difficulty = generator.normal(size=60)
        scores = difficulty + 0.3 * generator.normal(size=(5, 12))[:, groups] + generator.normal(size=(5, 60))
        weights = statistics.scene_weights(names(60, f"{trial}/"), groups.astype(str).tolist(), 400)
        values = scores @ weights.T / weights.sum(1)
        false += (
            statistics.ranks(values[:, 0], statistics.compare(values, 0 * values, everyone(5), Design(60, 12))) > 1
        ).any()
    assert false / 300 <= 0.08


def test_pairing_finds_a_small_difference_that_intervals_hide():
    generator = np.random.default_rng(2)
    difficulty = 3 * generator.normal(size=50)
    values = (
        np.stack([difficulty + 0.1 * generator.normal(size=50), difficulty + 0.3])
        @ statistics.scene_weights(names(50), ["one"] * 50).T
        / 50
    )
    (_, first_high), (second_low, _) = (statistics.interval(each, None, Design(50, 50)) for each in values)
    assert first_high > second_low
    assert statistics.compare(values, 0 * values, everyone(2), Design(50, 50))[0, 1] < 0.001


def test_p_values_agree_with_a_t_test():
    generator = np.random.default_rng(4)
    differences = generator.normal(size=(6, 100)) + np.array([0.0, 0.1, 0.15, 0.2, 0.25, 0.6])[:, None]
    ours = statistics.p_values(
        differences @ statistics.scene_weights(names(100), ["one"] * 100, 20_000).T / 100, None, Design(100, 100)
    )
    theirs = scipy.stats.ttest_1samp(differences, 0, axis=1).pvalue
    assert ours[:5] == pytest.approx(theirs[:5], abs=0.02)
    assert ours[5] == pytest.approx(theirs[5], rel=0.5)  # far beyond the resolution of the share, 2 / (R + 1)


def test_p_value_of_a_count_done_by_hand():
    """Of nine replicates two are on the other side and one is a tie: 2 x (1 + 3) / (1 + 9)."""
    assert statistics.p_values(np.array([1.0, 1, 2, 3, 1, 2, 3, -1, -2, 0]), None, Design(60, 60)) == pytest.approx(0.8)


def test_undefined_replicates_are_left_out():
    differences = np.random.default_rng(10).normal(3, 1, 1001)
    holed = np.insert(differences, [5, 500], np.nan)
    assert statistics.p_values(holed, None, Design(60, 60)) == pytest.approx(
        statistics.p_values(differences, None, Design(60, 60))
    )


def test_what_is_undefined_proves_nothing():
    assert statistics.p_values(np.full(201, np.nan), None, Design(60, 8)) == 1
    assert statistics.p_values(np.r_[0.5, np.full(200, np.nan)], None, Design(60, 8)) == 1


def test_ties_and_few_scenes_prove_nothing():
    assert statistics.p_values(np.full(2001, 1e-16), None, Design(60, 60)) == 1
    assert [statistics.p_values(np.full(2001, 0.5), None, Design(scenes, scenes)) for scenes in (1, 3)] == [1, 0.25]
    assert statistics.p_values(np.full(2001, 0.5), None, Design(60, 60)) < 1e-9


def test_few_groups_prove_less_than_many():
    """Four standard errors: nothing to doubt among 60 speakers, Student's tail with 3 degrees of freedom among 4."""
    replicates = np.random.default_rng(9).normal(4, 1, 2000)
    differences = np.concatenate([[4.0], (replicates - replicates.mean()) / replicates.std() + 4])
    assert statistics.p_values(differences, None, Design(60, 60)) < 0.001
    assert statistics.p_values(differences, None, Design(60, 4)) == pytest.approx(
        2 * scipy.stats.t.sf(4 * np.sqrt(3 / 4), 3)
    )
    assert [
        statistics.units(groups) for groups in (["a", "b", "a", "b"], ["a", "a", "a"], [*"aaabc"], [*"aaaaab"])
    ] == [2, 3, 25 / 11, 2]


def experiment(
    generator: np.random.Generator, name: str, spreads: list[float], seeds: int
) -> tuple[np.ndarray, np.ndarray]:
    """Equal systems on 12 speakers with 5 scenes each, every one trained with several seeds, whose luck has the given
    spread: scores, and scores by seed.
    """
    groups, systems = np.repeat(np.arange(12), 5), len(spreads)
    luck = np.array(spreads)[:, None] * generator.normal(size=(systems, seeds))
    scores = (
        luck[..., None]
        + 0.1 * generator.normal(size=(systems, 12))[:, None, groups]
        + 0.3 * generator.normal(size=(systems, seeds, 60))
    )
    weights = statistics.scene_weights(names(60, f"{name}/"), groups.astype(str).tolist(), 400)
    shares = statistics.seed_weights(range(seeds), 400)
    figures = scores @ weights.T / weights.sum(1)  # (systems, seeds, 1 + replicates)
    return (figures * shares.T).sum(1), figures[..., 0] @ shares.T


@pytest.mark.parametrize(
    ("seeds", "spreads", "most"),
    [
        (3, [0.0] * 6, 0.096),
        (3, [0.1] * 6, 0.096),
        (3, [0.4] * 6, 0.096),
        (5, [0.4] * 6, 0.096),
        # methods that differ widely in their luck: the assumption fails, and some pass
        (3, [0.0, 0.0, 0.1, 0.1, 0.4, 0.4], 0.2),
    ],
)
def test_equal_methods_are_rarely_told_apart_by_the_luck_of_their_seeds(seeds: int, spreads: list[float], most: float):
    """Six methods, fifteen pairs, 200 boards: 0.05 and 0.95, and three standard errors of so many trials."""
    generator = np.random.default_rng(11)
    covered = false = 0
    for trial in range(200):
        values, by_seed = experiment(generator, f"{seeds} {spreads} {trial}", spreads, seeds)
        design = Design(60, 12, seeds)
        pooled = design.pooled(by_seed[1:] - by_seed[0], 5)
        low, high = statistics.interval(values[1] - values[0], by_seed[1] - by_seed[0], pooled)
        covered += low <= 0 <= high
        false += (statistics.ranks(values[:, 0], statistics.compare(values, by_seed, everyone(6), design)) > 1).any()
    assert false / 200 <= most
    assert covered / 200 >= 0.904


def test_the_better_known_row_of_a_pair_counts():
    """A row of one seed says nothing of its seeds' spread: the other row's three do."""
    generator = np.random.default_rng(12)
    differences, by_seed = generator.normal(3, 1, (2, 2001))
    differences[0] = by_seed[0] = 3
    values, drawn = np.stack([differences, 0 * differences]), np.stack([by_seed, 0 * by_seed])
    three = statistics.p_values(differences, by_seed, Design(60, 60, 3))
    assert three > statistics.p_values(differences, None, Design(60, 60))
    seeds = np.array([3, 1])
    assert statistics.compare(values, drawn, everyone(2), Design(60, 60, seeds))[0, 1] == pytest.approx(three)  # type: ignore[arg-type]


def test_holm_against_a_worked_example():
    """Four tests of 0.01, 0.04, 0.03, 0.005: 4 x 0.005, 3 x 0.01, 2 x 0.03, then 0.04 lifted to 0.06."""
    assert statistics.holm(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holm_against_its_definition(values: list[float]):
    adjusted = statistics.holm(np.array(values))
    for p, ours in zip(values, adjusted, strict=True):
        smaller = sorted(values)
        reached = [(len(values) - index) * other for index, other in enumerate(smaller) if other <= p]
        assert ours == pytest.approx(min(1, max(reached)))


def test_compare_corrects_over_the_compared_pairs_only():
    values = np.random.default_rng(5).normal([[0], [0.1], [0.25], [3]], 0.1, (4, 2001))
    compared = everyone(4)
    compared[3, :3] = compared[:3, 3] = False
    p = statistics.compare(values, 0 * values, compared, Design(60, 60))
    raw = statistics.p_values(
        np.stack([values[0] - values[1], values[0] - values[2], values[1] - values[2]]), None, Design(60, 60)
    )
    assert p[[0, 0, 1], [1, 2, 2]] == pytest.approx(statistics.holm(raw))
    assert np.isnan(p[3]).all()
    assert np.isnan(np.diag(p)).all()
    assert np.array_equal(p, p.T, equal_nan=True)


def test_compare_is_the_same_beyond_one_chunk():
    values = np.random.default_rng(6).normal(np.arange(30)[:, None] / 10, 1, (30, 201))
    pairs = np.argwhere(np.triu(everyone(30), 1))
    raw = np.array([statistics.p_values(values[a] - values[b], None, Design(60, 60)) for a, b in pairs])
    assert statistics.compare(values, 0 * values, everyone(30), Design(60, 60))[tuple(pairs.T)] == pytest.approx(
        statistics.holm(raw)
    )


def test_ranks_are_shared_and_count_the_better_rows():
    nan = np.nan
    p = np.array([[nan, 0.9, 0.01, 0.01], [0.9, nan, 0.2, 0.01], [0.01, 0.2, nan, 0.01], [0.01, 0.01, 0.01, nan]])
    assert statistics.ranks(np.array([0.9, 0.8, 0.7, 0.1]), p).tolist() == [1, 1, 2, 4]
    assert statistics.ranks(np.array([0.5]), np.array([[nan]])).tolist() == [1]


def test_seeds_are_drawn_with_replacement_and_one_seed_is_certain():
    shares = statistics.seed_weights([1, 2, 3], 3000)
    assert shares.shape == (3001, 3)
    assert shares[0] == pytest.approx([1 / 3] * 3)
    assert shares.sum(1) == pytest.approx(1)
    assert (shares[1:].max(1) == 1).mean() == pytest.approx(1 / 9, abs=0.02)
    assert (statistics.seed_weights([1], 10) == 1).all()
    assert (shares == statistics.seed_weights([1, 2, 3], 3000)).all()
    assert (shares != statistics.seed_weights([4, 5, 6], 3000)).any()


def test_where_nothing_varies_the_interval_is_the_exact_one_of_a_share_never_seen():
    """Against scipy's Clopper-Pearson interval of 24 of 24 and 0 of 24; a difference that was never seen may be as
    large either way.
    """
    design, flat = Design(24, 24), np.ones(201)
    exact = [scipy.stats.binomtest(hits, 24).proportion_ci(0.95, "exact") for hits in (24, 0)]
    assert statistics.interval(flat, None, design, (0.0, 1.0)) == pytest.approx((exact[0].low, 1))
    assert statistics.interval(0 * flat, None, design, (0.0, 1.0)) == pytest.approx((0, exact[1].high))
    assert statistics.interval(0 * flat, None, design, (-1.0, 1.0)) == pytest.approx((-exact[1].high, exact[1].high))
    assert statistics.interval(flat, None, design) == (1, 1)


def test_an_undefined_value_has_no_interval_and_undefined_replicates_are_left_out():
    assert np.isnan(statistics.interval(np.array([np.nan, 1, 2, 3]), None, MANY)).all()
    assert statistics.interval(np.array([1, np.nan, 1, np.inf, 1]), None, MANY) == (1, 1)


def test_boards_that_share_speakers_share_their_draws():
    speakers = [f"s{i}" for i in range(8)]
    one = statistics.scene_weights([f"a{i}" for i in range(8)], speakers, universe=speakers)
    other = statistics.scene_weights([f"b{i}" for i in range(7)], speakers[:7], universe=speakers)
    # one scene a speaker: how often a scene is drawn is how often its speaker is
    np.testing.assert_array_equal(one[:, :7], other)
    alone = statistics.scene_weights([f"b{i}" for i in range(7)], speakers[:7])
    assert abs(np.corrcoef(one[1:, 0], alone[1:, 0])[0, 1]) < 0.1
