"""Ten acoustic scenes from formulas (ours), told apart by how they unfold in time; the renderer of scenes.py.

Arrays are float64, (time,) at 16 kHz. All scenes draw the frequency around which they sound, `pitch`, from one range.
Each clip has background noise and an equaliser of its own, so the long-term spectrum says little about the scene.
AMBIENCES gives the parameters of each scene and their ranges. `rng` is the clip's random generator, `time` its sample
times in seconds.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.corpora.synthetic._seeded_random import Range, generator
from benchmark.corpora.synthetic._sound_synthesis import Kind, Rng, around, coloured, ring, shaped, slow
from benchmark.corpora.synthetic._wav import RATE, write

PITCH = Range(500, 3500, log=True)  # Hz, around which a scene sounds
SLOPE = Range(0, 6)  # dB per octave by which the background falls
PRESENCE = Range(0, 12)  # dB, level of the scene over its background
EQUALISER = (125, 250, 500, 1000, 2000, 4000, 8000)  # Hz, where the equaliser's gains are set
GAIN = Range(-12, 12)  # dB at each of them


def rain(rng: Rng, time: np.ndarray, pitch: float, rate: float) -> np.ndarray:
    """Rain: `rate` drops per second, of random strength."""
    count = round(rate * time[-1])
    drops = np.bincount(
        rng.integers(0, len(time), count), rng.exponential(1.0, count) * rng.choice([-1, 1], count), len(time)
    )
    return around(drops, ring(pitch, 0.001))


def sea(rng: Rng, time: np.ndarray, pitch: float, period: float, rise: float) -> np.ndarray:
    """The sea: a wave every `period` seconds, which swells for a fraction `rise` of the period and then ebbs."""
    place = (time / period + 0.1 * slow(rng, time, 0.5) + rng.random()) % 1
    return _hiss(rng, time, pitch) * np.exp(3.5 * np.minimum(place / rise, (1 - place) / (1 - rise)))


def street(rng: Rng, time: np.ndarray, pitch: float, nearest: float, motor: float) -> np.ndarray:
    """A street: passing cars, each near for about `nearest` seconds, with the noise of tyres and of a motor.

    The motor fires at `motor` Hz; its pitch falls as the car passes (Doppler effect).
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
    """A train: wheels over rail joints, two blows `gap` seconds apart every `period` seconds."""
    starts = np.arange(-rng.random(), time[-1] / period) * period
    return _placed(
        time,
        ((start + late, rng.uniform(0.6, 1) * ring(_near(rng, pitch), 0.012)) for start in starts for late in (0, gap)),
    )


def cafe(rng: Rng, time: np.ndarray, pitch: float, talk: float, clinks: float) -> np.ndarray:
    """A cafe: murmuring voices that rise and fall `talk` times per second, and `clinks` of cups per second."""
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
    """An office: typing in runs of `keys` per second, with pauses between the runs.

    A key clicks when pressed and, more softly, `travel` seconds later when released.
    """

    def clicks() -> Iterator[tuple[float, np.ndarray]]:
        for start in _runs(rng, time, keys, (4, 10), (0.3, 0.7)):
            for late, strength in ((0, 1.0), (travel, 0.4)):
                yield start + late, strength * rng.uniform(0.5, 1) * ring(pitch * rng.uniform(0.8, 1.25), 0.003)

    return _placed(time, clicks())


def park(rng: Rng, time: np.ndarray, pitch: float, syllables: float, sweep: float) -> np.ndarray:
    """A park: a bird singing phrases of `syllables` per second, each of which sweeps over `sweep` octaves."""
    away = rng.choice([-1, 1]) * np.linspace(-sweep / 2, sweep / 2, round(0.7 * RATE / syllables))

    def syllable() -> np.ndarray:
        return (
            rng.uniform(0.6, 1)
            * np.hanning(len(away))
            * np.sin(2 * np.pi * np.cumsum(_near(rng, pitch) * 2**away) / RATE)
        )

    return _placed(time, ((start, syllable()) for start in _runs(rng, time, syllables, (3, 8), (0.3, 0.7))))


