"""Ranges of parameters: the bands of the splits, and draws within them."""

import itertools

import pytest

from benchmark.corpora.synthetic._seeded_random import BANDS, Range, generator


def test_bands_do_not_touch():
    ordered = sorted(BANDS.values())
    assert all(before[1] < after[0] for before, after in itertools.pairwise(ordered))
    assert ordered[0][0] >= 0
    assert ordered[-1][1] < 1


@pytest.mark.parametrize("ends", [Range(-1, 8), Range(0.2, 20, log=True)])
def test_a_range_reaches_its_ends_and_draws_within_them(ends):
    assert ends.at(0) == pytest.approx(ends.low)
    assert ends.at(1) == pytest.approx(ends.high)
    draws = [ends.draw(generator("test", str(i)), "test") for i in range(50)]
    assert ends.low <= min(draws) < max(draws) <= ends.high
    assert draws[0] == ends.draw(generator("test", "0"), "test")
