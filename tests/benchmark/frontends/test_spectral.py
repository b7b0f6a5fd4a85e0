"""The gain against scipy's exponential integral, and the good it does."""

import numpy as np
import pytest
import torch
from scipy.signal import lfilter
from scipy.special import exp1

from benchmark.contracts import Heard
from benchmark.frontends.spectral import Spectral
from benchmark.metrics.snr import snr


def enhance(audio, **controls):
    audio = torch.as_tensor(audio, dtype=torch.float32)
    return Spectral().process(Heard(audio[None], torch.tensor([audio.shape[-1]])), **controls).audio[0]


def speech_like(seconds=4):
    """Pulses through three resonances, in syllables with pauses, at 65 dB SPL."""
    rng = np.random.default_rng(0)
    time = np.arange(int(seconds * 16000)) / 16000
    voiced = np.diff(
        np.floor(np.cumsum(120 + 20 * np.sin(2 * np.pi * 0.7 * time)) / 16000), prepend=0
    ) + 0.01 * rng.standard_normal(len(time))
    for frequency in (500, 1500, 2500):
        pole = 0.97 * np.exp(2j * np.pi * frequency / 16000)
        voiced = lfilter([1], [1, -2 * pole.real, abs(pole) ** 2], voiced)
    speech = voiced * np.clip(np.sin(2 * np.pi * 2 * time), 0, None) * (time > 0.3)
    return speech * 10 ** (-35 / 20) / speech.std()


@pytest.mark.parametrize(("ratio", "gain"), [(10, 3), (5, 5), (0, 7), (-5, 8)])
def test_it_takes_stationary_noise_away(ratio, gain):
    clean = speech_like()
    noise = np.random.default_rng(1).standard_normal(len(clean)) * clean.std() * 10 ** (-ratio / 20)
    enhanced = enhance((clean + noise)[None])[0]
    reference = torch.as_tensor(clean, dtype=torch.float32)
    assert snr(reference, enhanced) - snr(reference, reference + torch.as_tensor(noise, dtype=torch.float32)) > gain


def test_clean_speech_passes():
    clean = torch.as_tensor(speech_like(), dtype=torch.float32)
    assert snr(clean, enhance(clean[None])[0]) > 10  # speech before any noise is lost for six frames


def test_the_control_limits_what_is_taken_away():
    noise = 0.01 * torch.randn(1, 32000, generator=torch.Generator().manual_seed(0))
    for attenuation in (6.0, 12.0):
        left = 20 * torch.log10(enhance(noise, attenuation=attenuation)[:, 16000:].std() / noise[:, 16000:].std())
        assert left.item() == pytest.approx(-attenuation, abs=1.5)
    torch.testing.assert_close(enhance(noise, attenuation=0.0), noise, atol=1e-6, rtol=0)
    torch.testing.assert_close(enhance(noise), enhance(noise, attenuation=Spectral.controls["attenuation"]))


def test_a_step_in_the_noise_is_learnt():
    noise = torch.randn(1, 16000 * 6, generator=torch.Generator().manual_seed(0)) * torch.where(
        torch.arange(16000 * 6) < 32000, 0.001, 0.01
    )
    reduction = 20 * torch.log10(enhance(noise)[:, -16000:].std() / noise[:, -16000:].std())
    assert reduction < -10


def test_leading_digital_silence_is_not_the_noise():
    noise = 0.01 * torch.randn(1, 32000, generator=torch.Generator().manual_seed(0))
    late = enhance(torch.cat([torch.zeros(1, 16000), noise], 1))[:, 16000:]
    assert 20 * torch.log10(late.std() / enhance(noise).std()) < 0.5


def test_each_ear_is_processed_for_itself():
    audio = 0.01 * torch.randn(2, 8000, generator=torch.Generator().manual_seed(0))
    both = enhance(audio)
    torch.testing.assert_close(both[1:], enhance(audio[1:]), atol=1e-7, rtol=1e-4)


def test_the_amplitude_is_the_log_mmse_estimate():
    # Without smoothing and after 50 frames of known noise, A² in the next frame must be that of Ephraim and Malah's
    # equation 20; 400 ratios, one in each bin.
    ratios = torch.logspace(-1, 2, 400, dtype=torch.float64)
    power = torch.ones(400, 51, dtype=torch.float64)
    power[:, 50] = ratios
    found = Spectral(smoothing=0.0, start=50)._estimate(power)[:, 50].numpy()
    observed = ratios.numpy()
    absent = 1 / (1 + np.exp(observed * 10**1.5 / (1 + 10**1.5)) / (1 + 10**1.5))
    noise = 1 + 0.2 * np.maximum(absent, 0.01 - 0.9 - 0.1 * absent) * (observed - 1)
    posterior = observed / noise
    prior = np.maximum(posterior - 1, 10**-1.5)
    wiener = prior / (1 + prior)
    expected = (wiener * np.exp(0.5 * exp1(wiener * posterior))) ** 2 * observed
    assert np.abs(10 * np.log10(found / expected)).max() < 0.02
