"""Ten kinds of interferer, nine from formulas (ours) and babble spoken by espeak-ng; the renderer of noise.py.

Arrays are float64, (time,) at 16 kHz. KINDS gives the parameters of each kind and their ranges. `rng` is the clip's
random generator, `time` its sample times in seconds.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.corpora.synthetic._espeak import synthesiser
from benchmark.corpora.synthetic._seeded_random import Range, generator
from benchmark.corpora.synthetic._sound_synthesis import Kind, Rng, around, coloured, ring, shaped, slow
from benchmark.corpora.synthetic._wav import RATE, trim, write


def modulated(rng: Rng, time: np.ndarray, rate: float, depth: float, slope: float) -> np.ndarray:
    """Amplitude-modulated coloured noise: `rate` in Hz, `depth` from 0 to 1, `slope` in dB per octave."""
    return coloured(rng, time, slope) * (1 + depth * np.sin(2 * np.pi * (rate * time + rng.random())))


def hum(rng: Rng, time: np.ndarray, frequency: float, fall: float) -> np.ndarray:
    """Mains or motor hum: harmonics of `frequency` that fall by `fall` dB per octave, over faint pink noise."""
    tones = _harmonics(rng, 2 * np.pi * frequency * time, frequency, fall)
    return tones / tones.std() + 0.1 * coloured(rng, time, 3.0)


def engine(rng: Rng, time: np.ndarray, speed: float, wander: float, resonance: float) -> np.ndarray:
    """An engine: `speed` firings per second, ringing at `resonance` Hz; the speed varies slowly by a share `wander`."""
    pace = speed * (1 + wander * slow(rng, time, 0.5))
    fired = _pulses(np.cumsum(pace) / RATE, rng.uniform(0.7, 1.3, int(pace.max() * time[-1]) + 3))
    rung = around(fired, ring(resonance, 0.005))
    return rung / rung.std() + 0.2 * coloured(rng, time, 4.0)


def siren(rng: Rng, time: np.ndarray, frequency: float, rate: float, width: float) -> np.ndarray:
    """A siren: a tone with two overtones that glides over `width` octaves, `rate` times per second."""
    pitch = frequency * 2 ** (width / 2 * np.sin(2 * np.pi * (rate * time + rng.random())))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    return np.sin(phase) + 0.3 * np.sin(2 * phase) + 0.1 * np.sin(3 * phase)


def melody(rng: Rng, time: np.ndarray, root: float, tempo: float, fall: float) -> np.ndarray:
    """A melody: `tempo` plucked notes per second, from a pentatonic scale on `root` Hz.

    Their harmonics fall by `fall` dB per octave.
    """
    sound = np.zeros(len(time))
    for start in np.arange(0, time[-1], 1 / tempo):
        frequency = root * 2 ** (rng.choice([0, 2, 4, 7, 9, 12, 14, 16]) / 12)
        first = round(start * RATE)
        note = time[: min(len(time) - first, round(1.5 * RATE))]
        envelope = np.exp(-3 * note) * np.minimum(note / 0.005, 1)
        sound[first : first + len(note)] += envelope * _harmonics(rng, 2 * np.pi * frequency * note, frequency, fall)
    return sound


def knocks(rng: Rng, time: np.ndarray, rate: float, resonance: float, decay: float) -> np.ndarray:
    """Knocking or clatter: `rate` blows per second at random times.

    They ring near `resonance` Hz with a time constant of `decay` seconds.
    """
    sound = np.zeros(len(time))
    for first in rng.integers(0, len(time), max(round(rate * time[-1]), 3)):
        blow = ring(resonance * rng.uniform(0.9, 1.1), decay) * rng.uniform(0.3, 1.0)
        sound[first : first + len(blow)] += blow[: len(time) - first]
    return sound + 0.002 * coloured(rng, time, 3.0)


def rain(rng: Rng, time: np.ndarray, rate: float, resonance: float) -> np.ndarray:
    """Rain: `rate` clicks per second of random strength, ringing at `resonance` Hz."""
    count = round(rate * time[-1])
    drops = np.bincount(rng.integers(0, len(time), count), rng.exponential(1.0, count), len(time))
    sound = around(drops, ring(resonance, 0.0005))
    return sound / sound.std() + 0.1 * coloured(rng, time, 2.0)


def wind(rng: Rng, time: np.ndarray, cutoff: float, gusts: float) -> np.ndarray:
    """Wind: noise below `cutoff` Hz that rises and falls about `gusts` times per second."""
    noise = shaped(rng, len(time), lambda hertz: 1 / (1 + (hertz / cutoff) ** 2))
    return noise * np.exp(1.2 * slow(rng, time, gusts))


def babble(rng: Rng, time: np.ndarray, talkers: Iterable[Mapping[str, Any]]) -> np.ndarray:
    """Babble: talkers at equal level, each of whom repeats a text from a random point in it."""
    sound = np.zeros(len(time))
    for talker in talkers:
        speech = trim(synthesiser().speak(**talker))
        sound += np.roll(np.resize(speech, len(time)), rng.integers(len(time))) / speech.std()
    return sound


KINDS = {
    "babble": Kind(babble, {}),
    "coloured": Kind(coloured, {"slope": Range(-1, 8)}),
    "engine": Kind(
        engine,
        {
            "speed": Range(15, 70, log=True),
            "wander": Range(0.02, 0.2, log=True),
            "resonance": Range(100, 800, log=True),
        },
    ),
    "hum": Kind(hum, {"frequency": Range(45, 240, log=True), "fall": Range(3, 9)}),
    "knocks": Kind(
        knocks,
        {
            "rate": Range(2, 16, log=True),
            "resonance": Range(200, 4000, log=True),
            "decay": Range(0.004, 0.05, log=True),
        },
    ),
    "melody": Kind(melody, {"root": Range(110, 700, log=True), "tempo": Range(2, 8, log=True), "fall": Range(6, 14)}),
    "modulated": Kind(modulated, {"rate": Range(1, 20, log=True), "depth": Range(0.7, 1), "slope": Range(0, 6)}),
    "rain": Kind(rain, {"rate": Range(100, 3000, log=True), "resonance": Range(800, 6000, log=True)}),
    "siren": Kind(
        siren, {"frequency": Range(350, 2500, log=True), "rate": Range(0.3, 6, log=True), "width": Range(0.2, 1.5)}
    ),
    "wind": Kind(wind, {"cutoff": Range(100, 900, log=True), "gusts": Range(0.2, 1.5, log=True)}),
}


def render(folder: Path, clips: Iterable[Mapping[str, Any]]) -> None:
    """Write clips to `folder` / audio.

    A clip has audio, label (the kind), samples (its length) and parameters; those of babble are its talkers.
    """
    for clip in clips:
        rng, time = generator("noise", clip["audio"]), np.arange(clip["samples"]) / RATE
        write(folder / clip["audio"], KINDS[clip["label"]].make(rng, time, **clip["parameters"]))


def _harmonics(rng: Rng, phase: np.ndarray, frequency: float, fall: float) -> np.ndarray:
    """Up to twelve harmonics below 7.5 kHz with random phases, falling by `fall` dB per octave."""
    orders = np.arange(1, 1 + min(12, int(7500 / frequency)))
    return sum(order ** (-fall / 6.02) * np.sin(order * phase + rng.uniform(0, 2 * np.pi)) for order in orders)


def _pulses(cycles: np.ndarray, strengths: np.ndarray) -> np.ndarray:
    """A pulse of the next strength whenever the running count of cycles passes a whole number."""
    whole = cycles.astype(np.int64)
    fired = np.diff(whole, prepend=0) > 0
    return np.where(fired, strengths[whole], 0.0)
