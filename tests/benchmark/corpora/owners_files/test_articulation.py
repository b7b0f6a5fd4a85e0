"""MOCHA-TIMIT as its owner distributes it."""

from pathlib import Path

import numpy as np
import pytest

from benchmark import audio
from benchmark.corpora.mocha_timit import MochaTimit


@pytest.fixture
def corpus(data, tmp_path, monkeypatch) -> MochaTimit:
    monkeypatch.setenv("EARMARK_CACHE", str(tmp_path))
    found = sorted(path for path in data.glob("[Mm][Oo][Cc][Hh][Aa]*") if path.is_dir())
    return MochaTimit(found[0], split_by="sentences") if found else pytest.skip("no folder of MOCHA-TIMIT")


def test_mocha_timit(corpus):
    rows = list(corpus.table())
    assert rows
    for row in rows[:20]:
        tracks = np.load(row["tracks"])
        sound = audio.read(row["audio"])
        assert tracks.shape == (sound.shape[-1] // 160 + 1, 6)
        assert np.isfinite(tracks).mean() > 0.8
        assert np.nanmax(np.abs(tracks)) < 2


def test_the_tip_is_at_the_palate_in_a_sibilant(corpus):
    """In "This was easy for us", /s/ and /z/ bring the tip closer to the palate than /uh/ does."""
    row = next((row for row in corpus.table() if row["id"].endswith("fsew0_001")), None)
    labels = None if row is None else Path(row["audio"]).with_suffix(".lab")
    if labels is None or not labels.is_file():
        pytest.skip("sentence 001 of fsew0 is not there")
    distance = np.load(row["tracks"])[:, corpus.schema["variables"].index("TTCD")]
    phones = [line.split() for line in labels.read_text().splitlines()]
    means = {
        phone: distance[int(100 * float(start)) : int(100 * float(end))].mean()
        for start, end, phone in phones
        if phone != "sil"
    }
    assert max(means["s"], means["z"]) < means["uh"]
