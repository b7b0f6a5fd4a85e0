"""Ten acoustic scenes from formulas, told apart by how they unfold in time. Ours throughout; arrays are float64,
(time,) at 16 kHz.

Every scene sounds around a `pitch` from one range that all scenes share, over background noise, through an equaliser
drawn for each clip: so a long-term spectrum says little. AMBIENCES says which parameters a scene has and between which
ends they lie.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ._draw import Range, generator
from ._pcm import RATE, write
from ._signals import Kind, Rng, around, coloured, ring, shaped, slow

PITCH = Range(500, 3500, log=True)  # Hz, where a scene sounds
SLOPE = Range(0, 6)  # of the background, dB an octave
PRESENCE = Range(0, 12)  # of the scene over its background, dB
EQUALISER = (125, 250, 500, 1000, 2000, 4000, 8000)  # Hz
GAIN = Range(-12, 12)  # of the equaliser at each of them, dB


def rain(rng: Rng, time: np.ndarray, pitch: float, rate: float) -> np.ndarray:
    """`rate` drops a second of all strengths."""
    count = round(rate * time[-1])
    drops = np.bincount(
        rng.integers(0, len(time), count), rng.exponential(1.0, count) * rng.choice([-1, 1], count), len(time)
    )
    return around(drops, ring(pitch, 0.001))


def sea(rng: Rng, time: np.ndarray, pitch: float, period: float, rise: float) -> np.ndarray:
    """Waves every `period` seconds that swell during the share `rise` of it, then ebb."""
    place = (time / period + 0.1 * slow(rng, time, 0.5) + rng.random()) % 1
    return _hiss(rng, time, pitch) * np.exp(3.5 * np.minimum(place / rise, (1 - place) / (1 - rise)))


def street(rng: Rng, time: np.ndarray, pitch: float, nearest: float, motor: float) -> np.ndarray:
    """Cars that pass, each near for about `nearest` seconds: tyres, and a motor of `motor` Hz whose pitch falls as it
    passes.
    """
    sound = np.zeros(len(time))
    for _ in range(int(rng.integers(1, 3))):
        away = (time - rng.uniform(0.1, 0.9) * time[-1]) / nearest
        distance = np.sqrt(1 + away**2)
        phase = np.cumsum(2 * np.pi * motor * (1 - 0.12 * away / distance)) / RATE
        exhaust = around(np.maximum(np.sin(phase), 0) ** 8, ring(pitch, 0.003))
        sound += (_hiss(rng, time, pitch) + exhaust / exhaust.std()) / distance**2
    return sound


def train(rng: Rng, time: np.ndarray, pitch: float, period: float, gap: float) -> np.ndarray:
    """Wheels over rail joints: two blows `gap` seconds apart, every `period` seconds."""
    starts = np.arange(-rng.random(), time[-1] / period) * period
    return _placed(
        time,
        ((start + late, rng.uniform(0.6, 1) * ring(_near(rng, pitch), 0.012)) for start in starts for late in (0, gap)),
    )


def cafe(rng: Rng, time: np.ndarray, pitch: float, talk: float, clinks: float) -> np.ndarray:
    """Murmur of voices that rise and fall `talk` times a second, and `clinks` a second of cups."""
    murmur = np.sum(
        [
            _hiss(rng, time, pitch * 2 ** rng.uniform(-1, 1), 0.5) * np.exp(1.3 * slow(rng, time, talk))
            for _ in range(3)
        ],
        0,
    )
    cups = ((start, ring(pitch * rng.uniform(0.7, 2), 0.06)) for start in _at_random(rng, time, clinks))
    return murmur / murmur.std() + 2 * _placed(time, cups)


def office(rng: Rng, time: np.ndarray, pitch: float, keys: float, travel: float) -> np.ndarray:
    """Typing in runs of `keys` a second with pauses between them; a key clicks down, and up again `travel` seconds
    later.
    """

    def clicks() -> Iterator[tuple[float, np.ndarray]]:
        for start in _runs(rng, time, keys, (4, 10), (0.3, 0.7)):
            for late, strength in ((0, 1.0), (travel, 0.4)):
                yield start + late, strength * rng.uniform(0.5, 1) * ring(pitch * rng.uniform(0.8, 1.25), 0.003)

    return _placed(time, clicks())


def park(rng: Rng, time: np.ndarray, pitch: float, syllables: float, sweep: float) -> np.ndarray:
    """A bird: phrases of a few syllables, `syllables` a second, each sweeping over `sweep` octaves."""
    away = rng.choice([-1, 1]) * np.linspace(-sweep / 2, sweep / 2, round(0.7 * RATE / syllables))

    def syllable() -> np.ndarray:
        return (
            rng.uniform(0.6, 1)
            * np.hanning(len(away))
            * np.sin(2 * np.pi * np.cumsum(_near(rng, pitch) * 2**away) / RATE)
        )

    return _placed(time, ((start, syllable()) for start in _runs(rng, time, syllables, (3, 8), (0.3, 0.7))))


def kitchen(rng: Rng, time: np.ndarray, pitch: float, rate: float, rise: float) -> np.ndarray:
    """Something boils: `rate` bubbles a second, each ringing upwards, by `rise` octaves in 50 ms."""
    short = np.arange(round(0.08 * RATE)) / RATE

    def bubble() -> np.ndarray:
        phase = 2 * np.pi * np.cumsum(_near(rng, pitch) * 2 ** (rise * short / 0.05)) / RATE
        return rng.exponential(1.0) * np.exp(-short / 0.015) * np.sin(phase)

    return _placed(time, ((start, bubble()) for start in _at_random(rng, time, rate)))


def workshop(rng: Rng, time: np.ndarray, pitch: float, strokes: float, teeth: float) -> np.ndarray:
    """A saw: `strokes` a second, to and fro, roughened by `teeth` a second."""
    stroke = strokes * time + rng.random()
    strength = np.where(stroke.astype(int) % 2 == 0, 1.0, 0.6) * np.abs(np.sin(np.pi * stroke)) ** 1.5
    return _hiss(rng, time, pitch) * strength * (1 + np.sin(2 * np.pi * teeth * time))


def meadow(rng: Rng, time: np.ndarray, pitch: float, pulses: float, chirps: float) -> np.ndarray:
    """Crickets in turn: `chirps` a second, each a tone in `pulses` a second."""
    count = chirps * time + rng.random()
    tones = np.array([_near(rng, pitch) for _ in range(int(count[-1]) + 1)])
    carrier = np.sin(2 * np.pi * np.cumsum(tones[count.astype(int)]) / RATE)
    return carrier * np.maximum(np.sin(2 * np.pi * pulses * time), 0) * (count % 1 < 0.5)


AMBIENCES = {
    "cafe": Kind(cafe, {"talk": Range(3, 7, log=True), "clinks": Range(1.5, 4, log=True)}),
    "kitchen": Kind(kitchen, {"rate": Range(12, 50, log=True), "rise": Range(0.2, 0.6)}),
    "meadow": Kind(meadow, {"pulses": Range(20, 45, log=True), "chirps": Range(1.3, 3, log=True)}),
    "office": Kind(office, {"keys": Range(5, 10, log=True), "travel": Range(0.05, 0.09)}),
    "park": Kind(park, {"syllables": Range(5, 12, log=True), "sweep": Range(0.2, 0.8)}),
    "rain": Kind(rain, {"rate": Range(80, 1000, log=True)}),
    "sea": Kind(sea, {"period": Range(0.9, 1.8, log=True), "rise": Range(0.2, 0.5)}),
    "street": Kind(street, {"nearest": Range(0.15, 0.5, log=True), "motor": Range(25, 70, log=True)}),
    "train": Kind(train, {"period": Range(0.5, 1, log=True), "gap": Range(0.1, 0.2)}),
    "workshop": Kind(workshop, {"strokes": Range(1.8, 4, log=True), "teeth": Range(50, 110, log=True)}),
}


def render(folder: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows to `folder` / audio. A row has audio, label, samples, parameters, slope, presence (dB) and gains (dB,
    one for each of EQUALISER).
    """
    for row in rows:
        rng, time = generator("ambience", row["audio"]), np.arange(row["samples"]) / RATE
        scene = AMBIENCES[row["label"]].make(rng, time, row["pitch"], **row["tempi"])
        sound = scene / scene.std() * 10 ** (row["presence"] / 20) + coloured(rng, time, row["slope"])
        write(folder / row["audio"], _equalised(sound, row["gains"]))


