"""Scenes read from the owners' own files: set EARMARK_DATA to the folder that holds them."""

import os
from contextlib import suppress
from pathlib import Path

import pytest

from benchmark.catalogue import open_corpus, reference
from benchmark.contracts import SPLITS
from benchmark.errors import EarmarkError


@pytest.fixture
def real(tmp_path):
    """Opens a corpus as a recipe names it, or skips where it is not there."""
    if not os.environ.get("EARMARK_DATA"):
        pytest.skip("EARMARK_DATA is not set: no real recordings to read")

    def opened(name, fold=None, **options):
        found = reference({name: options}, "tasks.scene.targets", fold)
        try:
            return open_corpus(found["name"], found["options"], Path(os.environ["EARMARK_DATA"]), tmp_path)
        except EarmarkError as error:
            pytest.skip(str(error))

    return opened


def test_tau(real, read):
    corpus = real("tau")
    if not (corpus.root / "evaluation_setup").is_dir():
        corpus = real("tau", split_by="locations")
    found = {}
    for split in SPLITS:
        with suppress(EarmarkError):  # a piece may be too small for three splits
            found |= read(corpus, (split,))
    assert found
    assert corpus.kind == "ambience"
    for row in (row for rows in found.values() for row in rows):
        assert f"-{row['group']}-" in row["id"]  # audio/scene-city-location-…


def test_the_folds_of_esc10_are_left_out_in_turn(real, read):
    clips = {
        row["id"]
        for split in SPLITS
        for row in real("esc10", folds={"train": [1], "validation": [2], "test": [3]}).rows(split)
    }
    tested = []
    for fold in (1, 2, 3):
        corpus = real("esc10", fold)
        found = read(corpus)
        assert all(row["id"].rpartition("/")[2].startswith(f"{fold}-") for row in found["test"])
        assert (
            {row["label"] for row in found["train"]}
            == {row["label"] for row in found["test"]}
            == set(corpus.schema["classes"])
        )
        tested += [row["id"] for row in found["test"]]
    assert sorted(tested) == sorted(clips)
