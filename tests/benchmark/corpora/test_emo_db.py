"""EMO-DB, and the base class of corpora of acted emotions."""

import pytest

from benchmark.corpora.emo_db import EmoDB
from benchmark.errors import EarmarkError

SPEAKERS = ("03", "08", "13", "16")
LETTERS = {"W": "anger", "L": "boredom", "E": "disgust", "A": "fear", "F": "happiness", "T": "sadness", "N": "neutral"}


@pytest.fixture
def root(tmp_path, clip):
    for speaker in SPEAKERS:
        for letter in LETTERS:
            for take in "ab":
                clip(tmp_path / f"wav/{speaker}a01{letter}{take}.wav")
    clip(tmp_path / "wav/03b10N.wav")  # a single version may have no letter
    return tmp_path


def speakers(rows):
    return {row["group"] for row in rows}


def test_letters_are_emotions_and_every_speaker_is_in_one_split(root, read):
    corpus = EmoDB(root)
    assert corpus.schema == {"classes": ["anger", "boredom", "disgust", "fear", "happiness", "neutral", "sadness"]}
    found = read(corpus)
    rows = [row for split in found.values() for row in split]
    assert len(rows) == 4 * 7 * 2 + 1
    assert all(row["label"] == LETTERS[row["id"][9]] for row in rows)
    assert all(row["id"].startswith(f"wav/{row['group']}") for row in rows)
    assert {split: len(speakers(rows)) for split, rows in found.items()} == {"train": 2, "validation": 1, "test": 1}


@pytest.mark.parametrize("fold", [3, 16])
def test_a_fold_leaves_one_speaker_out(root, read, fold):
    found = read(EmoDB(root, fold=fold), disjoint=False)
    assert speakers(found["test"]) == {f"{fold:02d}"}
    assert len(found["test"]) == 14 + (fold == 3)
    assert speakers(found["train"]) == set(SPEAKERS) - {f"{fold:02d}"}
    assert 0 < len(found["validation"]) < len(found["train"]) / 2
    assert sum(map(len, found.values())) == 57


def test_the_classes_are_those_that_are_there(root):
    for path in root.glob("wav/*[LEA]?.wav"):
        path.unlink()
    assert EmoDB(root).schema == {"classes": ["anger", "happiness", "neutral", "sadness"]}


def test_errors_name_the_remedy(root, clip, tmp_path):
    with pytest.raises(EarmarkError, match=r"unknown speaker \(option fold\) of .* '4'; known: 13, 16, 3, 8"):
        EmoDB(root, fold=4).rows("test")
    (tmp_path / "other").mkdir()
    for fold in (None, 3):
        with pytest.raises(
            EarmarkError, match=r"^emo_db: the train split is empty in .*other; get the corpus from http"
        ):
            EmoDB(tmp_path / "other", fold=fold).rows("train")
    with pytest.raises(EarmarkError, match=r"^emo_db: no folder .*; get the corpus from"):
        EmoDB(tmp_path / "nowhere")
    for name in ("03a01Xa", "3a01Wa", "03a01Wa.old"):
        odd = clip(root / f"wav/{name}.wav")
        with pytest.raises(
            EarmarkError,
            match=rf"{odd} is not named speaker, text, emotion and version, such as 03a01Wa.wav; rename it",
        ):
            EmoDB(root).rows("test")
        odd.unlink()