def _equalised(sound: np.ndarray, gains: Iterable[float]) -> np.ndarray:
    """Linear-phase, its gain in dB a straight line between those of EQUALISER over log frequency."""
    hertz = np.maximum(np.fft.rfftfreq(len(sound), 1 / RATE), EQUALISER[0])
    decibels = np.interp(np.log(hertz), np.log(EQUALISER), list(gains))
    return np.fft.irfft(np.fft.rfft(sound) * 10 ** (decibels / 20), len(sound))


def _hiss(rng: Rng, time: np.ndarray, pitch: float, width: float = 1.2) -> np.ndarray:
    """Noise of unit deviation around `pitch` Hz, `width` octaves to either side."""
    return shaped(rng, len(time), lambda hertz: np.exp(-0.5 * (np.log2(hertz / pitch) / width) ** 2))


def _near(rng: Rng, pitch: float) -> float:
    """A frequency within half an octave of `pitch`, so that no scene is one line in the spectrum."""
    return pitch * 2 ** rng.uniform(-0.5, 0.5)


def _at_random(rng: Rng, time: np.ndarray, rate: float) -> np.ndarray:
    """Moments in seconds, about `rate` a second and three at least."""
    return rng.uniform(0, time[-1], max(int(rng.poisson(rate * time[-1])), 3))


def _runs(
    rng: Rng, time: np.ndarray, rate: float, sizes: tuple[int, int], pauses: tuple[float, float]
) -> Iterator[float]:
    """Moments in seconds, in runs of some (from, below) at `rate` a second, with pauses of some seconds (from, to)
    between the runs.
    """
    start = -rng.uniform(0, 0.5)
    while start < time[-1]:
        for _ in range(int(rng.integers(*sizes))):
            start += rng.uniform(0.85, 1.15) / rate
            yield start
        start += rng.uniform(*pauses)


def _placed(time: np.ndarray, events: Iterable[tuple[float, np.ndarray]]) -> np.ndarray:
    """The sum of sounds, each from its moment in seconds on; what lies outside of `time` is cut off."""
    sound = np.zeros(len(time))
    for start, event in events:
        first = round(start * RATE)
        kept = event[max(-first, 0) : max(len(time) - first, 0)]
        sound[max(first, 0) : max(first, 0) + len(kept)] += kept
    return sound