def kitchen(rng: Rng, time: np.ndarray, pitch: float, rate: float, rise: float) -> np.ndarray:
    """A kitchen: boiling, with `rate` bubbles per second, each of which rises by `rise` octaves in 50 ms."""
    short = np.arange(round(0.08 * RATE)) / RATE

    def bubble() -> np.ndarray:
        phase = 2 * np.pi * np.cumsum(_near(rng, pitch) * 2 ** (rise * short / 0.05)) / RATE
        return rng.exponential(1.0) * np.exp(-short / 0.015) * np.sin(phase)

    return _placed(time, ((start, bubble()) for start in _at_random(rng, time, rate)))


def workshop(rng: Rng, time: np.ndarray, pitch: float, strokes: float, teeth: float) -> np.ndarray:
    """A workshop: a saw with `strokes` per second, to and fro, modulated by `teeth` per second."""
    stroke = strokes * time + rng.random()
    strength = np.where(stroke.astype(int) % 2 == 0, 1.0, 0.6) * np.abs(np.sin(np.pi * stroke)) ** 1.5
    return _hiss(rng, time, pitch) * strength * (1 + np.sin(2 * np.pi * teeth * time))


def meadow(rng: Rng, time: np.ndarray, pitch: float, pulses: float, chirps: float) -> np.ndarray:
    """A meadow: crickets that take turns, `chirps` per second, each a tone in `pulses` per second."""
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


def render(folder: Path, clips: Iterable[Mapping[str, Any]]) -> None:
    """Write clips to `folder` / audio.

    A clip has audio, label (the scene), samples (its length), pitch (Hz), tempi (the scene's parameters), slope (dB per
    octave), presence (dB) and gains (dB, one for each frequency of EQUALISER).
    """
    for clip in clips:
        rng, time = generator("ambience", clip["audio"]), np.arange(clip["samples"]) / RATE
        scene = AMBIENCES[clip["label"]].make(rng, time, clip["pitch"], **clip["tempi"])
        sound = scene / scene.std() * 10 ** (clip["presence"] / 20) + coloured(rng, time, clip["slope"])
        write(folder / clip["audio"], _equalised(sound, clip["gains"]))


def _equalised(sound: np.ndarray, gains: Iterable[float]) -> np.ndarray:
    """Zero-phase equaliser: gains in dB, interpolated linearly over log frequency between those at EQUALISER."""
    hertz = np.maximum(np.fft.rfftfreq(len(sound), 1 / RATE), EQUALISER[0])
    decibels = np.interp(np.log(hertz), np.log(EQUALISER), list(gains))
    return np.fft.irfft(np.fft.rfft(sound) * 10 ** (decibels / 20), len(sound))


def _hiss(rng: Rng, time: np.ndarray, pitch: float, width: float = 1.2) -> np.ndarray:
    """Noise of unit standard deviation around `pitch` Hz, its magnitude a Gaussian of `width` octaves."""
    return shaped(rng, len(time), lambda hertz: np.exp(-0.5 * (np.log2(hertz / pitch) / width) ** 2))


def _near(rng: Rng, pitch: float) -> float:
    """A random frequency within half an octave of `pitch`, so that no scene is a single line in the spectrum."""
    return pitch * 2 ** rng.uniform(-0.5, 0.5)


def _at_random(rng: Rng, time: np.ndarray, rate: float) -> np.ndarray:
    """Random onsets in seconds, about `rate` per second and at least three."""
    return rng.uniform(0, time[-1], max(int(rng.poisson(rate * time[-1])), 3))


def _runs(
    rng: Rng, time: np.ndarray, rate: float, sizes: tuple[int, int], pauses: tuple[float, float]
) -> Iterator[float]:
    """Onsets in seconds, in runs with pauses between them.

    Args:
        rate: onsets per second within a run
        sizes: least number of onsets in a run, and the number that it stays below
        pauses: shortest and longest pause in seconds
    """
    start = -rng.uniform(0, 0.5)
    while start < time[-1]:
        for _ in range(int(rng.integers(*sizes))):
            start += rng.uniform(0.85, 1.15) / rate
            yield start
        start += rng.uniform(*pauses)


def _placed(time: np.ndarray, events: Iterable[tuple[float, np.ndarray]]) -> np.ndarray:
    """The sum of sounds that start at given onsets in seconds; what lies outside `time` is cut off."""
    sound = np.zeros(len(time))
    for start, event in events:
        first = round(start * RATE)
        kept = event[max(-first, 0) : max(len(time) - first, 0)]
        sound[max(first, 0) : max(first, 0) + len(kept)] += kept
    return sound
