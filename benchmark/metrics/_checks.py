"""What a metric checks before it measures: silence, lengths, and values that are not finite."""

from math import gcd

import numpy as np
from torch import Tensor

from benchmark.audio import TINY
from benchmark.contracts import Signals, Undefined

RATES = (8000, 384_000)  # Hz; a rate below has no consonants, and is probably in kHz
LARGEST_FILTER = 2**25  # taps of a polyphase filter


def check_floats(*signals: np.ndarray | Tensor) -> None:
    """Raise ValueError where signals are not floats: integers would overflow, and an rms of 1.0 is a level."""
    for signal in signals:
        if not (signal.is_floating_point() if isinstance(signal, Tensor) else np.issubdtype(signal.dtype, np.floating)):
            raise ValueError(f"signals are floats, where an rms of 1.0 is a level; not {signal.dtype}")


def check_signals(*signals: np.ndarray) -> None:
    """Raise ValueError where signals are not floats of the shape (time,): mistakes of the caller, not of the audio."""
    check_floats(*signals)
    for signal in signals:
        if signal.ndim != 1:
            raise ValueError(f"signals have the shape (time,), not {signal.shape}")


def check_rate(sample_rate: int, inner: int) -> None:
    """Raise ValueError where a sample rate is outside RATES, or cannot be turned into the rate inside a metric.

    A rate that has next to no common factor with that one needs a filter of gigabytes.
    """
    if not RATES[0] <= sample_rate <= RATES[1]:
        raise ValueError(f"the sample rate is in Hz, {RATES[0]} to {RATES[1]}, not {sample_rate}")
    if inner * sample_rate > LARGEST_FILTER * gcd(inner, sample_rate) ** 2:
        raise ValueError(f"a sample rate of {sample_rate} Hz has no large factor in common with {inner} Hz; resample")


def pair(signals: Signals) -> tuple[np.ndarray, np.ndarray]:
    """Reference and output, (time,) in float64; Undefined as in check_pair."""
    assert signals.clean is not None
    reference, estimate = signals.clean.double().numpy(), signals.audio.double().numpy()
    check_pair(reference, estimate)
    return reference, estimate


def check_pair(reference: np.ndarray, estimate: np.ndarray) -> None:
    """Raise Undefined where (time,) and (time,) differ in length, or where either is silent or not finite.

    Raises ValueError where they are not floats of that shape.
    """
    check_signals(reference, estimate)
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
