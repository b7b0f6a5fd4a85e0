"""Corpora of acoustic scenes as their owners distribute them."""

from contextlib import suppress

import pytest

from benchmark.catalogue import corpus_spec, open_corpus
from benchmark.contracts import SPLITS
from benchmark.errors import EarmarkError


@pytest.fixture
def real(data, tmp_path):
    """Open a corpus as a recipe names it, or skip the test with the reason."""

    def opened(name, fold=None, **options):
        found = corpus_spec({name: options}, "tasks.scene.targets", fold)
        try:
            return open_corpus(found["name"], found["options"], data, tmp_path)
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
