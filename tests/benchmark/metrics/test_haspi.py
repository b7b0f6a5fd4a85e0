"""HASPI against pyclarity on the same signals and noise, and what must hold for any of its values."""

import importlib

import numpy as np
import pytest
import torch
from scipy.signal import lfilter

import benchmark.metrics
from benchmark.contracts import AUDIOGRAM_HZ
from benchmark.metrics import HASPI, haspi
from benchmark.metrics.haspi import HASPI_FIGURE, _jitter

RATE = 16000
NORMAL = [0.0] * 10
N3 = [35, 35, 35, 35, 40, 45, 50, 55, 60, 65]
N5 = [65, 67.5, 70, 72.5, 75, 80, 80, 80, 80, 80]
S2 = [20, 20, 20, 22.5, 25, 35, 55, 75, 95, 95]


def syllables(seconds, seed=0):
    """Noise and pulses through resonances that change four times a second, at 65 dB SPL."""
    rng = np.random.default_rng(seed)
    n = RATE // 4
    parts = []
    for index in range(round(seconds * 4)):
        source = rng.standard_normal(n) if index % 3 == 2 else 5.0 * (np.arange(n) % rng.integers(90, 160) == 0)
        for hertz in rng.uniform((300, 1200), (1000, 3500)):
            pole = 0.97 * np.exp(2j * np.pi * hertz / RATE)
            source = lfilter([1, -0.6], [1, -2 * pole.real, abs(pole) ** 2], source)
        parts.append(source / source.std() * np.sin(np.pi * (np.arange(n) + 0.5) / n) ** 2)
    signal = np.concatenate(parts)
    return signal * 10 ** (-35 / 20) / np.sqrt(np.mean(signal**2))


def noisy(clean, snr, seed=1):
    noise = lfilter([1], [1, -0.9], np.random.default_rng(seed).standard_normal(len(clean)))
    return clean + noise * np.sqrt(np.mean(clean**2) / np.mean(noise**2)) * 10 ** (-snr / 20)


def score(clean, processed, audiogram=NORMAL, **options):
    clean, processed, audiogram = (torch.as_tensor(np.asarray(a), dtype=torch.float32)[None] for a in (clean, processed, audiogram))
    return haspi(clean, processed, audiogram, **options).item()


@pytest.mark.parametrize(
    ("audiogram", "process"),
    [
        (NORMAL, lambda clean: noisy(clean, 14)),
        (N3, lambda clean: np.clip(noisy(clean, 20), -0.02, 0.02)),
        (S2, lambda clean: 10 * np.pad(noisy(clean, 12), (50, 0))[: len(clean)]),
    ],
    ids=["noisy", "clipped", "amplified and late"],
)
def test_it_is_pyclaritys_with_the_same_noise(audiogram, process, monkeypatch):
    pytest.importorskip("clarity")
    from clarity.evaluator.haspi import haspi_v2
    from clarity.utils.audiogram import Audiogram

    turns = iter((0, 1))

    def jitter(shape):  # of the membrane first, which HASPI does not use, then of the nerve fibres
        return np.zeros(shape) if shape[0] == 32 else _jitter(1 << 13)[next(turns), :, : shape[0]].numpy().T

    monkeypatch.setattr(np.random, "standard_normal", jitter)
    clean = syllables(1.5)
    processed = process(clean)
    expected, _ = haspi_v2(clean, RATE, processed, RATE, Audiogram(levels=np.array(audiogram), frequencies=np.array(AUDIOGRAM_HZ)), level1=100.0)
    assert 0.1 < expected < 0.95
    assert score(clean, processed, audiogram) == pytest.approx(expected, abs=1e-3)


def test_more_noise_is_understood_less_and_more_loss_too():
    clean = syllables(1.5)
    by_snr = [score(clean, noisy(clean, snr)) for snr in (0, 8, 16, 30)]
    assert by_snr == sorted(by_snr)
    assert by_snr[-1] - by_snr[0] > 0.5
    by_loss = [score(clean, noisy(clean, 20), audiogram) for audiogram in (N5, N3, NORMAL)]
    assert by_loss == sorted(by_loss)
    assert score(clean, 30 * clean, N5) > score(clean, clean, N5) + 0.1
    assert score(clean, clean) == pytest.approx(HASPI_FIGURE.best, abs=0.01)


def test_neighbours_and_padding_change_nothing():
    signals = [syllables(seconds, seed) for seed, seconds in enumerate((1.0, 0.5, 0.75))]
    pairs = [(clean, noisy(clean, 5)) for clean in signals]
    audiograms = [NORMAL, N3, S2]
    clean, processed = torch.randn(2, 3, 17000)  # what lies behind the lengths is never looked at
    for row, (x, y) in enumerate(pairs):
        clean[row, : len(x)], processed[row, : len(y)] = torch.from_numpy(x), torch.from_numpy(y)
    together = haspi(clean, processed, torch.tensor(audiograms), lengths=torch.tensor([len(x) for x, _ in pairs]))
    assert together.tolist() == [score(x, y, audiogram) for (x, y), audiogram in zip(pairs, audiograms, strict=True)]
    assert haspi(clean[:0], processed[:0], torch.zeros(0, 10)).shape == (0,)


