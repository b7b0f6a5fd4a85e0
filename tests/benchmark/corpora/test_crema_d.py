import pytest

from benchmark.contracts import SPLITS
from benchmark.corpora.crema_d import CREMAD
from benchmark.errors import EarmarkError

EMOTIONS = {"ANG": "anger", "DIS": "disgust", "FEA": "fear", "HAP": "happy", "NEU": "neutral", "SAD": "sad"}


@pytest.fixture
def root(tmp_path, clip):
    for actor in range(1001, 1021):
        for emotion in EMOTIONS:
            clip(tmp_path / f"AudioWAV/{actor}_DFA_{emotion}_XX.wav")
    clip(tmp_path / "AudioWAV/1020_IEO_SAD_HI.wav")
    return tmp_path


def test_actors_and_emotions(root, read):
    corpus = CREMAD(root)
    assert corpus.schema == {"classes": sorted(EMOTIONS.values())}
    found = read(corpus)
    assert {split: len({row["group"] for row in rows}) for split, rows in found.items()} == {
        "train": 14,
        "validation": 3,
        "test": 3,
    }
    for row in (row for rows in found.values() for row in rows):
        actor, _, emotion, _ = row["id"].removeprefix("AudioWAV/").split("_")
        assert (row["group"], row["label"]) == (actor, EMOTIONS[emotion])


def test_a_fold_leaves_one_actor_out(root, read):
    found = read(CREMAD(root, fold=1020), disjoint=False)
    assert [row["id"] for row in found["test"]][-1] == "AudioWAV/1020_IEO_SAD_HI"
    assert {row["group"] for row in found["test"]} == {"1020"}


def test_errors_name_the_remedy(root, clip):
    with pytest.raises(EarmarkError, match=r"'1021'; did you mean '1020'\?"):
        CREMAD(root, fold=1021).rows("test")
    with pytest.raises(
        EarmarkError, match=r"^crema_d: the test split is empty in .*AudioWAV; get the corpus from https://github.com"
    ):
        CREMAD(root / "AudioWAV").rows("test")
    odd = clip(root / "AudioWAV/1001_DFA_JOY_XX.wav")
    with pytest.raises(
        EarmarkError,
        match=rf"^crema_d: {odd} is not named actor_sentence_emotion_level.wav, such as 1001_DFA_ANG_XX.wav; rename",
    ):
        CREMAD(root).rows("train")


def test_the_silent_file_and_the_one_of_many_emotions_are_left_out(root, clip):
    before = sum(len(CREMAD(root).rows(split)) for split in SPLITS)
    for name in ("1076_MTI_SAD_XX", "1064_IEO_DIS_MD"):
        clip(root / f"AudioWAV/{name}.wav")
    assert sum(len(CREMAD(root).rows(split)) for split in SPLITS) == before
