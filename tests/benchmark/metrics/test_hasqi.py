"""HASQI against pyclarity on the same signals, and what must hold for any of its values."""

import numpy as np
import pytest
import torch
from scipy.signal import lfilter

from benchmark.contracts import AUDIOGRAM_HZ
from benchmark.metrics import HASQI, hasqi
from benchmark.metrics._kates_inputs import nal_r, prepared
from benchmark.metrics.hasqi import HASQI_FIGURE

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
    return hasqi(clean, processed, audiogram, **options).item()


@pytest.mark.parametrize(
    ("audiogram", "process"),
    [
        (NORMAL, lambda clean: noisy(clean, 10)),
        (N3, lambda clean: np.clip(noisy(clean, 15), -0.02, 0.02)),
        (S2, lambda clean: 10 * np.pad(noisy(clean, 5), (50, 0))[: len(clean)]),
    ],
    ids=["noisy", "clipped", "amplified and late"],
)
def test_it_is_pyclaritys(audiogram, process):
    pytest.importorskip("clarity")
    from clarity.evaluator.hasqi import hasqi_v2
    from clarity.utils.audiogram import Audiogram

    clean = syllables(1.5)
    processed = process(clean)
    expected = hasqi_v2(clean, RATE, processed, RATE, Audiogram(levels=np.array(audiogram), frequencies=np.array(AUDIOGRAM_HZ)), level1=100.0)[0]
    assert 0.05 < expected < 0.95
    assert score(clean, processed, audiogram) == pytest.approx(expected, abs=1e-3)


def test_more_noise_and_more_clipping_sound_worse():
    clean = syllables(1.5)
    by_snr = [score(clean, noisy(clean, snr)) for snr in (0, 8, 16, 30)]
    assert by_snr == sorted(by_snr)
    assert by_snr[-1] - by_snr[0] > 0.3
    by_limit = [score(clean, clean.clip(-limit, limit)) for limit in (0.003, 0.01, 0.03, 1.0)]
    assert by_limit == sorted(by_limit)
    assert by_limit[-1] == pytest.approx(HASQI_FIGURE.best, abs=0.02)


def test_the_reference_is_the_one_with_the_gain_of_nal_r():
    clean = torch.from_numpy(syllables(0.75))
    pair = prepared(clean, clean, RATE)
    six = np.array([N3[i] for i in (0, 2, 4, 6, 8, 9)], float)
    with_gain = nal_r(pair[0], six)[70:].numpy()
    at_24k = pair[0].numpy()[: len(with_gain)]
    audiogram = torch.tensor([N3])
    amplified, unamplified = (hasqi(torch.from_numpy(at_24k)[None], torch.from_numpy(y)[None], audiogram, 24000).item() for y in (with_gain, at_24k))
    assert amplified > max(0.9, unamplified + 0.1)


def test_neighbours_and_padding_change_nothing():
    signals = [syllables(seconds, seed) for seed, seconds in enumerate((1.0, 0.5, 0.75))]
    pairs = [(clean, noisy(clean, 5)) for clean in signals]
    audiograms = [NORMAL, N3, S2]
    clean, processed = torch.randn(2, 3, 17000)  # what lies behind the lengths is never looked at
    for row, (x, y) in enumerate(pairs):
        clean[row, : len(x)], processed[row, : len(y)] = torch.from_numpy(x), torch.from_numpy(y)
    together = hasqi(clean, processed, torch.tensor(audiograms), lengths=torch.tensor([len(x) for x, _ in pairs]))
    assert together.tolist() == [score(x, y, audiogram) for (x, y), audiogram in zip(pairs, audiograms, strict=True)]
    assert hasqi(clean[:0], processed[:0], torch.zeros(0, 10)).shape == (0,)


def test_the_level_of_an_rms_of_one():
    clean = syllables(0.75)
    processed = noisy(clean, 5)
    assert score(10 * clean, 10 * processed, N3, level_spl=80.0) == pytest.approx(score(clean, processed, N3), abs=1e-4)
    assert score(clean, processed, N3, level_spl=80.0) < score(clean, processed, N3) - 0.01


