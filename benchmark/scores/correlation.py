"""Pearson correlation of trajectories, NaN-aware and vectorised, as sums over utterances."""

import numpy as np

from benchmark.contracts import Figure

# A perfect prediction has 1; one that says nothing, such as a constant, has 0.
PEARSON = Figure(1, 0, worst=-1)
# standard deviation below which a target counts as constant: no correlation with it is defined. Ours: the rounding of
# stored tracks
RESOLUTION = 1e-3


def varies(reference: np.ndarray) -> np.ndarray:
    """Whether trajectories (…, frames) have a correlation at all, (…): at least two known frames, and not all alike.
    NaN is unknown.
    """
    known = ~np.isnan(reference)
    return (known.sum(-1) > 1) & (_norm(_centred(reference, known)) > RESOLUTION * np.sqrt(known.sum(-1)))


def pearson(reference: np.ndarray, estimate: np.ndarray) -> np.ndarray:
    """Pearson's product-moment correlation over the frames where the reference is known, (…): -1 to 1.

    Args:
        reference: (…, frames), NaN where unknown, padding included
        estimate: like it; what stands where the reference is unknown does not matter
    Returns:
        NaN where the reference does not vary; 0 where it does and the estimate does not, or is not finite
    """
    known = ~np.isnan(reference)
    x, y = _centred(reference, known), _centred(estimate, known)
    sizes = _norm(x) * _norm(y)
    with np.errstate(divide="ignore", invalid="ignore"):
        r = np.clip((x * y).sum(-1) / sizes, -1, 1)
    usable = _norm(y) > 1e-9 * np.sqrt(known.sum(-1))  # not merely rounding; False where not finite
    return np.where(varies(reference), np.where(usable, r, 0.0), np.nan)


def _centred(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Less the mean over known frames, and 0 elsewhere."""
    kept = np.where(known, values, 0.0)
    return np.where(known, kept - kept.sum(-1, keepdims=True) / np.maximum(known.sum(-1, keepdims=True), 1), 0.0)


def _norm(values: np.ndarray) -> np.ndarray:
    return np.sqrt(np.square(values).sum(-1))
