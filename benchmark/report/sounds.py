"""Sounds as files for browsers: 16-bit WAV, and spectrograms."""

import io
from pathlib import Path

import numpy as np
from matplotlib.image import imsave
from scipy.signal import stft

from benchmark import audio
from benchmark.contracts import SAMPLE_RATE
from benchmark.report.listening import KeptScene

PEAK = 0.9  # of full scale, for the loudest sample of the noisy and the clean signal
WINDOW = 256  # samples of a Hann window, half of them new: 16 ms, 62.5 Hz
RANGE = 70.0  # of spectrograms, dB below the loudest point of a scene


def factor(scene: KeptScene) -> float:
    """The one factor for all sounds of a scene, so that their levels compare.

    With it the noisy and the clean signal fit, whatever front-ends made of them.
    """
    takes = list(scene.takes.values())
    peak = max(float(np.abs(take.sound).max()) for take in [take for take in takes if take.kind != "enhanced"] or takes)
    return PEAK / peak if peak > 0 else 1.0


def clips(scene: KeptScene, digest: str) -> bool:
    """Whether a take is too loud for the factor of its scene, and is cut off at full scale."""
    return float(np.abs(scene.takes[digest].sound).max()) * factor(scene) > 1


def write_sounds(scene: KeptScene, folder: Path) -> None:
    """Write a WAV file and a spectrogram of every take.

    Spectrograms show the mean over ears, 0 to 8 kHz from below, with the same range of dB for all takes of the scene.
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


def name(scene: KeptScene, digest: str) -> str:
    """The name of a take's files; it has the factor, for two scenes may show the same sound at different levels."""
    return f"{digest[:12]}-{round(1000 * factor(scene))}"


def spectrogram(sound: np.ndarray) -> np.ndarray:
    """Level in dB, (frequencies, frames), from (channels, time)."""
    magnitude = np.abs(stft(sound.mean(0), SAMPLE_RATE, nperseg=WINDOW)[2])
    return 20 * np.log10(np.maximum(magnitude, 1e-7))
