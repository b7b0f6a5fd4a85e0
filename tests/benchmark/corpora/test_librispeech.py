import pytest

from benchmark.corpora.librispeech import LibriSpeech
from benchmark.errors import EarmarkError

SUBSETS = {
    "train-clean-100": ("19", "26", "27"),
    "dev-clean": ("84",),
    "test-clean": ("61",),
    "test-other": ("367", "533"),
}


@pytest.fixture
def root(tmp_path, clip):
    for subset, speakers in SUBSETS.items():
        for speaker in speakers:
            chapter = tmp_path / subset / speaker / "100"
            names = [f"{speaker}-100-{number:04d}" for number in range(2)]
            for name in names:
                clip(chapter / f"{name}.flac")
            (chapter / f"{speaker}-100.trans.txt").write_text(
                "".join(f"{name} IT'S {subset.split('-')[0].upper()}\n" for name in names)
            )
    (tmp_path / "SPEAKERS.TXT").write_text("; not read")
    return tmp_path


def test_subsets_make_the_splits(root, read):
    found = read(LibriSpeech(root))
    assert {split: {row["group"] for row in rows} for split, rows in found.items()} == {
        "train": {"19", "26", "27"},
        "validation": {"84"},
        "test": {"61", "367", "533"},
    }
    assert found["train"][0] == {
        "id": "train-clean-100/19/100/19-100-0000",
        "group": "19",
        "audio": str(root / "train-clean-100/19/100/19-100-0000.flac"),
        "text": "it's train",
    }


def test_subsets_can_be_chosen(root, read):
    corpus = LibriSpeech(root, subsets=["train-clean-100", "dev-clean", "test-other"])
    assert {row["group"] for row in read(corpus)["test"]} == {"367", "533"}
    with pytest.raises(EarmarkError, match=r"unknown subset of .* 'test-cleen'; did you mean 'test-clean'?"):
        LibriSpeech(root, subsets=["test-cleen"]).rows("test")


def test_a_piece_can_be_split_by_speakers(root, read):
    corpus = LibriSpeech(root, subsets=["test-clean", "test-other"], split_speakers=True)
    found = read(corpus)
    assert {split: len(rows) for split, rows in found.items()} == {"train": 2, "validation": 2, "test": 2}
    with pytest.raises(
        EarmarkError,
        match=r"the train split is empty in .*; subsets used: test-clean; add one from .*, or set split_speakers: true",
    ):
        LibriSpeech(root, subsets=["test-clean"]).rows("train")


def test_a_chapter_must_be_whole(root, clip):
    chapter = root / "dev-clean/84/100"
    (chapter / "84-100-0001.flac").unlink()
    with pytest.raises(
        EarmarkError,
        match=r"1 files named in \*.trans.txt are missing from .*, the first is 84-100-0001.flac; get the corpus",
    ):
        LibriSpeech(root).rows("train")
    clip(chapter / "84-100-0001.flac")
    clip(chapter / "84-100-0002.flac")
    with pytest.raises(EarmarkError, match=r"84-100.trans.txt: 84-100-0002: the transcript is empty"):
        LibriSpeech(root).rows("train")
    (chapter / "84-100.trans.txt").unlink()
    with pytest.raises(EarmarkError, match=r"no file dev-clean/84/100/84-100.trans.txt in"):
        LibriSpeech(root).rows("train")
