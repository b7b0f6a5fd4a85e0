"""Predefined folds, as ESC-50 and ESC-10 have them."""

import pytest

from benchmark.corpora.esc10 import ESC10
from benchmark.corpora.esc50 import ESC50
from benchmark.errors import EarmarkError

CLASSES = {"dog": 0, "vacuum_cleaner": 36, "cat": 5}


@pytest.fixture
def esc50(tmp_path, clip):
    lines = ["filename,fold,target,category,esc10,src_file,take"]
    for fold in range(1, 6):
        for category, target in CLASSES.items():
            for take in "AB":
                source = f"{fold}00{target}"
                name = f"{fold}-{source}-{take}-{target}.wav"
                clip(tmp_path / "audio" / name, rate=44_100)
                lines.append(f"{name},{fold},{target},{category},{category == 'dog'},{source},{take}")
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta/esc50.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


@pytest.fixture
def esc10(tmp_path, clip):
    for fold in (1, 2, 3):
        for name in ("001 - Dog bark", "010 - Fire crackling"):
            for take in "AB":
                clip(tmp_path / name / f"{fold}-{fold}7{name[:3]}-{take}.ogg", rate=44_100)
    return tmp_path


def test_folds_make_the_splits(esc50, read):
    corpus = ESC50(esc50)
    assert corpus.schema == {"classes": ["dog", "cat", "vacuum_cleaner"]}  # by target number
    found = read(corpus)
    assert {split: len(rows) for split, rows in found.items()} == {"train": 18, "validation": 6, "test": 6}
    assert {row["id"][0] for row in found["train"]} == {"1", "2", "3"}
    assert found["test"][0] == {
        "id": "5-5000-A-0",
        "group": "5000",
        "audio": str(esc50 / "audio/5-5000-A-0.wav"),
        "label": "dog",
    }


def test_esc10_is_taken_from_esc50(esc50, read):
    corpus = ESC50(esc50, subset="esc10")
    assert corpus.schema == {"classes": ["dog"]}
    assert {split: len(rows) for split, rows in read(corpus).items()} == {"train": 6, "validation": 2, "test": 2}


def test_without_its_table_all_is_in_the_names(esc50, read):
    before = {split: [dict(row) for row in rows] for split, rows in read(ESC50(esc50)).items()}
    (esc50 / "meta/esc50.csv").unlink()
    assert read(ESC50(esc50)) == before
    assert {len(rows) for rows in read(ESC50(esc50, subset="esc10")).values()} == {2, 6}
    (esc50 / "audio/1-1000-A-0.wav").rename(esc50 / "audio/dog.wav")
    with pytest.raises(EarmarkError, match=r"no meta/esc50.csv, and dog.wav has no name of ESC-50's"):
        read(ESC50(esc50))


@pytest.mark.parametrize("words", [("TRUE", "FALSE"), ("true", "false")])
def test_truth_values_are_read_in_any_case(esc50, read, words):
    table = esc50 / "meta/esc50.csv"
    table.write_text(table.read_text().replace("True", words[0]).replace("False", words[1]))
    assert {len(rows) for rows in read(ESC50(esc50, subset="esc10")).values()} == {2, 6}


def test_folds_can_be_chosen_and_others_are_left_out(esc50, read):
    found = read(ESC50(esc50, folds={"train": [5], "test": [1]}))
    assert {split: {row["id"][0] for row in rows} for split, rows in found.items()} == {
        "train": {"5"},
        "validation": {"4"},
        "test": {"1"},
    }


def test_each_fold_can_be_left_out_once(esc50, read):
    tested = []
    for fold in range(1, 6):
        found = read(ESC50(esc50, fold=fold))
        assert {row["id"][0] for row in found["test"]} == {str(fold)}
        assert str(fold) not in {row["id"][0] for split in ("train", "validation") for row in found[split]}
        # 2 of 12 source recordings
        assert {split: len(rows) for split, rows in found.items()} == {"train": 20, "validation": 4, "test": 6}
        tested += [row["id"] for row in found["test"]]
    assert len(set(tested)) == len(tested) == 30


def test_a_fold_that_is_not_there_is_named(esc10):
    with pytest.raises(EarmarkError, match=r"unknown fold of .* '4'; known: 1, 2, 3"):
        ESC10(esc10, fold=4).rows("test")
    with pytest.raises(EarmarkError, match=r"esc10: fold, folds and split_by exclude each other; give one of them"):
        ESC10(esc10, fold=1, split_by="recordings")


def test_the_first_published_layout(esc10, read):
    corpus = ESC10(esc10, folds={"train": [1], "validation": [2], "test": [3]})
    assert corpus.schema == {"classes": ["Dog bark", "Fire crackling"]}
    found = read(corpus)
    assert {split: len(rows) for split, rows in found.items()} == {"train": 4, "validation": 4, "test": 4}
    assert found["train"][0]["id"] == "001 - Dog bark/1-17001-A"
    assert found["train"][0]["group"] == "17001"


def test_an_empty_fold_says_which_there_are(esc10):
    with pytest.raises(
        EarmarkError,
        match=(
            r"esc10: the validation split is empty in .*; folds present: 1, 2, 3; set folds: "
            r"\{train: \[…\], validation: \[…\], test: \[…\]\}"
        ),
    ):
        ESC10(esc10).rows("validation")
    with pytest.raises(EarmarkError, match=r"folds present: none"):
        ESC10(esc10 / "001 - Dog bark").rows("train")


@pytest.mark.parametrize(
    ("folds", "message"),
    [
        ({"dev": [1]}, "unknown split in folds 'dev'"),
        ({"test": [1]}, "fold 1 is given twice"),
        ({"test": [5, 5]}, "fold 5 is given twice"),
    ],
)
def test_folds_are_checked(esc50, folds, message):
    with pytest.raises(EarmarkError, match=message):
        ESC50(esc50, folds=folds)


def test_what_is_missing_is_named(esc50, esc10, clip):
    (esc50 / "audio/1-1000-A-0.wav").unlink()
    with pytest.raises(
        EarmarkError, match=r"1 files named in meta/esc50.csv are missing from .*, the first is 1-1000-A-0.wav"
    ):
        ESC50(esc50).rows("train")
    clip(esc10 / "001 - Dog bark/dog.ogg")
    with pytest.raises(EarmarkError, match=r"dog.ogg is not named fold-source-take.ogg; rename it or remove it"):
        ESC10(esc10).rows("train")


def test_lists_that_are_not_the_owner_s_are_one_line(esc50):
    meta = esc50 / "meta/esc50.csv"
    text = meta.read_text()
    meta.write_text("\ufeff" + text, encoding="utf-8")
    assert len(ESC50(esc50).rows("test"))  # a mark at the beginning does no harm
    for wrong in (text.replace(",", ";"), text + "1-1-A-0.wav,1\n"):
        meta.write_text(wrong)
        with pytest.raises(
            EarmarkError,
            match=(
                r"^esc50: meta/esc50.csv in .* lacks some of the comma-separated columns "
                r"filename, fold, target, category, src_file"
            ),
        ):
            ESC50(esc50).rows("test")
    first = text.splitlines()[1]
    meta.write_text(text.replace(first, first.replace(",1,", ",one,", 1)))
    with pytest.raises(
        EarmarkError,
        match=r"^esc50: .* is not laid out as its owner distributes it \(ValueError: .*; get the corpus from",
    ):
        ESC50(esc50).rows("test")


def test_clips_are_split_one_way(esc10):
    with pytest.raises(EarmarkError, match="give one of them"):
        ESC10(esc10, folds={"train": [1]}, split_by="recordings")
