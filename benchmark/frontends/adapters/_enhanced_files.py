"""Enhanced audio that comes as files: read, and what may be wrong with them."""

from pathlib import Path

import numpy as np
import soundfile

from benchmark import audio
from benchmark.errors import EarmarkError

FULL_SCALE = 10  # samples at full scale from which a file counts as clipped; ours


def read_enhanced(path: Path, shape: tuple[int, int], sample_rate: int) -> np.ndarray:
    """The output for a mixture of `shape` (channels, samples) at `sample_rate`, float32.

    Raises EarmarkError, one line that names the file: missing, unreadable, cut short, not finite, of another rate or
    shape than its mixture.
    """
    if not path.is_file():
        raise EarmarkError(f"{path}: no such file; enhance every exported mixture and keep its name")
    try:
        samples = audio.read(path, None)
    except EarmarkError as error:
        raise EarmarkError(f"{str(error).partition(';')[0]}; enhance its mixture again") from error
    if (rate := soundfile.info(path).samplerate) != sample_rate:
        raise EarmarkError(
            f"{path}: resampled to {rate} Hz, the mixture has {sample_rate}; write the output at the rate of its input"
        )
    if samples.shape != shape:
        raise EarmarkError(
            f"{path}: {_shown(samples.shape)}, the mixture has {_shown(shape)}; write the output with the shape of its "
            "input"
        )
    return samples


def clipped(path: Path, samples: np.ndarray) -> int:
    """How many samples of (channels, samples) stand at the ends of their range; 0 where there are few.

    Floats have no range. Where none exceeds 1.0 a program may have made one: then samples at full scale count that have
    a neighbour of the same value.
    """
    full = np.abs(samples) >= 1 - 2.0**-15
    if not soundfile.info(path).subtype.startswith("PCM"):
        flat = full[:, 1:] & (samples[:, 1:] == samples[:, :-1]) & (np.abs(samples).max(initial=0) <= 1)
        full = np.pad(flat, ((0, 0), (1, 0))) | np.pad(flat, ((0, 0), (0, 1)))
    count = int(np.count_nonzero(full))
    return count if count >= FULL_SCALE else 0


def _shown(shape: tuple[int, ...]) -> str:
    return f"{shape[0]} channel{'s' if shape[0] > 1 else ''} of {shape[1]} samples"
