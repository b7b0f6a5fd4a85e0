"""The audio that a record keeps for listeners: that of a few scenes, just as the task was scored on it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from benchmark import audio
from benchmark.conditions import CLEAN, SNR, owned
from benchmark.store import write_text

SCENES = 2  # of each task; the first that are scored
INDEX = "audio.json"


class KeptAudio:
    """Collects the audio of the first scenes, at the lowest and the middle SNR, for the first listener if any.

    It is kept as 32-bit floats, where an rms of 1.0 is 100 dB SPL: bit by bit what was scored.
    """

    def __init__(self, snrs: Sequence[float | str]) -> None:
        noisy = sorted(float(snr) for snr in snrs if snr != CLEAN)
        self.planned = {SNR.text(snr) for snr in snrs}
        self.wanted = {SNR.text(snr) for snr in (noisy[0], noisy[len(noisy) // 2])} if noisy else self.planned
        self.listener: Mapping[str, str] | None = None  # the first, by the axes that make it up
        self.bases: list[str] = []
        self.kept: list[tuple[dict[str, Any], np.ndarray]] = []

    def add(self, record: Mapping[str, Any], heard: Tensor | None) -> None:
        """Keep the audio that a task model got, (channels, time), if it is among those wanted.

        `record` has scene, base and conditions. `heard` is None where the front-end failed; the scene counts all the
        same, so that the same scenes are kept of all systems.
        """
        conditions = record["conditions"]
        listener = owned(conditions, "listener")
        self.listener = listener if self.listener is None else self.listener
        if record["base"] not in self.bases and len(self.bases) < SCENES:
            self.bases.append(record["base"])
        # A scene that its corpus mixed has an SNR of its own, which was not planned.
        passed_over = conditions.get("snr") in self.planned - self.wanted
        if heard is not None and record["base"] in self.bases and not passed_over and listener == self.listener:
            entry = {
                "scene": record["scene"],
                "base": record["base"],
                "conditions": dict(conditions),
                "file": f"{len(self.kept)}.wav",
            }
            self.kept.append((entry, heard.cpu().numpy().copy()))

    def write(self, folder: Path) -> None:
        """Write the WAV files and their index, audio.json: a list with scene, base, conditions and file of each."""
        for entry, signal in self.kept:
            audio.write(folder / entry["file"], signal)
        write_text(folder / INDEX, json.dumps([entry for entry, _ in self.kept], indent=1))
