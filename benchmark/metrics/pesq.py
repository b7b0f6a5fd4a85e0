"""PESQ, wide-band: speech quality against a clean reference, as a MOS from 1.0 to 4.64."""

import numpy as np
from pesq import PesqError
from pesq import pesq as package_pesq

from benchmark.contracts import SAMPLE_RATE, Figure, Metric, Signals, Undefined
from benchmark.metrics._checks import check_pair, pair
from benchmark.metrics._pesq_utterances import MOST, too_many


def pesq(reference: np.ndarray, estimate: np.ndarray, sample_rate: int = SAMPLE_RATE) -> float:
    """Wide-band PESQ (ITU-T P.862.2), MOS-LQO from 1.0 to 4.644, by the package `pesq`.

    Args:
        reference, estimate: (time,), of equal length, at least a quarter of a second
        sample_rate: 16000, the only rate of the wide-band standard
    Raises:
        Undefined: where either signal is silent or PESQ fails. It is the reference's fault where PESQ cannot rate the
            reference against itself, or the reference has more than 50 utterances, for which PESQ has no room.
        ValueError: where signals are not floats of the shape (time,), or the sample rate is another
    """
    if sample_rate != SAMPLE_RATE:
        raise ValueError(f"wide-band PESQ hears {SAMPLE_RATE} Hz, not {sample_rate}")
    check_pair(reference, estimate)
    if too_many(reference):
        raise Undefined(f"PESQ: the reference has more than {MOST} utterances", "reference")
    try:
        return float(package_pesq(sample_rate, reference, estimate, "wb"))
    except (PesqError, ValueError) as error:
        reason = f"PESQ: {_text(error)}"
    try:
        package_pesq(sample_rate, reference, reference, "wb")
    except (PesqError, ValueError):
        raise Undefined(reason, "reference") from None
    raise Undefined(reason, "estimate")


class PESQ(Metric):
    """Perceptual evaluation of speech quality."""

    figures = {"pesq": Figure(best=4.644, floor=1.0, worst=0.999, unit="MOS")}  # P.862.2 maps onto (0.999, 4.644)
    needs = frozenset({"clean"})
    source = "ITU-T P.862.2 (2007)"

    def measure(self, signals: Signals) -> dict[str, float]:
        """See pesq."""
        return {"pesq": pesq(*pair(signals))}


def _text(error: Exception) -> str:
    first = error.args[0] if error.args else type(error).__name__
    return first.decode() if isinstance(first, bytes) else str(first)
