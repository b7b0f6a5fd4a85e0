"""What the readers share: splits by hash, the search for audio, transcripts."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.corpora._reader import audio_files, split_groups, split_of, transcript
from benchmark.errors import EarmarkError


def test_splits_of_files_have_their_shares_and_never_change():
    counts = {"train": 0, "validation": 0, "test": 0}
    for number in range(4000):
        counts[split_of(f"noise/{number}.wav")] += 1
    assert abs(counts["train"] - 2800) < 120
    assert abs(counts["validation"] - 600) < 90
    assert abs(counts["test"] - 600) < 90
    for key in ("a.wav", "b/c.flac", "ü.ogg"):
        place = int(hashlib.sha256(key.encode()).hexdigest()[:16], 16) / 16**16
        assert split_of(key) == ("train" if place < 0.7 else "validation" if place < 0.85 else "test")


@given(st.sets(st.text(), min_size=3, max_size=60))
def test_groups_are_divided_whole_and_every_split_gets_one(groups):
    splits = split_groups(groups)
    assert splits.keys() == groups
    counts = [list(splits.values()).count(split) for split in ("train", "validation", "test")]
    share = max(1, round(0.15 * len(groups)))
    assert counts == [len(groups) - 2 * share, share, share]
    assert splits == split_groups([*sorted(groups, reverse=True), *groups])


def test_a_share_of_zero_takes_no_group():
    assert set(split_groups(map(str, range(20)), test=0).values()) == {"train", "validation"}
    assert list(split_groups(["only"]).values()) == ["test"]


@pytest.mark.parametrize(
    ("suffix", "rate", "channels"),
    [
        ("wav", 8000, 1),
        ("flac", 44_100, 2),
        ("ogg", 22_050, 1),
        ("mp3", 16_000, 2),
        ("aiff", 48_000, 6),
        ("au", 11_025, 1),
    ],
)
def test_every_format_of_libsndfile_is_found(tmp_path, clip, suffix, rate, channels):
    paths = [clip(tmp_path / f"{name}.{suffix}", rate, channels) for name in ("B/b", "a")]
    clip(tmp_path / f".trash/c.{suffix}")
    clip(tmp_path / f"._a.{suffix}")
    (tmp_path / "notes.txt").write_text("not audio")
    (tmp_path / "a.raw").write_bytes(b"no header tells what it is")
    assert audio_files(tmp_path) == paths


def test_transcripts_are_lower_case_words():
    assert transcript("  PLEASE call\tStella: ask her, it's   late! ", "here") == "please call stella ask her it's late"
    with pytest.raises(EarmarkError, match=r"^there: the transcript is empty; "):
        transcript(" . ", "there")
