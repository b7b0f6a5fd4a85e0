"""Random draws seeded by a name, never by order, and ranges of parameters that the splits divide among them."""

import hashlib
from typing import NamedTuple

import numpy as np

# A range is cut into three equal periods. In each, training, validation and test have a band of their own, with gaps
# between the bands: every split draws low, middle and high values, and no two splits draw the same value. Our choice.
PERIODS = 3
# Start and end of each band, in fractions of a period.
BANDS = {"train": (0.0, 0.5), "validation": (0.55, 0.7), "test": (0.75, 0.95)}


def generator(*words: str) -> np.random.Generator:
    """A Philox random generator, keyed by the SHA-256 of the words."""
    digest = hashlib.sha256("/".join(words).encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))


class Range(NamedTuple):
    """The range of a parameter, on a linear or a logarithmic scale."""

    low: float
    high: float
    log: bool = False

    def at(self, fraction: float) -> float:
        """The value at a fraction, 0 to 1, of the way from low to high."""
        return (
            self.low * (self.high / self.low) ** fraction if self.log else self.low + (self.high - self.low) * fraction
        )

    def draw(self, rng: np.random.Generator, split: str) -> float:
        """A random value from the bands of a split."""
        start, stop = BANDS[split]
        return self.at((float(rng.integers(PERIODS)) + rng.uniform(start, stop)) / PERIODS)
