"""ESTOI: extended short-time objective intelligibility against a clean reference, at most 1."""

import numpy as np

from benchmark.contracts import SAMPLE_RATE, Figure, Metric, Signals
from benchmark.metrics._checks import pair
from benchmark.metrics._pystoi import measure


def estoi(reference: np.ndarray, estimate: np.ndarray, sample_rate: int = SAMPLE_RATE) -> float:
    """Extended short-time objective intelligibility, at most 1 (Jensen, Taal, IEEE TASLP 2016), by pystoi.

    Args:
        reference, estimate: (time,), of equal length
        sample_rate: Hz
    Raises:
        Undefined: where either signal is silent, or the reference has less than 30 frames (0.4 s) of speech
        ValueError: where signals are not floats of the shape (time,), or the sample rate cannot be used
    """
    return measure(reference, estimate, sample_rate, extended=True)


class ESTOI(Metric):
    """Extended short-time objective intelligibility."""

    figures = {"estoi": Figure(best=1.0, floor=0.0, worst=-1.0)}
    needs = frozenset({"clean"})
    source = "Jensen, Taal, IEEE TASLP 2016"

    def measure(self, signals: Signals) -> dict[str, float]:
        """See estoi."""
        return {"estoi": estoi(*pair(signals))}
