"""Short-time objective intelligibility, STOI and its extension ESTOI, by the package pystoi. One utterance a call."""

import warnings

import numpy as np
import pystoi

from benchmark.contracts import SAMPLE_RATE, Figure
from benchmark.metrics import Undefined, check_pair

ESTOI = STOI = Figure(best=1.0, floor=0.0, worst=-1.0)


def stoi(reference: np.ndarray, estimate: np.ndarray, sample_rate: int = SAMPLE_RATE) -> float:
    """Short-time objective intelligibility, at most 1 (Taal, Hendriks, Heusdens, Jensen, IEEE TASLP 2011).

    Args:
        reference, estimate: (time,), of equal length
        sample_rate: Hz
    Raises:
        Undefined: where either signal is silent, or where the reference has less than 30 frames (0.4 s) of speech.
            pystoi returns 1e-5, or chance, there.
    """
    return _measure(reference, estimate, sample_rate, extended=False)


def estoi(reference: np.ndarray, estimate: np.ndarray, sample_rate: int = SAMPLE_RATE) -> float:
    """Extended short-time objective intelligibility, at most 1 (Jensen, Taal, IEEE TASLP 2016); arguments and errors as
    in stoi.
    """
    return _measure(reference, estimate, sample_rate, extended=True)


def _measure(reference: np.ndarray, estimate: np.ndarray, sample_rate: int, extended: bool) -> float:
    check_pair(reference, estimate)
    state = np.random.get_state()
    # ESTOI adds a trace of noise, which decides the value where an output has pauses of digital silence
    np.random.seed(0)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message="Not enough STFT frames")
            return float(pystoi.stoi(reference, estimate, sample_rate, extended=extended))
    except (RuntimeWarning, np.exceptions.AxisError):
        # not 30 frames, not one: it is the reference that decides which frames are kept
        raise Undefined("STOI: less than 30 frames of speech in the reference", "reference") from None
    finally:
        np.random.set_state(state)
