"""What holds for both metrics with a listener, HASPI and HASQI."""

import sys
from collections import OrderedDict

import numpy as np
import pytest
import torch
from hearing_signals import N3, NORMAL, S2, noisy, score, syllables

from benchmark.metrics import Mean, _kates
from benchmark.metrics.haspi import haspi
from benchmark.metrics.hasqi import hasqi


@pytest.fixture(params=[haspi, hasqi])
def metric(request):
    return request.param


def test_neighbours_and_padding_change_nothing(metric):
    signals = [syllables(seconds, seed) for seed, seconds in enumerate((1.0, 0.5, 0.75))]
    pairs = [(clean, noisy(clean, 5)) for clean in signals]
    audiograms = [NORMAL, N3, S2]
    clean, processed = torch.randn(2, 3, 17000)  # what lies behind the lengths is never looked at
    for row, (x, y) in enumerate(pairs):
        clean[row, : len(x)], processed[row, : len(y)] = torch.from_numpy(x), torch.from_numpy(y)
    together = metric(clean, processed, torch.tensor(audiograms), lengths=torch.tensor([len(x) for x, _ in pairs]))
    assert together.tolist() == [
        score(metric, x, y, audiogram) for (x, y), audiogram in zip(pairs, audiograms, strict=True)
    ]
    assert metric(clean[:0], processed[:0], torch.zeros(0, 10)).shape == (0,)


def test_what_is_heard_again_is_computed_once(metric, monkeypatch):
    computed = []
    half = _kates._half
    monkeypatch.setattr(_kates, "_half", lambda *arguments: computed.append(1) or half(*arguments))
    monkeypatch.setattr(_kates, "_kept", OrderedDict())
    clean = syllables(0.5)
    alone = [score(metric, clean, noisy(clean, snr), N3) for snr in range(10)]
    assert len(computed) == 11  # one reference and what was made of it
    assert len(_kates._kept) == _kates._KEPT
    computed.clear()
    assert [score(metric, clean, noisy(clean, snr), S2) for snr in range(2)] != alone[:2]
    # HASPI's reference is heard by a healthy ear, whoever listens
    assert len(computed) == (2 if metric is haspi else 3)
    _kates._kept.clear()
    assert score(metric, clean, noisy(clean, 9), N3) == alone[9]


def test_the_level_of_an_rms_of_one(metric):
    clean = syllables(0.75)
    processed = noisy(clean, 5)
    assert score(metric, 10 * clean, 10 * processed, N3, level_spl=80.0) == pytest.approx(
        score(metric, clean, processed, N3), abs=1e-4
    )
    assert score(metric, clean, processed, N3, level_spl=80.0) < score(metric, clean, processed, N3) - 0.01


def test_a_delay_of_the_whole_signal_is_made_good(metric):
    clean = np.pad(syllables(0.75), (400, 400))
    processed = noisy(clean, 5)
    assert score(metric, clean, np.roll(processed, 160)) == pytest.approx(score(metric, clean, processed), abs=0.01)


