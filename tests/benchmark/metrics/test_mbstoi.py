"""MBSTOI against pyclarity on the same signals, and what must hold for any of its values."""

import numpy as np
import pytest
import torch
from pystoi import stoi

from benchmark.metrics import Mean
from benchmark.metrics.mbstoi import MBSTOI, mbstoi

RATE = 16000


def at_two_ears(signal, late, gain):
    return np.stack((signal, gain * np.pad(signal, (late, 0))[: len(signal)]))


def bursts(seconds, seed=0):
    """Noise at a syllable's rate from a little left of the middle, (2, time)."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    return at_two_ears(
        0.05 * rng.standard_normal(len(time)) * np.clip(np.sin(2 * np.pi * 4 * time + rng.uniform(0, 6)), 0, None),
        4,
        0.7,
    )


def noisy(clean, snr, seed=1):
    """With noise from the right."""
    noise = at_two_ears(np.random.default_rng(seed).standard_normal(clean.shape[-1]), 10, 0.4)[::-1]
    return clean + noise * np.sqrt(np.mean(clean**2) / np.mean(noise**2)) * 10 ** (-snr / 20)


def score(clean, processed, **options):
    return mbstoi(
        *(torch.from_numpy(np.ascontiguousarray(a)).float()[None] for a in (clean, processed)), **options
    ).item()


def one_ear_deaf(clean):
    return noisy(clean, 0) * [[1], [0]]


@pytest.mark.parametrize(
    "process",
    [lambda clean: noisy(clean, -5), lambda clean: np.clip(noisy(clean, 3), -0.03, 0.03), one_ear_deaf, np.zeros_like],
)
def test_it_is_pyclaritys(process):
    from clarity.evaluator.mbstoi import mbstoi as theirs

    clean = bursts(1.0)
    processed = process(clean)
    with np.errstate(all="ignore"):
        expected = theirs(*clean, *processed, RATE)
    assert score(clean, processed) == pytest.approx(expected, abs=1e-4)


def test_two_like_ears_hear_what_one_does():
    clean = bursts(2.0)[:1].repeat(2, 0)
    processed = clean + 0.02 * np.random.default_rng(2).standard_normal(clean.shape[-1])
    assert score(clean, processed) == pytest.approx(stoi(clean[0], processed[0], RATE), abs=0.15)
    assert score(clean, clean) == pytest.approx(MBSTOI.figures["mbstoi"].best)


def test_more_noise_is_worse_and_a_second_ear_helps():
    clean = bursts(1.5)
    by_snr = [score(clean, noisy(clean, snr)) for snr in (-30, -20, -10, 0)]
    assert by_snr == sorted(by_snr)
    assert by_snr[-1] - by_snr[0] > 0.2
    for ear in (0, 1):
        alone = [signal[[ear, ear]] for signal in (clean, noisy(clean, -15))]
        assert score(clean, noisy(clean, -15)) > score(*alone)


def test_neighbours_and_padding_change_nothing():
    signals = [bursts(seconds, seed) for seed, seconds in enumerate((1.0, 0.8, 1.3))]
    clean, processed = torch.randn(2, 3, 2, 22000)
    for row, signal in enumerate(signals):
        clean[row, :, : signal.shape[-1]], processed[row, :, : signal.shape[-1]] = (
            torch.from_numpy(signal),
            torch.from_numpy(noisy(signal, -5)),
        )
    together = mbstoi(clean, processed, lengths=torch.tensor([signal.shape[-1] for signal in signals]))
    assert together.tolist() == [score(signal, noisy(signal, -5)) for signal in signals]
    assert mbstoi(clean[:0], processed[:0]).shape == (0,)


def test_scale_does_not_count_and_another_rate_does_little():
    clean = bursts(1.0)
    processed = noisy(clean, -5)
    assert score(3 * clean, 3 * processed) == pytest.approx(score(clean, processed), abs=1e-5)
    twice = [
        np.stack([np.interp(np.arange(2 * len(ear)) / 2, np.arange(len(ear)), ear) for ear in signal])
        for signal in (clean, processed)
    ]
    assert score(*twice, sample_rate=2 * RATE) == pytest.approx(score(clean, processed), abs=0.02)


def test_the_gradient_is_that_of_finite_differences():
    clean = torch.from_numpy(bursts(0.7))[None]
    processed = torch.from_numpy(noisy(clean[0].numpy(), -5))[None].requires_grad_()
    (gradient,) = torch.autograd.grad(mbstoi(clean, processed).sum(), processed)
    direction = 0.05 * torch.randn(processed.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        ahead, behind = (mbstoi(clean, processed + step * direction).item() for step in (1e-5, -1e-5))
    assert gradient.norm() > 0
    assert (gradient * direction).sum().item() == pytest.approx((ahead - behind) / 2e-5, rel=1e-3)


@pytest.mark.parametrize(
    "change", [lambda y: y.clamp(-0.02, 0.02), lambda y: 0 * y, lambda y: y * (torch.arange(y.shape[-1]) % 3000 > 1000)]
)
def test_gradients_are_finite_on_clipped_and_silent_audio(change):
    clean = torch.from_numpy(bursts(0.7)).float()[None]
    processed = change(torch.from_numpy(noisy(clean[0].numpy(), 5)).float()[None]).requires_grad_()
    value = mbstoi(clean, processed)
    value.sum().backward()
    assert value.isfinite().all()
    assert processed.grad.isfinite().all()


def test_where_there_is_no_value():
    clean = bursts(0.7)
    broken = clean + np.where(np.arange(clean.shape[-1]) == 5, np.nan, 0)
    for reference, processed in (
        (0 * clean, clean),
        (clean[:, :6000], clean[:, :6000]),
        (clean, broken),
        (broken, clean),
        (clean[:, :0], clean[:, :0]),
    ):
        assert np.isnan(score(reference, processed))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"processed": torch.zeros(2, 2, 99)}, "one shape"),
        ({"reference": torch.zeros(2, 100), "processed": torch.zeros(2, 100)}, "one shape"),
        ({"sample_rate": 16}, "in Hz, 8000 to"),
        ({"processed": torch.zeros(2, 2, 100, dtype=torch.int16)}, "floats"),
        ({"reference": torch.zeros(2, 2, 100, dtype=torch.complex64)}, "floats"),
        ({"lengths": torch.tensor([100, 101])}, "lengths"),
    ],
)
def test_wrong_arguments_are_named(changes, says):
    with pytest.raises(ValueError, match=says):
        mbstoi(**({"reference": torch.zeros(2, 2, 100), "processed": torch.zeros(2, 2, 100)} | changes))


def test_the_mean_of_torchmetrics_is_the_mean():
    clean = torch.from_numpy(np.stack([bursts(0.7, seed) for seed in range(3)])).float()
    processed = clean + 0.05 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    metric = Mean(mbstoi)
    metric.update(clean[:2], processed[:2])
    metric.update(clean[2:], processed[2:], lengths=torch.tensor([clean.shape[-1]]))
    assert metric.compute().item() == pytest.approx(mbstoi(clean, processed).mean().item())
