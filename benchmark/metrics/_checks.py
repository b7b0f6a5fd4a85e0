"""What a metric checks before it measures: silence, lengths, and values that are not finite."""

import numpy as np
from torch import Tensor

from benchmark.audio import TINY
from benchmark.contracts import Signals, Undefined


def pair(signals: Signals) -> tuple[np.ndarray, np.ndarray]:
    """Reference and output, (time,) in float64; Undefined as in check_pair."""
    assert signals.clean is not None
    reference, estimate = signals.clean.double().numpy(), signals.audio.double().numpy()
    check_pair(reference, estimate)
    return reference, estimate


def check_pair(reference: np.ndarray, estimate: np.ndarray) -> None:
    """Raise Undefined where (time,) and (time,) differ in length, or where either is silent or not finite."""
    if not np.square(reference).sum() > TINY * len(reference):  # also where there are no samples
        raise Undefined("the reference is silent", "reference")
    if len(estimate) != len(reference):
        raise Undefined(f"the output has {len(estimate)} samples, the reference {len(reference)}", "estimate")
    if not np.isfinite(estimate).all():
        raise Undefined("the output is not finite", "estimate")
    if not np.square(estimate).sum() > TINY * len(estimate):
        raise Undefined("the output is silent", "estimate")


def is_silent(audio: Tensor) -> bool:
    """Whether (time,) has less power than counts as sound: 0 dB SPL."""
    return bool(audio.square().mean(-1) <= TINY)


def check_output(audio: Tensor) -> None:
    """Raise Undefined where (time,) is silent or not finite."""
    if not audio.isfinite().all():
        raise Undefined("the output is not finite", "estimate")
    if is_silent(audio):
        raise Undefined("the output is silent", "estimate")