def test_the_gradient_is_that_of_finite_differences(metric):
    clean = torch.from_numpy(syllables(0.5))[None]
    processed = torch.from_numpy(noisy(clean[0].numpy(), 0))[None].requires_grad_()
    audiogram = torch.tensor([N3])
    (gradient,) = torch.autograd.grad(metric(clean, processed, audiogram).sum(), processed)
    direction = 0.02 * torch.randn(processed.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        ahead, behind = (metric(clean, processed + step * direction, audiogram).item() for step in (1e-5, -1e-5))
    assert gradient.norm() > 0
    assert (gradient * direction).sum().item() == pytest.approx((ahead - behind) / 2e-5, rel=1e-3)


@pytest.mark.parametrize(
    "change",
    [
        lambda y: y.clamp(-0.02, 0.02),
        lambda y: 0 * y,
        lambda y: 1e-20 * y,
        lambda y: y * (torch.arange(y.shape[-1]) % 3000 > 1000),
    ],
)
def test_gradients_are_finite_on_clipped_and_silent_audio(metric, change):
    clean = torch.from_numpy(syllables(0.5)).float()[None]
    processed = change(torch.from_numpy(noisy(clean[0].numpy(), 5)).float()[None]).requires_grad_()
    metric(clean, processed, torch.tensor([S2])).sum().backward()
    assert processed.grad.isfinite().all()


def test_where_there_is_no_value(metric):
    clean = syllables(0.5)
    broken = np.where(np.arange(len(clean)) == 5, np.nan, clean)
    for reference, processed in (
        (0 * clean, clean),
        (clean[:3000], clean[:3000]),
        (clean, broken),
        (broken, clean),
        (clean[:0], clean[:0]),
    ):
        assert np.isnan(score(metric, reference, processed))
    reference = torch.from_numpy(np.stack((clean, 0 * clean))).float()
    assert metric(reference, reference, torch.zeros(2, 10)).isnan().tolist() == [False, True]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"processed": torch.zeros(2, 99)}, "one shape"),
        ({"reference": torch.zeros(100), "processed": torch.zeros(100)}, "one shape"),
        ({"audiogram": torch.zeros(2, 6)}, "has the shape"),
        ({"audiogram": torch.full((2, 10), 121.0)}, "from -10 to 120"),
        ({"audiogram": torch.full((2, 10), torch.nan)}, "not finite"),
        ({"sample_rate": 0}, "in Hz, 8000 to"),
        ({"sample_rate": 16}, "in Hz, 8000 to"),
        ({"sample_rate": torch.nan}, "in Hz, 8000 to"),
        ({"reference": torch.zeros(2, 100, dtype=torch.int16)}, "floats"),
        ({"level_spl": torch.nan}, "-194 to 194 dB SPL"),
        ({"level_spl": 1000.0}, "-194 to 194 dB SPL"),
        ({"lengths": torch.tensor([100, 101])}, "lengths"),
        ({"lengths": torch.tensor([100])}, "lengths"),
        ({"lengths": torch.tensor([50.0, 60.0])}, "integers"),
    ],
)
def test_wrong_arguments_are_named(metric, changes, says):
    arguments = {
        "reference": torch.zeros(2, 100),
        "processed": torch.zeros(2, 100),
        "audiogram": torch.zeros(2, 10),
    } | changes
    with pytest.raises(ValueError, match=says):
        metric(**arguments)


def test_the_mean_of_torchmetrics_is_the_mean(metric):
    clean = torch.from_numpy(np.stack([syllables(0.5, seed) for seed in range(3)])).float()
    processed = clean + 0.01 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    audiogram = torch.tensor([NORMAL, N3, S2])
    mean = Mean(metric)
    mean.update(clean[:2], processed[:2], audiogram[:2])
    mean.update(clean[2:], processed[2:], audiogram[2:])
    assert mean.compute().item() == pytest.approx(metric(clean, processed, audiogram).mean().item())
    mean.update(0 * clean[:1], clean[:1], audiogram[:1])
    assert mean.compute().isnan()


def test_the_mean_of_torchmetrics_passes_options_on(metric):
    clean = torch.from_numpy(syllables(0.5)).float()[None]
    processed, audiogram, lengths = clean.clamp(-0.02, 0.02), torch.tensor([N3]), torch.tensor([7000])
    mean = Mean(metric, sample_rate=15000, level_spl=90.0)
    mean.update(clean, processed, audiogram, lengths=lengths)
    assert mean.compute() == metric(clean, processed, audiogram, 15000, 90.0, lengths)[0]
    assert mean.compute() != metric(clean, processed, audiogram)[0]


def test_what_is_louder_than_air_can_be_has_no_value(metric):
    clean = torch.from_numpy(syllables(0.5)).float()[None]
    audiogram = torch.tensor([N3])
    assert metric(clean, 1e3 * clean, audiogram).isfinite().all()
    assert metric(clean, 1e9 * clean, audiogram).isnan().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradients_come_after_inference_too(metric, dtype):
    """What is computed once and kept must be good for a gradient whatever mode it was computed in."""
    clean = torch.from_numpy(syllables(0.4, 7)).to(dtype)[None]
    audiogram = torch.tensor([N3])
    for name, module in list(sys.modules.items()):
        if name.startswith("benchmark.metrics"):
            for value in vars(module).values():
                if hasattr(value, "cache_clear"):
                    value.cache_clear()
    with torch.inference_mode():
        before = metric(clean, 0.9 * clean, audiogram)
    processed = (0.9 * clean).requires_grad_()
    after = metric(clean, processed, audiogram)
    assert torch.autograd.grad(after.sum(), processed)[0].isfinite().all()
    assert after.item() == pytest.approx(before.item())
