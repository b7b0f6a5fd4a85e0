"""Bars beside a list of rows: each joins neighbours of which no two differ significantly."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from benchmark.results.view import Differences, Name

MOST = 40  # rows beyond which the diagram could not be read, and is not drawn


class Group(NamedTuple):
    """The ranked rows of one track, in the order of the board, and the bars that join them."""

    track: str
    names: list[Name]
    bars: list[tuple[int, int]]  # first and last row, both included


def groups(tracks: Sequence[Differences]) -> list[Group]:
    """The groups of a board; none where it has more rows than a diagram can show."""
    if sum(len(one.names) for one in tracks) > MOST:
        return []
    return [Group(one.track, one.names, runs(one.differ)) for one in tracks]


def runs(differ: np.ndarray) -> list[tuple[int, int]]:
    """The longest runs of two neighbours or more of which no two differ; from (rows, rows), bool."""
    found: list[tuple[int, int]] = []
    for first in range(len(differ)):
        last = first
        while last + 1 < len(differ) and not differ[first : last + 1, last + 1].any():
            last += 1
        if last > first and (not found or last > found[-1][1]):
            found.append((first, last))
    return found
