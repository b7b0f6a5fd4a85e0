"""Text to speech at 16 kHz by the library espeak-ng, called through ctypes; the renderer of spoken corpora.

The library keeps state from one utterance to the next (phases, noise), so a clip depends on what the process spoke
before it. Clips are therefore divided into fixed units, each spoken in order by a process of its own.
"""

import ctypes
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from benchmark.corpora.synthetic._wav import RATE, trim, write

# Constants of espeak-ng's speak_lib.h.
SYNCHRONOUS, DONT_EXIT, UTF8 = 2, 0x8000, 1
PARAMETERS = {"rate": 1, "volume": 2, "pitch": 3, "range": 4}  # rate in words per minute, the others from 0 to 100
VOLUME = 60  # below the default of 100, at which some variants clip


class Synthesiser:
    """The espeak-ng library of the package espeakng-loader; at most one per process, see `synthesiser`."""

    def __init__(self) -> None:
        import espeakng_loader

        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        self._rate = self._library.espeak_Initialize(
            SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), DONT_EXIT
        )
        if self._rate <= 0:
            raise RuntimeError("espeak-ng did not start")
        self._library.espeak_ng_SetRandSeed(ctypes.c_long(1))
        self._parts: list[bytes] = []
        signature = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
        self._callback = signature(self._receive)  # kept, since ctypes holds no reference
        self._library.espeak_SetSynthCallback(self._callback)

    def _receive(self, samples: Any, count: int, events: Any) -> int:
        if samples and count > 0:
            self._parts.append(ctypes.string_at(samples, 2 * count))
        return 0

    def speak(self, text: str, voice: str, rate: int, pitch: int, range: int) -> np.ndarray:
        """Speech as float64, (time,) at 16 kHz.

        Args:
            text: what is said
            voice: accent and variant, such as en-us+m3
            rate: words per minute
            pitch, range: from 0 to 100, on espeak-ng's scale
        Raises:
            ValueError: there is no such voice
        """
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ValueError(f"espeak-ng has no voice {voice}")
        for name, value in {"rate": rate, "volume": VOLUME, "pitch": pitch, "range": range}.items():
            self._library.espeak_SetParameter(PARAMETERS[name], value, 0)
        self._parts.clear()
        encoded = text.encode()
        self._library.espeak_Synth(encoded, len(encoded) + 1, 0, 1, 0, UTF8, None, None)
        self._library.espeak_Synchronize()
        audio = np.frombuffer(b"".join(self._parts), "<i2") / 32768
        # In double precision, so that differences in rounding between processors vanish in 16 bits.
        return soxr.resample(audio, self._rate, RATE, quality="VHQ")


@cache
def synthesiser() -> Synthesiser:
    """The Synthesiser of this process."""
    return Synthesiser()


def render(folder: Path, clips: Iterable[Mapping[str, Any]]) -> None:
    """Speak clips in order and write them, trimmed, to `folder` / audio.

    A clip has audio, text, voice, rate, pitch and range.
    """
    for clip in clips:
        spoken = synthesiser().speak(clip["text"], clip["voice"], clip["rate"], clip["pitch"], clip["range"])
        write(folder / clip["audio"], trim(spoken))
