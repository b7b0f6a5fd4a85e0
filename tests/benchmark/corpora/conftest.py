"""Tiny layouts in the owners' formats, and what every reader must satisfy."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmark import audio
from benchmark.contracts import SPLITS, Corpus


@pytest.fixture
def clip() -> Callable[..., Path]:
    """Writes a short noise in the format of the path's suffix, its folders too."""

    def write(path: Path, rate: int = 16_000, channels: int = 1, seconds: float = 0.05) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(0).uniform(-0.1, 0.1, (round(rate * seconds), channels))
        soundfile.write(path, noise, rate, format="NIST" if path.suffix == ".sph" else None)
        return path

    return write


@pytest.fixture
def read() -> Callable[..., dict[str, list[dict]]]:
    """Reads the splits of a corpus and holds them to the contract: columns, unique ids, order, audio that decodes,
    labels, groups apart.
    """

    def rows(corpus: Corpus, splits: tuple[str, ...] = SPLITS, disjoint: bool = True) -> dict[str, list[dict]]:
        found = {split: list(corpus.rows(split)) for split in splits}
        everything = [row for split in splits for row in found[split]]
        ids = [row["id"] for row in everything]
        assert len(set(ids)) == len(ids)
        for split in splits:
            assert [row["id"] for row in found[split]] == sorted(row["id"] for row in found[split])
        for row in everything:
            assert {"id", "group", "audio"} <= row.keys()
            assert not row.keys() & {"split", "fold"}
            assert audio.read(row["audio"]).shape[-1] > 0
            assert "label" not in row or row["label"] in corpus.schema["classes"]
            assert not row.get("text") or set(row["text"]) <= set(corpus.schema["alphabet"])
        if disjoint:
            groups = [{row["group"] for row in found[split]} for split in splits]
            assert sum(map(len, groups)) == len(set().union(*groups))
        return found

    return rows
