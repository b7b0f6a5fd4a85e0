import pytest

from benchmark.corpora.speech_commands import SpeechCommands
from benchmark.errors import EarmarkError

CLIPS = {  # speaker: words
    "0aaaaaaa": ("yes", "no", "up"),
    "0bbbbbbb": ("yes", "no"),
    "0ccccccc": ("no", "yes", "up"),
    "0ddddddd": ("up", "no", "yes"),
}


@pytest.fixture
def root(tmp_path, clip):
    root = tmp_path / "speech_commands_v0.02"
    for speaker, words in CLIPS.items():
        for word in words:
            for take in range(2):
                clip(root / f"{word}/{speaker}_nohash_{take}.wav")
    clip(root / "_background_noise_/pink_noise.wav", seconds=0.5)
    for name, speaker in (("validation_list.txt", "0bbbbbbb"), ("testing_list.txt", "0ccccccc")):
        (root / name).write_text(
            "".join(f"{word}/{speaker}_nohash_{take}.wav\n" for word in CLIPS[speaker] for take in range(2))
        )
    return root


def test_lists_make_the_splits(root, read):
    corpus = SpeechCommands(root)
    assert corpus.schema == {"classes": ["no", "up", "yes"]}
    found = read(corpus)
    assert {split: len(rows) for split, rows in found.items()} == {"train": 12, "validation": 4, "test": 6}
    assert {row["group"] for row in found["train"]} == {"0aaaaaaa", "0ddddddd"}
    assert {row["group"] for row in found["validation"]} == {"0bbbbbbb"}
    assert found["test"][0] == {
        "id": "no/0ccccccc_nohash_0",
        "group": "0ccccccc",
        "audio": str(root / "no/0ccccccc_nohash_0.wav"),
        "label": "no",
    }


def test_words_restrict_and_order_the_classes(root, read):
    corpus = SpeechCommands(root, words=["yes", "no"])
    assert corpus.schema == {"classes": ["yes", "no"]}
    assert {row["label"] for row in read(corpus)["train"]} == {"yes", "no"}
    with pytest.raises(EarmarkError, match=r"unknown word of speech_commands_v0.02 'yess'; did you mean 'yes'?"):
        _ = SpeechCommands(root, words=["yess"]).schema


def test_half_a_download_is_refused_unless_its_words_are_not_used(root):
    (root / "up/0ccccccc_nohash_0.wav").unlink()
    (root / "up/0ccccccc_nohash_1.wav").unlink()
    with pytest.raises(
        EarmarkError,
        match=r"2 files named in .*testing_list.txt are missing from .*, the first is up/0ccccccc_nohash_0.wav; get",
    ):
        SpeechCommands(root).rows("train")
    assert len(SpeechCommands(root, words=["no", "yes"]).rows("test")) == 4


def test_another_folder_is_told_by_its_missing_lists(tmp_path):
    with pytest.raises(
        EarmarkError, match=r"speech_commands: no file validation_list.txt in .*; get the corpus from http"
    ):
        SpeechCommands(tmp_path).rows("train")
    with pytest.raises(EarmarkError, match=r"speech_commands: no folder"):
        SpeechCommands(tmp_path / "nowhere")


def test_an_unknown_split_is_refused(root):
    with pytest.raises(EarmarkError, match=r"unknown split 'tests'; did you mean 'test'?"):
        SpeechCommands(root).rows("tests")