def test_a_delay_of_the_whole_signal_is_made_good():
    clean = np.pad(syllables(0.75), (400, 400))
    processed = noisy(clean, 5)
    assert score(clean, np.roll(processed, 160)) == pytest.approx(score(clean, processed), abs=0.01)


@pytest.mark.parametrize("rate", [24000, 44100])
def test_other_rates_are_pyclaritys(rate):
    pytest.importorskip("clarity")
    from clarity.evaluator.hasqi import hasqi_v2
    from clarity.utils.audiogram import Audiogram

    at_16k = syllables(0.75)
    clean, processed = (np.interp(np.arange(int(0.75 * rate)) * RATE / rate, np.arange(len(s)), s) for s in (at_16k, noisy(at_16k, 15)))
    expected = hasqi_v2(clean, rate, processed, rate, Audiogram(levels=np.array(S2), frequencies=np.array(AUDIOGRAM_HZ)), level1=100.0)[0]
    assert score(clean, processed, S2, sample_rate=rate) == pytest.approx(expected, abs=1e-3)


def test_the_gradient_is_that_of_finite_differences():
    clean = torch.from_numpy(syllables(0.5))[None]
    processed = torch.from_numpy(noisy(clean[0].numpy(), 0))[None].requires_grad_()
    audiogram = torch.tensor([N3])
    (gradient,) = torch.autograd.grad(hasqi(clean, processed, audiogram).sum(), processed)
    direction = 0.02 * torch.randn(processed.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        ahead, behind = (hasqi(clean, processed + step * direction, audiogram).item() for step in (1e-5, -1e-5))
    assert gradient.norm() > 0
    assert (gradient * direction).sum().item() == pytest.approx((ahead - behind) / 2e-5, rel=1e-3)


@pytest.mark.parametrize("change", [lambda y: y.clamp(-0.02, 0.02), lambda y: 0 * y, lambda y: y * (torch.arange(y.shape[-1]) % 3000 > 1000)])
def test_gradients_are_finite_on_clipped_and_silent_audio(change):
    clean = torch.from_numpy(syllables(0.5)).float()[None]
    processed = change(torch.from_numpy(noisy(clean[0].numpy(), 5)).float()[None]).requires_grad_()
    hasqi(clean, processed, torch.tensor([S2])).sum().backward()
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
    assert score(clean, clean, level_spl=-40.0) == 0  # nobody hears the reference
    reference = torch.from_numpy(np.stack((clean, 0 * clean))).float()
    assert hasqi(reference, reference, torch.zeros(2, 10)).isnan().tolist() == [False, True]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"processed": torch.zeros(2, 99)}, "one shape"),
        ({"audiogram": torch.full((2, 10), 121.0)}, "from -10 to 120"),
        ({"sample_rate": 0}, "positive"),
        ({"lengths": torch.tensor([100, 101])}, "lengths"),
        ({"lengths": torch.tensor([100])}, "lengths"),
        ({"lengths": torch.tensor([50.0, 60.0])}, "integers"),
    ],
)
def test_wrong_arguments_are_named(changes, says):
    arguments = {"reference": torch.zeros(2, 100), "processed": torch.zeros(2, 100), "audiogram": torch.zeros(2, 10)} | changes
    with pytest.raises(ValueError, match=says):
        hasqi(**arguments)


def test_the_class_is_the_mean():
    clean = torch.from_numpy(np.stack([syllables(0.5, seed) for seed in range(3)])).float()
    processed = clean + 0.01 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    audiogram = torch.tensor([NORMAL, N3, S2])
    metric = HASQI()
    metric.update(clean[:2], processed[:2], audiogram[:2])
    metric.update(clean[2:], processed[2:], audiogram[2:])
    assert metric.compute().item() == pytest.approx(hasqi(clean, processed, audiogram).mean().item())
    metric.update(clean[:1], 0 * clean[:1], audiogram[:1])
    assert metric.compute().isnan()
