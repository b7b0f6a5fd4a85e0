"""Gains found in a few steps on a short noise."""

import pytest
import torch
from gains_that_minimise_the_loss import LOSS, amplified, minimising_gains

from benchmark.hearing.audiograms import PROFILES
from benchmark.hearing.prescriptions import NAL_R_HZ, nal_r

RATE = 16000
LENGTHS = torch.tensor([RATE // 4])


@pytest.fixture(scope="module")
def noise():
    """A quarter of a second at 65 dB SPL."""
    signal = torch.randn(1, RATE // 4, generator=torch.Generator().manual_seed(0))
    return signal / signal.square().mean().sqrt() * 20e-6 * 10 ** (65 / 20)


def test_gains_apply_at_their_frequencies():
    time = torch.arange(RATE) / RATE
    for index, hertz in enumerate(NAL_R_HZ):
        gains = torch.zeros(len(NAL_R_HZ))
        gains[index] = 20.0
        tone = torch.sin(2 * torch.pi * hertz * time)[None]
        assert amplified(tone, gains).norm() / tone.norm() == pytest.approx(10, rel=1e-3)


def test_the_descent_finds_gains_beyond_nal_r_and_returns_the_best(noise):
    losses, gains = minimising_gains(noise, LENGTHS, "N3", 8)
    thresholds = torch.tensor(PROFILES["N3"], dtype=torch.float32)
    assert len(losses) == 8
    assert min(losses) < 0.9 * losses[0]
    assert (gains - nal_r(thresholds)).mean() > 1
    with torch.no_grad():
        again = LOSS(amplified(noise, gains), noise, LENGTHS, thresholds[None]).mean().item()
    assert again == pytest.approx(min(losses), rel=1e-5)


def test_a_normal_ear_asks_for_no_gain(noise):
    losses, gains = minimising_gains(noise, LENGTHS, "normal", 4)
    assert losses[0] == pytest.approx(0, abs=1e-5)
    assert gains.abs().max() < 0.1
