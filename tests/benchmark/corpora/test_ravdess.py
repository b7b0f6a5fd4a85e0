import pytest

from benchmark.corpora.ravdess import RAVDESS
from benchmark.errors import EarmarkError

EMOTIONS = ["neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised"]  # 01 to 08


@pytest.fixture(params=["Audio_Speech_Actors_01-24/", ""])
def root(request, tmp_path, clip):
    for actor in range(1, 8):
        for emotion in range(1, 9):
            for repetition in (1, 2):
                name = f"{request.param}Actor_{actor:02d}/03-01-{emotion:02d}-01-02-{repetition:02d}-{actor:02d}.wav"
                clip(tmp_path / name, rate=48_000)
    return tmp_path


def test_the_third_field_is_the_emotion_and_the_last_the_actor(root, read):
    corpus = RAVDESS(root)
    assert corpus.schema == {"classes": sorted(EMOTIONS)}
    found = read(corpus)
    assert {split: len({row["group"] for row in rows}) for split, rows in found.items()} == {
        "train": 5,
        "validation": 1,
        "test": 1,
    }
    for row in (row for rows in found.values() for row in rows):
        fields = row["id"].rpartition("/")[2].split("-")
        assert row["label"] == EMOTIONS[int(fields[2]) - 1]
        assert row["group"] == fields[6]
        assert f"Actor_{row['group']}/" in row["id"]


def test_a_fold_leaves_one_actor_out(root, read):
    found = read(RAVDESS(root, fold=7), disjoint=False)
    assert {row["group"] for row in found["test"]} == {"07"}
    assert len(found["test"]) == 16


def test_what_is_no_audio_of_speech_is_named(root, clip):
    (actor,) = root.rglob("Actor_01")
    for name in ("03-02-03-01-01-01-01", "01-01-03-01-01-01-01", "03-01-09-01-01-01-01"):  # a song, a video, no emotion
        odd = clip(actor / f"{name}.wav")
        with pytest.raises(
            EarmarkError, match=rf"^ravdess: {odd} is not named 03-01-emotion-.*; rename it or remove it"
        ):
            RAVDESS(root).rows("train")
        odd.unlink()
    with pytest.raises(
        EarmarkError, match=r"^ravdess: the train split is empty in .*; get the corpus from https://zenodo.org"
    ):
        RAVDESS(actor).rows("train")
