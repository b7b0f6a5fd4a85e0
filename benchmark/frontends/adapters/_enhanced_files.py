"""Reading and checking files of enhanced audio."""

from pathlib import Path

import numpy as np

from benchmark import audio
from benchmark.errors import EarmarkError

FULL_SCALE = 10  # number of samples at full scale from which a file counts as clipped; ours


def read_enhanced(path: Path, shape: tuple[int, int], sample_rate: int) -> np.ndarray:
    """The enhanced audio for a mixture, float32 of the same shape.

    Args:
        path: of the file
        shape: of the mixture, (channels, samples)
        sample_rate: of the mixture, in Hz
    Raises:
        EarmarkError: the file is missing, unreadable, cut short or not finite, or its rate or shape is not that of the
            mixture; the message is one line that names the file
    """
    if not path.is_file():
        raise EarmarkError(f"{path}: no such file; enhance every exported mixture and keep its name")
    try:
        samples = audio.read(path, None)
    except EarmarkError as error:
        raise EarmarkError(f"{str(error).partition(';')[0]}; enhance its mixture again") from error
    if (rate := audio.header(path).rate) != sample_rate:
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
    """The number of clipped samples among (channels, samples) of a file, or 0 if there are fewer than FULL_SCALE.

    In PCM files, samples at full scale count. Float samples have no range of their own; but if none exceeds 1.0, a
    program may have limited them, and samples at full scale count if a neighbour has the same value.
    """
    full = np.abs(samples) >= 1 - 2.0**-15
    if not audio.header(path).subtype.startswith("PCM"):
        flat = full[:, 1:] & (samples[:, 1:] == samples[:, :-1]) & (np.abs(samples).max(initial=0) <= 1)
        full = np.pad(flat, ((0, 0), (1, 0))) | np.pad(flat, ((0, 0), (0, 1)))
    count = int(np.count_nonzero(full))
    return count if count >= FULL_SCALE else 0


def _shown(shape: tuple[int, ...]) -> str:
    return f"{shape[0]} channel{'s' if shape[0] > 1 else ''} of {shape[1]} samples"
