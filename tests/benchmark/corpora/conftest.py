"""What every corpus must satisfy."""

from collections.abc import Callable

import pytest

from benchmark import audio
from benchmark.contracts import SPLITS, Corpus


@pytest.fixture
def read() -> Callable[..., dict[str, list[dict]]]:
    """Read the splits of a corpus and check columns, unique ids, order, audio, labels and disjoint groups."""

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
