import os
from itertools import product

import pytest

from benchmark.corpora.free_spoken_digits import DIGITS, FreeSpokenDigits
from benchmark.errors import EarmarkError

SPEAKERS = ("ann", "bob", "theo")


@pytest.fixture
def root(tmp_path, clip):
    recording = clip(tmp_path / "recording.wav", rate=8000)
    (tmp_path / "recordings").mkdir()
    for speaker, digit, take in product(SPEAKERS, range(10), range(50)):
        os.link(recording, tmp_path / f"recordings/{digit}_{speaker}_{take}.wav")
    return tmp_path


def takes(rows):
    return {(row["group"], int(row["id"].rpartition("_")[2])) for row in rows}


def test_the_owners_split_is_by_takes(root, read):
    found = read(FreeSpokenDigits(root), disjoint=False)
    assert takes(found["test"]) == {(speaker, take) for speaker in SPEAKERS for take in range(5)}
    assert takes(found["validation"]) == {(speaker, take) for speaker in SPEAKERS for take in range(5, 10)}
    assert takes(found["train"]) == {(speaker, take) for speaker in SPEAKERS for take in range(10, 50)}
    assert {row["label"] for row in found["test"]} == set(DIGITS)
    assert found["test"][0]["id"] == "recordings/0_ann_0"


def test_a_fold_leaves_one_speaker_out(root, read):
    corpus = FreeSpokenDigits(root, fold="theo")
    assert corpus.schema["classes"] == ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    found = read(corpus, disjoint=False)
    assert takes(found["test"]) == {("theo", take) for take in range(50)}
    assert takes(found["validation"]) == {(speaker, take) for speaker in ("ann", "bob") for take in range(5)}
    assert takes(found["train"]) == {(speaker, take) for speaker in ("ann", "bob") for take in range(5, 50)}


def test_half_a_download_is_told(root):
    for take in range(25):
        (root / f"recordings/3_bob_{take}.wav").unlink()
    with pytest.raises(
        EarmarkError,
        match=(
            r"25 recordings are missing in .*, the first is recordings/3_bob_0.wav; get the corpus from .*, or "
            r"remove these speakers"
        ),
    ):
        FreeSpokenDigits(root).rows("test")
    for path in root.glob("recordings/*_bob_*.wav"):
        path.unlink()
    assert {row["group"] for row in FreeSpokenDigits(root).rows("test")} == {"ann", "theo"}


def test_errors_name_the_remedy(root, clip, tmp_path):
    with pytest.raises(EarmarkError, match=r"'thea'; did you mean 'theo'?"):
        FreeSpokenDigits(root, fold="thea").rows("test")
    odd = clip(root / "recordings/seven_theo_1.wav")
    with pytest.raises(EarmarkError, match=rf"{odd} is not named digit_speaker_take.wav; rename it or remove it"):
        FreeSpokenDigits(root).rows("test")
    (tmp_path / "other").mkdir()
    with pytest.raises(EarmarkError, match=r"the train split is empty in .*other; get the corpus from"):
        FreeSpokenDigits(tmp_path / "other", fold="theo").rows("train")
