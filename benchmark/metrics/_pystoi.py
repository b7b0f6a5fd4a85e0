"""STOI and ESTOI by the package pystoi, without its pitfalls."""

import warnings

import numpy as np
import pystoi

from benchmark.contracts import Undefined
from benchmark.metrics._checks import check_pair, check_rate


def measure(reference: np.ndarray, estimate: np.ndarray, sample_rate: int, extended: bool) -> float:
    """STOI, or ESTOI if `extended`, of (time,) and (time,).

    Raises:
        Undefined: where either signal is silent, or the reference has less than 30 frames (0.4 s) of speech, where
            pystoi returns 1e-5 or a random value
        ValueError: where signals are not floats of the shape (time,), or the sample rate cannot be used
    """
    check_rate(sample_rate, 10_000)
    check_pair(reference, estimate)
    state = np.random.get_state()
    # ESTOI adds a little noise, which decides the value where the output has digitally silent pauses.
    np.random.seed(0)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message="Not enough STFT frames")
            return float(pystoi.stoi(reference, estimate, sample_rate, extended=extended))
    except (RuntimeWarning, np.exceptions.AxisError):
        # Fewer than 30 frames, or none. The reference alone decides which frames are kept.
        raise Undefined("STOI: less than 30 frames of speech in the reference", "reference") from None
    finally:
        np.random.set_state(state)
