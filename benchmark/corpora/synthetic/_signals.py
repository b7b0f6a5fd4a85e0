"""What interferers and ambiences are made of; arrays are float64, (time,) at 16 kHz."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from ._draw import Range
from ._pcm import RATE

Rng = np.random.Generator


class Kind(NamedTuple):
    """How a kind is made, and between which ends each of its parameters lies."""

    make: Callable[..., np.ndarray]
    ranges: Mapping[str, Range]


def coloured(rng: Rng, time: np.ndarray, slope: float) -> np.ndarray:
    """Gaussian noise that falls by `slope` dB an octave: 0 is white, 3 pink, 6 brown."""
    return shaped(rng, len(time), lambda hertz: hertz ** (-slope / 6.02))


def shaped(rng: Rng, count: int, gain: Callable[[np.ndarray], np.ndarray], lowest: float = 40.0) -> np.ndarray:
    """Gaussian noise of unit deviation with a magnitude `gain` over Hz; nothing below `lowest` Hz."""
    hertz = np.fft.rfftfreq(count, 1 / RATE)
    spectrum = np.fft.rfft(rng.standard_normal(count)) * (hertz >= lowest) * gain(np.maximum(hertz, lowest))
    noise = np.fft.irfft(spectrum, count)
    return noise / noise.std()


def slow(rng: Rng, time: np.ndarray, rate: float) -> np.ndarray:
    """A smooth random curve of zero mean and unit deviation, without anything above `rate` Hz (or three periods in the
    whole).
    """
    seconds = len(time) / RATE
    return shaped(rng, len(time), lambda hertz: hertz <= max(rate, 3 / seconds), lowest=0.5 / seconds)


def ring(frequency: float, decay: float) -> np.ndarray:
    """A decaying sine, to -60 dB."""
    time = np.arange(round(6.9 * decay * RATE)) / RATE
    return np.exp(-time / decay) * np.sin(2 * np.pi * frequency * time)


def around(sound: np.ndarray, response: np.ndarray) -> np.ndarray:
    """Circular convolution: what rings on beyond the end comes in at the start."""
    return np.fft.irfft(np.fft.rfft(sound) * np.fft.rfft(response, len(sound)), len(sound))
