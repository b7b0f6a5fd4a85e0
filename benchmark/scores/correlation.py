"""Pearson correlation of trajectories with unknown frames (NaN), vectorised over leading dimensions."""

import numpy as np

from benchmark.contracts import Figure

# A perfect prediction scores 1; one without information, such as a constant, scores 0.
PEARSON = Figure(1, 0, worst=-1)
# Standard deviation below which a reference counts as constant, so that no correlation is defined. Our choice: the
# rounding of stored tracks.
RESOLUTION = 1e-3


def varies(reference: np.ndarray) -> np.ndarray:
    """Whether a correlation with a trajectory is defined: it has two known frames or more, and they are not all equal.

    Args:
        reference: (…, frames), NaN if unknown
    Returns:
        (…), bool
    """
    known = ~np.isnan(reference)
    return (known.sum(-1) > 1) & (_norm(_centred(reference, known)) > RESOLUTION * np.sqrt(known.sum(-1)))


def pearson(reference: np.ndarray, estimate: np.ndarray) -> np.ndarray:
    """Pearson's product-moment correlation over the frames in which the reference is known.

    Args:
        reference: (…, frames), NaN in unknown frames and in padding
        estimate: (…, frames); its values in those frames are ignored
    Returns:
        (…), -1 to 1; NaN if the reference is constant; 0 if only the estimate is, or if it is not finite
    """
    known = ~np.isnan(reference)
    x, y = _centred(reference, known), _centred(estimate, known)
    sizes = _norm(x) * _norm(y)
    with np.errstate(divide="ignore", invalid="ignore"):
        r = np.clip((x * y).sum(-1) / sizes, -1, 1)
    usable = _norm(y) > 1e-9 * np.sqrt(known.sum(-1))  # more than rounding errors; False if not finite
    return np.where(varies(reference), np.where(usable, r, 0.0), np.nan)


def _centred(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Values minus their mean over known frames, and 0 in unknown frames."""
    kept = np.where(known, values, 0.0)
    return np.where(known, kept - kept.sum(-1, keepdims=True) / np.maximum(known.sum(-1, keepdims=True), 1), 0.0)


def _norm(values: np.ndarray) -> np.ndarray:
    return np.sqrt(np.square(values).sum(-1))
