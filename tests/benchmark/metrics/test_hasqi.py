"""HASQI against pyclarity on the same signals, and what its values must do."""

import numpy as np
import pytest
import torch
from hearing_signals import N3, NORMAL, OTHERS, RATE, S2, enhanced, noisy, pyclaritys, score, syllables

from benchmark.hearing.audiograms import PROFILES
from benchmark.metrics._kates_inputs import amplified, prepared
from benchmark.metrics.hasqi import HASQI, hasqi


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
    from clarity.evaluator.hasqi import hasqi_v2

    clean = syllables(1.5)
    processed = process(clean)
    expected = hasqi_v2(clean, RATE, processed, RATE, pyclaritys(audiogram), level1=100.0)[0]
    assert 0.05 < expected < 0.95
    assert score(hasqi, clean, processed, audiogram) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("name", OTHERS)
def test_it_is_pyclaritys_for_every_standard_audiogram(name):
    from clarity.evaluator.hasqi import hasqi_v2

    clean = syllables(1.5)
    processed = enhanced(clean)
    expected = hasqi_v2(clean, RATE, processed, RATE, pyclaritys(PROFILES[name]), level1=100.0)[0]
    assert score(hasqi, clean, processed, PROFILES[name]) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("gain", [0.0, 1e-5])
def test_what_nobody_hears_is_pyclaritys(gain):
    from clarity.evaluator.hasqi import hasqi_v2

    clean = syllables(1.0)
    expected = hasqi_v2(clean, RATE, gain * clean, RATE, pyclaritys(N3), level1=100.0)[0]
    assert score(hasqi, clean, gain * clean, N3) == expected == 0


def test_more_noise_and_more_clipping_sound_worse():
    clean = syllables(1.5)
    by_snr = [score(hasqi, clean, noisy(clean, snr)) for snr in (0, 8, 16, 30)]
    assert by_snr == sorted(by_snr)
    assert by_snr[-1] - by_snr[0] > 0.3
    by_limit = [score(hasqi, clean, clean.clip(-limit, limit)) for limit in (0.003, 0.01, 0.03, 1.0)]
    assert by_limit == sorted(by_limit)
    assert by_limit[-1] == pytest.approx(HASQI.figures["hasqi"].best, abs=0.02)


def test_nothing_is_left_where_nobody_hears_the_reference():
    clean = syllables(0.5)
    assert score(hasqi, clean, clean, level_spl=-40.0) == 0


def test_the_reference_is_the_one_with_the_gain_of_nal_r():
    clean = torch.from_numpy(syllables(0.75))
    pair = prepared(clean, clean, RATE)
    audiogram = torch.tensor([N3]).double()
    with_gain = amplified(pair[0], audiogram[0])[70:]
    at_24k = pair[0][: len(with_gain)]
    aided, unaided = (hasqi(at_24k[None], y[None], audiogram, 24000).item() for y in (with_gain, at_24k))
    assert aided > max(0.9, unaided + 0.1)


@pytest.mark.parametrize("rate", [24000, 44100])
def test_other_rates_are_pyclaritys(rate):
    from clarity.evaluator.hasqi import hasqi_v2

    at_16k = syllables(0.75)
    clean, processed = (
        np.interp(np.arange(int(0.75 * rate)) * RATE / rate, np.arange(len(s)), s) for s in (at_16k, noisy(at_16k, 15))
    )
    expected = hasqi_v2(clean, rate, processed, rate, pyclaritys(S2), level1=100.0)[0]
    assert score(hasqi, clean, processed, S2, sample_rate=rate) == pytest.approx(expected, abs=1e-3)
