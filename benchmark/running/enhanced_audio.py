"""Enhanced test scenes on disk: one file of samples, and an index of where those of each scene are.

    audio.f32     float32, little-endian, one scene after the other, (channels, samples) each
    index.jsonl   a line for each scene and listener: where its samples are, or why the front-end failed on it

Samples are not converted: what is scored is the output, bit by bit.
"""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import torch
from torch import Tensor

from benchmark.errors import EarmarkError
from benchmark.store import canonical

AUDIO, INDEX = "audio.f32", "index.jsonl"


class Output(NamedTuple):
    """The result of enhancing one scene: audio, or the reason why there is none."""

    audio: Tensor | None = None  # (1, channels, samples)
    shared: Tensor | None = None  # (1, frames, features), of an encoder that task models share
    failed: str | None = None


class EnhancedWriter:
    """Appends outputs to the two files."""

    def __init__(self, audio: BinaryIO, index: BinaryIO) -> None:
        self.audio, self.index, self.position = audio, index, 0  # in samples

    def add(self, scene: str, listener: str, output: Output) -> None:
        """Append one scene's output."""
        entry: dict[str, Any] = {"scene": scene, "listener": listener, "failed": output.failed}
        for name in ("audio", "shared"):
            tensor = getattr(output, name)
            if tensor is not None:
                values = np.ascontiguousarray(tensor[0].cpu().numpy(), "<f4")
                entry[name] = {"at": self.position, "shape": list(values.shape)}
                self.audio.write(values.tobytes())
                self.position += values.size
        self.index.write(f"{canonical(entry)}\n".encode())


@contextmanager
def writing(folder: Path) -> Iterator[EnhancedWriter]:
    """Open both files in a folder for writing."""
    with (folder / AUDIO).open("wb") as audio, (folder / INDEX).open("wb") as index:
        yield EnhancedWriter(audio, index)


class EnhancedAudio:
    """The outputs in a folder, by scene and listener. Each is read when it is asked for."""

    def __init__(self, folder: Path) -> None:
        try:
            lines = [json.loads(line) for line in (folder / INDEX).read_bytes().splitlines()]
            self.entries = {(line["scene"], line["listener"]): line for line in lines}
            empty = (folder / AUDIO).stat().st_size == 0  # which cannot be mapped
            self.samples = np.zeros(0, "<f4") if empty else np.memmap(folder / AUDIO, "<f4", "r")
            for line in lines:
                self._check(line)
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise EarmarkError(f"{folder}: no enhanced audio; delete the folder and run again") from error

    def get(self, scene: str, listener: str = "") -> Output:
        """The output for a scene. Raises EarmarkError where it was not enhanced."""
        entry = self.entries.get((scene, listener))
        if entry is None:
            raise EarmarkError(f"{scene}: it was not enhanced; delete the record's enhanced audio and run again")
        return Output(self._tensor(entry.get("audio")), self._tensor(entry.get("shared")), entry["failed"])

    def _check(self, line: dict[str, Any]) -> None:
        """Raise ValueError, KeyError or TypeError where a line of the index is none."""
        if not isinstance(line["failed"], str | None):
            raise ValueError("no reason")
        for entry in filter(None, (line.get("audio"), line.get("shared"))):
            start, shape = entry["at"], entry["shape"]
            numbers = (start, *shape)
            if not all(isinstance(number, int) and number >= 0 for number in numbers):
                raise ValueError("no place of samples")
            if start + math.prod(shape) > len(self.samples):
                raise ValueError("the audio is cut short")

    def _tensor(self, entry: dict[str, Any] | None) -> Tensor | None:
        if entry is None:
            return None
        start, shape = entry["at"], entry["shape"]
        values = np.array(self.samples[start : start + int(np.prod(shape))]).reshape(shape)
        return torch.from_numpy(values)[None]
