"""Distances and angles between tongue and walls of the vocal tract, in the midsagittal plane.

Points are (…, 2), x towards the lips and y upwards, all in one unit of length. Angles are degrees about a fixed origin
in the oral cavity: 0 towards the lips, 90 upwards, 180 towards the pharynx. The group that named the tract variables
publishes no equations; these are ours.
"""

import numpy as np


def outline(points: np.ndarray, step: float) -> np.ndarray:
    """A polyline (points, 2), resampled to points at most `step` apart."""
    lengths = np.hypot(*np.diff(points, axis=0).T)
    place = np.concatenate([[0.0], np.cumsum(lengths)])
    dense = np.linspace(0.0, place[-1], int(np.ceil(place[-1] / step)) + 1)
    return np.stack([np.interp(dense, place, points[:, axis]) for axis in range(2)], axis=-1)


def approach(
    centres: np.ndarray, radii: np.ndarray | float, wall: np.ndarray, softness: float
) -> tuple[np.ndarray, np.ndarray]:
    """Distance of circles from a wall, and the place on the wall where they come closest.

    The place is the mean of the wall's points weighted by exp(-distance / softness), so that it glides between two
    places that are about equally near.

    Args:
        centres: (frames, 2); NaN if unknown
        radii: (frames,), or one for all
        wall: (points, 2), close together
        softness: a length
    Returns:
        distance (frames,), 0 in contact; place (frames, 2)
    """
    distances = np.hypot(*np.moveaxis(centres[:, None] - wall, -1, 0))
    nearest = distances.min(1)
    weights = np.exp((nearest[:, None] - distances) / softness)
    return np.maximum(nearest - radii, 0.0), weights @ wall / weights.sum(1, keepdims=True)


def angle(points: np.ndarray, origin: np.ndarray) -> np.ndarray:
    """Angles of points (frames, 2) about `origin`, (frames,) in degrees from -90 (down) to 270."""
    x, y = np.moveaxis(points - origin, -1, 0)
    return (np.degrees(np.arctan2(y, x)) + 90) % 360 - 90
