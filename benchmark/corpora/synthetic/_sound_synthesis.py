"""Noise, envelopes and resonances, of which interferers and ambiences are made; float64, (time,) at 16 kHz."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from benchmark.corpora.synthetic._seeded_random import Range
from benchmark.corpora.synthetic._wav import RATE

Rng = np.random.Generator


class Kind(NamedTuple):
    """A kind of sound: the function that makes it, and the range of each of its parameters."""

    make: Callable[..., np.ndarray]
    ranges: Mapping[str, Range]


def coloured(rng: Rng, time: np.ndarray, slope: float) -> np.ndarray:
    """Gaussian noise that falls by `slope` dB per octave: 0 is white, 3 pink, 6 brown."""
    return shaped(rng, len(time), lambda hertz: hertz ** (-slope / 6.02))


def shaped(rng: Rng, count: int, gain: Callable[[np.ndarray], np.ndarray], lowest: float = 40.0) -> np.ndarray:
    """`count` samples of Gaussian noise, magnitude `gain` of Hz, cut below `lowest` Hz, of unit standard deviation."""
    hertz = np.fft.rfftfreq(count, 1 / RATE)
    spectrum = np.fft.rfft(rng.standard_normal(count)) * (hertz >= lowest) * gain(np.maximum(hertz, lowest))
    noise = np.fft.irfft(spectrum, count)
    return noise / noise.std()


def slow(rng: Rng, time: np.ndarray, rate: float) -> np.ndarray:
    """A smooth random curve of zero mean and unit standard deviation, with nothing above `rate` Hz.

    The limit is at least three periods in the whole clip.
    """
    seconds = len(time) / RATE
    return shaped(rng, len(time), lambda hertz: hertz <= max(rate, 3 / seconds), lowest=0.5 / seconds)


def ring(frequency: float, decay: float) -> np.ndarray:
    """A sine of `frequency` Hz that decays with a time constant of `decay` seconds, to -60 dB."""
    time = np.arange(round(6.9 * decay * RATE)) / RATE
    return np.exp(-time / decay) * np.sin(2 * np.pi * frequency * time)


def around(sound: np.ndarray, response: np.ndarray) -> np.ndarray:
    """Circular convolution: what rings beyond the end continues at the start."""
    return np.fft.irfft(np.fft.rfft(sound) * np.fft.rfft(response, len(sound)), len(sound))