def test_the_level_of_an_rms_of_one():
    clean = syllables(0.75)
    processed = noisy(clean, 5)
    assert score(10 * clean, 10 * processed, N3, level_spl=80.0) == pytest.approx(score(clean, processed, N3), abs=1e-4)
    assert score(clean, processed, N3, level_spl=80.0) < score(clean, processed, N3) - 0.01


def test_a_delay_of_the_whole_signal_is_made_good():
    clean = np.pad(syllables(0.75), (400, 400))
    processed = noisy(clean, 5)
    assert score(clean, np.roll(processed, 160)) == pytest.approx(score(clean, processed), abs=0.01)


def test_the_gradient_is_that_of_finite_differences():
    clean = torch.from_numpy(syllables(0.5))[None]
    processed = torch.from_numpy(noisy(clean[0].numpy(), 0))[None].requires_grad_()
    audiogram = torch.tensor([N3])
    (gradient,) = torch.autograd.grad(haspi(clean, processed, audiogram).sum(), processed)
    direction = 0.02 * torch.randn(processed.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        ahead, behind = (haspi(clean, processed + step * direction, audiogram).item() for step in (1e-5, -1e-5))
    assert gradient.norm() > 0
    assert (gradient * direction).sum().item() == pytest.approx((ahead - behind) / 2e-5, rel=1e-3)


@pytest.mark.parametrize("change", [lambda y: y.clamp(-0.02, 0.02), lambda y: 0 * y, lambda y: y * (torch.arange(y.shape[-1]) % 3000 > 1000)])
def test_gradients_are_finite_on_clipped_and_silent_audio(change):
    clean = torch.from_numpy(syllables(0.5)).float()[None]
    processed = change(torch.from_numpy(noisy(clean[0].numpy(), 5)).float()[None]).requires_grad_()
    haspi(clean, processed, torch.tensor([S2])).sum().backward()
    assert processed.grad.isfinite().all()


def test_where_there_is_no_value():
    clean = syllables(0.5)
    broken = np.where(np.arange(len(clean)) == 5, np.nan, clean)
    for reference, processed in (
        (0 * clean, clean),
        (clean[:3000], clean[:3000]),
        (clean, 0 * clean),
        (clean, broken),
        (broken, clean),
        (clean[:0], clean[:0]),
    ):
        assert np.isnan(score(reference, processed))
    assert np.isnan(score(clean, clean, level_spl=-40.0))  # nobody hears the reference
    reference = torch.from_numpy(np.stack((clean, 0 * clean))).float()
    assert haspi(reference, reference, torch.zeros(2, 10)).isnan().tolist() == [False, True]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"processed": torch.zeros(2, 99)}, "one shape"),
        ({"reference": torch.zeros(100), "processed": torch.zeros(100)}, "one shape"),
        ({"audiogram": torch.zeros(2, 6)}, "has the shape"),
        ({"audiogram": torch.full((2, 10), 121.0)}, "from -10 to 120"),
        ({"audiogram": torch.full((2, 10), torch.nan)}, "not finite"),
        ({"sample_rate": 0}, "positive"),
        ({"lengths": torch.tensor([100, 101])}, "lengths"),
        ({"lengths": torch.tensor([100])}, "lengths"),
        ({"lengths": torch.tensor([50.0, 60.0])}, "integers"),
    ],
)
def test_wrong_arguments_are_named(changes, says):
    arguments = {"reference": torch.zeros(2, 100), "processed": torch.zeros(2, 100), "audiogram": torch.zeros(2, 10)} | changes
    with pytest.raises(ValueError, match=says):
        haspi(**arguments)


def test_the_class_is_the_mean():
    clean = torch.from_numpy(np.stack([syllables(0.5, seed) for seed in range(3)])).float()
    processed = clean + 0.01 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    audiogram = torch.tensor([NORMAL, N3, S2])
    metric = HASPI()
    metric.update(clean[:2], processed[:2], audiogram[:2])
    metric.update(clean[2:], processed[2:], audiogram[2:])
    assert metric.compute().item() == pytest.approx(haspi(clean, processed, audiogram).mean().item())
    metric.update(clean[:1], 0 * clean[:1], audiogram[:1])
    assert metric.compute().isnan()


def test_the_package_offers_the_function_whatever_was_imported_first():
    assert importlib.import_module("benchmark.metrics.haspi").haspi is benchmark.metrics.haspi is haspi
    with pytest.raises(AttributeError):
        _ = benchmark.metrics.nothing
