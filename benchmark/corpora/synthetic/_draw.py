"""Seeded draws that depend on an id alone, never on order, and parameter ranges that the splits share out between
them.
"""

import hashlib
from typing import NamedTuple

import numpy as np

# A range is cut into three equal periods; in each, training, validation and test own a band, with gaps between. So
# every split meets low, middle and
# high values, and none meets a value that another split may draw. Fractions of a period; our choice.
PERIODS = 3
BANDS = {"train": (0.0, 0.5), "validation": (0.55, 0.7), "test": (0.75, 0.95)}


def generator(*words: str) -> np.random.Generator:
    """A Philox generator keyed by the SHA-256 of `words`."""
    digest = hashlib.sha256("/".join(words).encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))


class Range(NamedTuple):
    """A parameter's ends, on a linear or a logarithmic scale."""

    low: float
    high: float
    log: bool = False

    def at(self, fraction: float) -> float:
        """The value at a fraction of the way from low to high."""
        return (
            self.low * (self.high / self.low) ** fraction if self.log else self.low + (self.high - self.low) * fraction
        )

    def draw(self, rng: np.random.Generator, split: str) -> float:
        """A value from the bands of `split`."""
        start, stop = BANDS[split]
        return self.at((float(rng.integers(PERIODS)) + rng.uniform(start, stop)) / PERIODS)
