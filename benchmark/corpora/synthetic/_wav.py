"""Trimming, level and writing of generated clips: mono 16-bit PCM at 16 kHz; arrays are float64, (time,)."""

import wave
from pathlib import Path

import numpy as np

RATE = 16_000  # Hz
LEVEL = 10 ** (-26 / 20)  # rms re full scale: -26 dB
PEAK = 0.95  # re full scale; a clip whose peak would exceed it is made softer than LEVEL, so that nothing clips


def trim(audio: np.ndarray, below: float = 40.0, margin: float = 0.03) -> np.ndarray:
    """Cut off both ends where they are `below` dB softer than the loudest 10 ms, but keep `margin` seconds of each."""
    frame = RATE // 100
    frames = audio[: len(audio) // frame * frame].reshape(-1, frame)
    power = np.square(frames).mean(1)
    loud = np.flatnonzero(power > power.max() * 10 ** (-below / 10))
    start = max(int(loud[0]) * frame - round(margin * RATE), 0)
    return audio[start : (int(loud[-1]) + 1) * frame + round(margin * RATE)]


def write(path: Path, audio: np.ndarray) -> None:
    """Scale a clip to LEVEL and write it as mono 16-bit PCM, making its folder.

    The standard library writes the file, so that its bytes depend on no other package.
    """
    gain = min(LEVEL / np.sqrt(np.square(audio).mean()), PEAK / np.abs(audio).max())
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.rint(audio * gain * 32767).astype("<i2").tobytes())
