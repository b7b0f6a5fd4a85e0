"""Fixtures for tests of everything that reads files."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile


@pytest.fixture
def clip() -> Callable[..., Path]:
    """Write a short noise in the format that the suffix of the path names; its folders are made."""

    def write(path: Path, rate: int = 16_000, channels: int = 1, seconds: float = 0.05) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(0).uniform(-0.1, 0.1, (round(rate * seconds), channels))
        soundfile.write(path, noise, rate, format="NIST" if path.suffix == ".sph" else None)
        return path

    return write
