"""Six tract variables of lips and tongue, from pellets or coils tracked in the midsagittal plane.

The group whose variables these are publishes no equations; these are ours.
"""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from scipy.spatial import ConvexHull

from benchmark.corpora._tract_geometry import angle, approach, outline

VARIABLES = ("LA", "LP", "TTCL", "TTCD", "TBCL", "TBCD")
ORIGIN_DEPTH = 20.0  # mm below the top of the palate: the origin of the angles
SOFTNESS = 1.0  # mm, over which the place of a constriction is averaged


def tract_variables(pellets: Mapping[str, np.ndarray], palate: np.ndarray, pharynx: np.ndarray) -> np.ndarray:
    """The tract variables over time, (frames, 6) in the order of VARIABLES: mm, and degrees for TTCL and TBCL.

    LA is the distance between the lips and LP the position of the lower lip. TTCD is the distance of the tongue tip
    from the palate and TTCL its angle. TBCD and TBCL are the distance and the angle of the narrowest place between the
    walls and the line through the pellets behind the tip. Angles are about a point ORIGIN_DEPTH below the top of the
    palate.

    Args:
        pellets: by name (UL, LL, T1, T2, …), (frames, 2) each in mm, x towards the lips, y upwards; NaN if lost
        palate: (points, 2), like the pellets, in any order
        pharynx: its rear wall, (points, 2); (0, 2) if nobody traced it
    """
    palate = outline(palate[np.argsort(-palate[:, 0])], 0.5)  # from the lips backwards
    walls = np.concatenate([palate, outline(pharynx, 0.5)]) if len(pharynx) else palate
    tip, *body = (pellets[name] for name in sorted(pellets) if name[0] == "T")
    surface = [front + share * (back - front) for front, back in pairwise(body) for share in np.linspace(0, 1, 9)]
    distances, places = (
        np.stack(each) for each in zip(*(approach(points, 0.0, walls, SOFTNESS) for points in surface), strict=True)
    )
    weights = np.exp((distances.min(0) - distances) / SOFTNESS)
    place = (weights[..., None] * places).sum(0) / weights.sum(0)[:, None]
    tip_distance, _ = approach(tip, 0.0, palate, SOFTNESS)
    top = palate[palate[:, 1].argmax()]
    origin = np.array([top[0], top[1] - ORIGIN_DEPTH])
    lips = np.hypot(*(pellets["UL"] - pellets["LL"]).T)
    return np.stack(
        [lips, pellets["LL"][:, 0], angle(tip, origin), tip_distance, angle(place, origin), distances.min(0)], -1
    )


def upper_hull(points: np.ndarray) -> np.ndarray:
    """The upper side of the convex hull of points (points, 2), sorted by x; points with NaN are left out."""
    points = points[~np.isnan(points).any(1)]
    hull = points[ConvexHull(points).vertices]
    hull = hull[np.argsort(hull[:, 0])]
    chord = np.interp(hull[:, 0], hull[[0, -1], 0], hull[[0, -1], 1])
    return hull[hull[:, 1] >= chord]
