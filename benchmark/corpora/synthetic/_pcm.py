"""What every generated clip goes through: trimming, level, 16-bit PCM at 16 kHz. Arrays are float64, (time,)."""

import wave
from pathlib import Path

import numpy as np

RATE = 16_000  # Hz
LEVEL = 10 ** (-26 / 20)  # rms re full scale
PEAK = 0.95  # nothing clips: a clip whose peak would pass this is softer than LEVEL


def trim(audio: np.ndarray, below: float = 40.0, margin: float = 0.03) -> np.ndarray:
    """Cut off what lies more than `below` dB under the loudest 10 ms at either end, keeping `margin` seconds."""
    frame = RATE // 100
    frames = audio[: len(audio) // frame * frame].reshape(-1, frame)
    power = np.square(frames).mean(1)
    loud = np.flatnonzero(power > power.max() * 10 ** (-below / 10))
    start = max(int(loud[0]) * frame - round(margin * RATE), 0)
    return audio[start : (int(loud[-1]) + 1) * frame + round(margin * RATE)]


def write(path: Path, audio: np.ndarray) -> None:
    """Bring to LEVEL and write as mono 16-bit PCM. The standard library's writer: its bytes depend on no other
    package.
    """
    gain = min(LEVEL / np.sqrt(np.square(audio).mean()), PEAK / np.abs(audio).max())
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.rint(audio * gain * 32767).astype("<i2").tobytes())
