import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import pearsonr

from benchmark.scores.correlation import RESOLUTION, pearson, varies


@settings(max_examples=30)
@given(st.integers(5, 60), st.integers(0, 1000), st.floats(-1, 1))
def test_equals_scipy_on_known_frames(frames, seed, share):
    rng = np.random.default_rng(seed)
    reference = rng.normal(size=(3, frames))
    estimate = share * reference + rng.normal(size=(3, frames))
    padded = np.concatenate([reference, np.full((3, 5), np.nan)], 1)
    found = pearson(padded, np.concatenate([estimate, np.full((3, 5), 1e6)], 1))
    assert found == pytest.approx(
        [pearsonr(x, y).statistic for x, y in zip(reference, estimate, strict=True)], abs=1e-9
    )
    gaps = padded.copy()
    gaps[:, frames // 2 : frames // 2 + 1] = np.nan
    known = ~np.isnan(gaps[0, :frames])
    assert pearson(gaps[:1, :frames], estimate[:1]) == pytest.approx(
        pearsonr(reference[0, known], estimate[0, known]).statistic, abs=1e-9
    )


def test_a_constant_estimate_scores_0_and_a_constant_reference_is_undefined():
    x = np.linspace(0, 1, 20)
    assert pearson(x, np.full(20, 0.1 + 0.2)) == 0
    assert pearson(x, np.full(20, np.nan)) == 0
    assert np.isnan(pearson(np.full(20, 0.3), x))
    assert np.isnan(pearson(np.full(20, np.nan), x))
    assert np.isnan(pearson(np.array([1.0, np.nan]), x[:2]))


def test_neither_scale_nor_offset_matters_and_sign_does():
    x = np.random.default_rng(0).normal(size=50)
    assert pearson(x, 1e-4 * x + 7) == pytest.approx(1)
    assert pearson(x, -x) == pytest.approx(-1)
    assert pearson(x, x) <= 1


def test_what_varies_depends_on_the_reference_alone_and_on_more_than_its_rounding():
    flat = np.zeros(100)
    flat[50] = RESOLUTION  # one step of rounding in one frame
    moving = np.linspace(0, 0.01, 100)
    np.testing.assert_array_equal(varies(np.stack([flat, moving, np.full(100, np.nan)])), [False, True, False])
    np.testing.assert_array_equal(
        np.isnan(pearson(np.stack([flat, moving]), np.random.default_rng(0).normal(size=(2, 100)))), [True, False]
    )
