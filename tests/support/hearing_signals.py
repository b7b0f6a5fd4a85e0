"""Speech-like signals and audiograms for tests of hearing metrics."""

import numpy as np
import torch
from scipy.signal import lfilter

from benchmark.contracts import AUDIOGRAM_HZ, Heard
from benchmark.frontends import build_front_end
from benchmark.hearing.audiograms import PROFILES

RATE = 16000
OTHERS = ("N1", "N2", "N4", "N5", "N6", "N7", "S1", "S3")  # profiles that are only compared with pyclarity
NORMAL, N3, N5, S2 = (PROFILES[name] for name in ("normal", "N3", "N5", "S2"))


def pyclaritys(audiogram):
    """An audiogram as pyclarity's class."""
    from clarity.utils.audiogram import Audiogram

    return Audiogram(levels=np.array(audiogram, float), frequencies=np.array(AUDIOGRAM_HZ, float))


def syllables(seconds, seed=0):
    """Noise and pulse trains through resonances that change four times a second, at 65 dB SPL, (time,)."""
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
    """Speech in low-pass noise at `snr` dB."""
    noise = lfilter([1], [1, -0.9], np.random.default_rng(seed).standard_normal(len(clean)))
    return clean + noise * np.sqrt(np.mean(clean**2) / np.mean(noise**2)) * 10 ** (-snr / 20)


def enhanced(clean):
    """Speech in noise after spectral subtraction, amplified by 20 dB as by a hearing aid."""
    heard = torch.from_numpy(noisy(clean, 8)).float()[None, None]
    with torch.inference_mode():
        audio = build_front_end("spectral").process(Heard(heard, torch.tensor([len(clean)]))).audio
    return 10 * audio[0, 0].double().numpy()


def score(metric, clean, processed, audiogram=NORMAL, **options):
    """A metric's value for one pair of signals, (time,) each."""
    clean, processed, audiogram = (
        torch.as_tensor(np.asarray(a), dtype=torch.float32)[None] for a in (clean, processed, audiogram)
    )
    return metric(clean, processed, audiogram, **options).item()
