"""Sounds as files that browsers play and show: WAV of 16 bits, and spectrograms."""

import io
from pathlib import Path

import numpy as np
from matplotlib.image import imsave
from scipy.signal import stft

from benchmark import audio
from benchmark.contracts import SAMPLE_RATE
from benchmark.report.listening import Scene

PEAK = 0.9  # of full scale, of the loudest sample of what was there before any front-end
WINDOW = 256  # samples of a Hann window, half of them new: 16 ms, 62.5 Hz
RANGE = 70.0  # dB below the loudest point of a scene


def factor(scene: Scene) -> float:
    """What all sounds of a scene are multiplied by, so that their levels compare: the noisy and the clean one fit,
    whatever front-ends made of them.
    """
    takes = list(scene.takes.values())
    peak = max(float(np.abs(take.sound).max()) for take in [take for take in takes if take.kind != "enhanced"] or takes)
    return PEAK / peak if peak > 0 else 1.0


def clips(scene: Scene, digest: str) -> bool:
    """Whether a take is too loud for that, and is heard cut off at full scale."""
    return float(np.abs(scene.takes[digest].sound).max()) * factor(scene) > 1


def write_sounds(scene: Scene, folder: Path) -> None:
    """Write a WAV file and a picture of every take: 0 to 8 kHz from below, the mean of the ears, the same range of dB
    for all takes of the scene.
    """
    scale = factor(scene)
    levels = {digest: spectrogram(take.sound) for digest, take in scene.takes.items()}
    top = max(float(level.max()) for level in levels.values())
    for digest, take in scene.takes.items():
        audio.write(
            folder / f"{name(scene, digest)}.wav", np.round(np.clip(take.sound * scale, -1, 1) * 32767).astype(np.int16)
        )
        picture = io.BytesIO()
        imsave(
            picture,
            levels[digest],
            vmin=top - RANGE,
            vmax=top,
            cmap="magma",
            origin="lower",
            format="png",
            metadata={"Software": "Earmark"},
        )
        (folder / f"{name(scene, digest)}.png").write_bytes(picture.getvalue())


def name(scene: Scene, digest: str) -> str:
    """The name of a take's files; scenes have scales of their own, so that two may show one sound differently."""
    return f"{digest[:12]}-{round(1000 * factor(scene))}"


def spectrogram(sound: np.ndarray) -> np.ndarray:
    """Level in dB, (frequencies, frames), from (channels, time)."""
    magnitude = np.abs(stft(sound.mean(0), SAMPLE_RATE, nperseg=WINDOW)[2])
    return 20 * np.log10(np.maximum(magnitude, 1e-7))
