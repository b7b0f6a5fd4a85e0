"""Pure functions from signals, labels and texts to numbers; one family a file."""

from typing import Literal

import numpy as np

from benchmark.audio import TINY


class Undefined(ValueError):
    """A metric has no value on this utterance; `fault` says through whom."""

    def __init__(self, reason: str, fault: Literal["reference", "estimate"]) -> None:
        super().__init__(reason)
        self.fault = fault


def check_pair(reference: np.ndarray, estimate: np.ndarray) -> None:
    """Raise Undefined where (time,) and (time,) differ in length, or where either is silent or not finite."""
    if not np.square(reference).sum() > TINY * len(reference):  # also where there is nothing at all
        raise Undefined("the reference is silent", "reference")
    if len(estimate) != len(reference):
        raise Undefined(f"the output has {len(estimate)} samples, the reference {len(reference)}", "estimate")
    if not np.isfinite(estimate).all():
        raise Undefined("the output is not finite", "estimate")
    if not np.square(estimate).sum() > TINY * len(estimate):
        raise Undefined("the output is silent", "estimate")
