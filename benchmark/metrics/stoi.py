"""STOI: short-time objective intelligibility against a clean reference, at most 1."""

import numpy as np

from benchmark.contracts import SAMPLE_RATE, Figure, Metric, Signals
from benchmark.metrics._checks import pair
from benchmark.metrics._pystoi import measure


def stoi(reference: np.ndarray, estimate: np.ndarray, sample_rate: int = SAMPLE_RATE) -> float:
    """Short-time objective intelligibility, at most 1 (Taal, Hendriks, Heusdens, Jensen, IEEE TASLP 2011), by pystoi.

    Args:
        reference, estimate: (time,), of equal length
        sample_rate: Hz
    Raises:
        Undefined: where either signal is silent, or the reference has less than 30 frames (0.4 s) of speech
        ValueError: where signals are not floats of the shape (time,), or the sample rate cannot be used
    """
    return measure(reference, estimate, sample_rate, extended=False)


class STOI(Metric):
    """Short-time objective intelligibility."""

    figures = {"stoi": Figure(best=1.0, floor=0.0, worst=-1.0)}
    needs = frozenset({"clean"})
    source = "Taal, Hendriks, Heusdens, Jensen, IEEE TASLP 2011"

    def measure(self, signals: Signals) -> dict[str, float]:
        """See stoi."""
        return {"stoi": stoi(*pair(signals))}
