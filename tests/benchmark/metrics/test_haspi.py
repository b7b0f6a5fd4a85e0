"""HASPI against pyclarity on the same signals and noise, and what its values must do."""

import numpy as np
import pytest
from hearing_signals import N3, N5, NORMAL, OTHERS, RATE, S2, enhanced, noisy, pyclaritys, score, syllables

from benchmark.hearing.audiograms import PROFILES
from benchmark.metrics.haspi import HASPI, _jitter, haspi


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
    clean = syllables(1.5)
    processed = process(clean)
    expected = pyclaritys_haspi(clean, processed, audiogram, monkeypatch)
    assert 0.1 < expected < 0.95
    assert score(haspi, clean, processed, audiogram) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("name", OTHERS)
def test_it_is_pyclaritys_for_every_standard_audiogram(name, monkeypatch):
    clean = syllables(1.5)
    processed = enhanced(clean)
    expected = pyclaritys_haspi(clean, processed, PROFILES[name], monkeypatch)
    assert score(haspi, clean, processed, PROFILES[name]) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("gain", [0.0, 1e-5])
def test_what_nobody_hears_is_pyclaritys(gain, monkeypatch):
    clean = syllables(1.0)
    expected = pyclaritys_haspi(clean, gain * clean, N3, monkeypatch)
    assert score(haspi, clean, gain * clean, N3) == pytest.approx(expected, abs=1e-5)
    assert expected < 0.01


def pyclaritys_haspi(clean, processed, audiogram, monkeypatch):
    from clarity.evaluator.haspi import haspi_v2

    turns = iter((0, 1))

    def jitter(shape):  # of the membrane first, which HASPI does not use, then of the nerve fibres
        return np.zeros(shape) if shape[0] == 32 else _jitter(1 << 13)[next(turns), :, : shape[0]].numpy().T

    monkeypatch.setattr(np.random, "standard_normal", jitter)
    return haspi_v2(clean, RATE, processed, RATE, pyclaritys(audiogram), level1=100.0)[0]


def test_more_noise_is_understood_less_and_more_loss_too():
    clean = syllables(1.5)
    by_snr = [score(haspi, clean, noisy(clean, snr)) for snr in (0, 8, 16, 30)]
    assert by_snr == sorted(by_snr)
    assert by_snr[-1] - by_snr[0] > 0.5
    by_loss = [score(haspi, clean, noisy(clean, 20), audiogram) for audiogram in (N5, N3, NORMAL)]
    assert by_loss == sorted(by_loss)
    assert score(haspi, clean, 30 * clean, N5) > score(haspi, clean, clean, N5) + 0.1
    assert score(haspi, clean, clean) == pytest.approx(HASPI.figures["haspi"].best, abs=0.01)


def test_there_is_no_value_where_nobody_hears_the_reference():
    clean = syllables(0.5)
    assert np.isnan(score(haspi, clean, clean, level_spl=-40.0))
