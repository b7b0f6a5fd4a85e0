"""Splits by hash: their shares, and that they never change."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from benchmark.corpora._splits import split_groups, split_of


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
