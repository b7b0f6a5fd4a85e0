"""Speaking styles (ours): prosody set in espeak-ng, voice quality by signal processing; the renderer of prosody.py.

Arrays are float64, (time,) at 16 kHz. A style is a range for every parameter. Neighbouring styles share most of their
ranges, so that no single cue tells a style: agitated and lively are both high and wide in pitch, subdued and stern both
low and narrow, and pauses, vocal effort and phonation tell them apart.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.corpora.synthetic._espeak import synthesiser
from benchmark.corpora.synthetic._seeded_random import Range, generator
from benchmark.corpora.synthetic._wav import RATE, trim, write

Rng = np.random.Generator

# rate, range: factors on the voice's own
# pitch: steps above the voice's own, on espeak-ng's scale from 0 to 100
# drift: steps of pitch from the first phrase to the second
# pause: seconds between the phrases
# tilt: dB per octave above 500 Hz, higher with more vocal effort
# fade: dB by which the end is louder than the start
# accent: exponent of the envelope; above 1, stresses stand out
# breath: dB of noise re speech
# tremor: share by which the pitch wavers
STYLES: Mapping[str, Mapping[str, Range]] = {
    "neutral": {
        "rate": Range(1.15, 1.4, log=True),
        "pitch": Range(-8, 6),
        "range": Range(0.7, 1.1),
        "drift": Range(-6, 0),
        "pause": Range(0.0, 0.1),
        "tilt": Range(-1.5, 1.0),
        "fade": Range(-3, 0),
        "accent": Range(0.9, 1.1),
        "breath": Range(-36, -28),
        "tremor": Range(0.0, 0.006),
    },
    "agitated": {
        "rate": Range(1.35, 1.8, log=True),
        "pitch": Range(4, 24),
        "range": Range(1.1, 1.8),
        "drift": Range(0, 12),
        "pause": Range(0.0, 0.06),
        "tilt": Range(0.5, 4.5),
        "fade": Range(0, 6),
        "accent": Range(0.9, 1.3),
        "breath": Range(-40, -30),
        "tremor": Range(0.0, 0.025),
    },
    "lively": {
        "rate": Range(1.15, 1.5, log=True),
        "pitch": Range(2, 24),
        "range": Range(1.3, 2.0),
        "drift": Range(-14, -2),
        "pause": Range(0.0, 0.15),
        "tilt": Range(-1.5, 1.5),
        "fade": Range(-3, 2),
        "accent": Range(1.2, 1.8),
        "breath": Range(-34, -24),
        "tremor": Range(0.0, 0.015),
    },
    "subdued": {
        "rate": Range(1.0, 1.3, log=True),
        "pitch": Range(-20, 2),
        "range": Range(0.3, 0.9),
        "drift": Range(-10, 0),
        "pause": Range(0.05, 0.35),
        "tilt": Range(-4.5, -1),
        "fade": Range(-8, -1),
        "accent": Range(0.8, 1.05),
        "breath": Range(-30, -18),
        "tremor": Range(0.0, 0.015),
    },
    "stern": {
        "rate": Range(1.05, 1.4, log=True),
        "pitch": Range(-20, 2),
        "range": Range(0.4, 0.9),
        "drift": Range(-4, 6),
        "pause": Range(0.08, 0.4),
        "tilt": Range(0.0, 4.0),
        "fade": Range(-2, 3),
        "accent": Range(1.1, 1.7),
        "breath": Range(-40, -30),
        "tremor": Range(0.0, 0.006),
    },
}
# Punctuation, from which espeak-ng makes its contours: . falling, comma continued, ! emphatic, ? rising.
ENDINGS = {"neutral": ".,", "agitated": "!.", "lively": "!?", "subdued": ".,", "stern": ".!"}


def render(folder: Path, clips: Iterable[Mapping[str, Any]]) -> None:
    """Speak clips in order and write them to `folder` / audio.

    A clip has audio, phrases (the arguments of Synthesiser.speak for each), and style: the parameters of STYLES from
    pause on.
    """
    for clip in clips:
        phrases = [trim(synthesiser().speak(**phrase)) for phrase in clip["phrases"]]
        write(folder / clip["audio"], styled(generator("prosody", clip["audio"]), phrases, **clip["style"]))


def styled(
    rng: Rng,
    phrases: list[np.ndarray],
    pause: float,
    tilt: float,
    fade: float,
    accent: float,
    breath: float,
    tremor: float,
) -> np.ndarray:
    """Phrases joined by a pause, with vocal effort, dynamics and phonation applied; parameters as in STYLES."""
    silence = np.zeros(round(pause * RATE))
    speech = np.concatenate([phrases[0], *(part for phrase in phrases[1:] for part in (silence, phrase))])
    speech = filtered(wavering(rng, speech, tremor), lambda hertz: np.maximum(hertz / 500, 1) ** (tilt / 6.02))
    level = envelope(speech)
    noise = filtered(rng.standard_normal(len(speech)), lambda hertz: hertz > 1500)
    ramp = 10 ** (np.linspace(-fade / 2, fade / 2, len(speech)) / 20)
    return (speech + 10 ** (breath / 20) * level * noise) * (level / level.max()) ** (accent - 1) * ramp


def wavering(rng: Rng, speech: np.ndarray, depth: float) -> np.ndarray:
    """Speech whose pitch wavers by a share `depth`, five to seven times per second, by a varying delay."""
    rate, time = rng.uniform(5, 7), np.arange(len(speech)) / RATE
    delay = depth / (2 * np.pi * rate) * np.sin(2 * np.pi * (rate * time + rng.random()))
    return np.interp(time + delay, time, speech)


def envelope(speech: np.ndarray) -> np.ndarray:
    """The amplitude envelope below about 10 Hz, at least 0.001 of its maximum."""
    smooth = filtered(np.abs(speech), lambda hertz: np.exp(-((hertz / 10) ** 2)))
    return np.maximum(smooth, 1e-3 * smooth.max())


def filtered(sound: np.ndarray, gain: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Zero-phase filter with a gain given as a function of frequency in Hz."""
    count = -(-len(sound) // 1600) * 1600  # a length that suits the Fourier transform
    return np.fft.irfft(np.fft.rfft(sound, count) * gain(np.fft.rfftfreq(count, 1 / RATE)), count)[: len(sound)]
