"""Interpolation and filtering against numpy, filters against scipy, pyclarity and what a symmetric filter must do."""

import numpy as np
import pytest
import torch
from scipy.signal import firwin2

from benchmark.hearing.filters import filtered, fir2, interpolated, linear_phase

KNOWN = torch.tensor([250.0, 500, 1000, 2000, 4000, 6000], dtype=torch.float64)
GAINS = torch.tensor([[0.0, 3, 10, 8, 20, 31], [5, 5, 5, 5, 5, 5]], dtype=torch.float64)


def test_interpolation_is_numpys():
    wanted = torch.linspace(0, 8000, 301, dtype=torch.float64)
    expected = [np.interp(wanted, KNOWN, row) for row in GAINS]
    np.testing.assert_allclose(interpolated(GAINS, KNOWN, wanted), expected, atol=1e-12)
    torch.testing.assert_close(interpolated(GAINS, KNOWN, KNOWN), GAINS, rtol=0, atol=0)


def test_beyond_the_ends_the_last_lines_go_on_where_told_to():
    wanted = torch.tensor([0.0, 8000], dtype=torch.float64)
    assert interpolated(GAINS[0], KNOWN, wanted).tolist() == [0, 31]
    assert interpolated(GAINS[0], KNOWN, wanted, extrapolate=True).tolist() == pytest.approx([-3, 42])


def test_frequency_sampling_is_scipys():
    magnitude = 10 ** (interpolated(GAINS, KNOWN, torch.linspace(0, 8000, 257, dtype=torch.float64)) / 20)
    for row, taps in zip(magnitude, linear_phase(magnitude, 81), strict=True):
        np.testing.assert_allclose(taps, firwin2(81, np.linspace(0, 1, 257), row, nfreqs=257), atol=1e-12)
        torch.testing.assert_close(taps, taps.flip(0))


def test_fir2_is_pyclaritys():
    from clarity.evaluator.msbg.msbg_utils import firwin2 as theirs

    places = torch.linspace(0, 1, 141, dtype=torch.float64)
    magnitude = 10 ** (interpolated(GAINS, KNOWN, 12000 * places) / 20)
    for row, taps in zip(magnitude, fir2(places, magnitude, 141), strict=True):
        np.testing.assert_allclose(taps, theirs(141, places.numpy(), row.numpy()), atol=1e-12)


def test_gradients_reach_the_gains():
    gains = GAINS.clone().requires_grad_()
    places = torch.linspace(0, 1, 41, dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda g: fir2(places, 10 ** (interpolated(g, KNOWN, 8000 * places) / 20), 21), gains
    )


@pytest.mark.parametrize(("channels", "taps"), [(1, 30), (3, 30), (3, 1), (1, 300)])
def test_filtering_is_numpys_convolution_and_its_gradient_is_right(channels, taps):
    generator = torch.Generator().manual_seed(0)
    signal, filters = (
        torch.randn(2, channels, 100, generator=generator).double(),
        torch.randn(3, taps, generator=generator).double(),
    )
    other, ones = torch.randn(2, 1, 100, generator=generator).double(), torch.ones(1, 5).double()
    expected = [
        [
            np.convolve(example[channel % channels], filters[channel])[:100] + np.convolve(beside[0], ones[0])[:100]
            for channel in range(3)
        ]
        for example, beside in zip(signal.numpy(), other.numpy(), strict=True)
    ]
    np.testing.assert_allclose(filtered((signal, filters), (other, ones)), expected, atol=1e-12)
    assert torch.autograd.gradcheck(
        lambda *heard: filtered((heard[0], filters), (heard[1], ones)),
        (signal.requires_grad_(), other.requires_grad_()),
    )
    assert torch.autograd.gradgradcheck(
        lambda heard: filtered((heard, filters)).square(), (signal[..., :20].detach().requires_grad_(),)
    )
