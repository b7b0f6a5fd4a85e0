"""A folder of enhanced WAV files, made by any program from the suite's exported mixtures."""

from pathlib import Path

import numpy as np
import torch

from benchmark import audio
from benchmark.contracts import Enhanced, FrontEnd, Heard
from benchmark.errors import EarmarkError


class Folder(FrontEnd):
    """Reads `<path>/<name>.wav` for every scene, where the name is the one that the mixture was exported under.

    A file has the channels and the length of its mixture. The level is part of what is judged, so float samples are best.
    """

    channels = None
    dropped_in_only = True

    def __init__(self, path: str) -> None:
        """`path` of the folder; EarmarkError where there is none."""
        super().__init__()
        self.path = Path(path).expanduser()
        if not self.path.is_dir():
            raise EarmarkError(f"{path}: no such folder; it should hold one enhanced WAV file for each exported mixture")

    def process(self, heard: Heard, **controls: float) -> Enhanced:
        """The files for (batch, channels, time). EarmarkError names one that is missing, unreadable, not finite, or of another shape than its mixture."""
        enhanced = torch.zeros_like(heard.audio)
        for index, (name, length) in enumerate(zip(heard.names, heard.lengths.tolist(), strict=True)):
            path = self.path / f"{name}.wav"
            samples = self._read(path)
            expected = (heard.audio.shape[1], length)
            if samples.shape != expected:
                raise EarmarkError(f"{path}: {_shape(samples.shape)}, the mixture has {_shape(expected)}; write the output with the shape of its input")
            enhanced[index, :, :length] = torch.from_numpy(samples)
        return Enhanced(enhanced)

    @staticmethod
    def _read(path: Path) -> np.ndarray:
        if not path.is_file():
            raise EarmarkError(f"{path}: no such file; enhance every exported mixture and keep its name")
        try:
            return audio.read(path)
        except EarmarkError as error:
            raise EarmarkError(f"{str(error).partition(';')[0]}; enhance its mixture again") from error


def _shape(shape: tuple[int, ...]) -> str:
    return f"{shape[0]} channel{'s' if shape[0] > 1 else ''} of {shape[1]} samples"
