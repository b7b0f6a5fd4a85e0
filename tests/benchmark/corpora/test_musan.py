import pytest

from benchmark.corpora.musan import Musan
from benchmark.errors import EarmarkError


@pytest.fixture
def root(tmp_path, clip):
    for part, source in (("noise", "free-sound"), ("music", "fma"), ("speech", "us-gov")):
        for number in range(12):
            clip(tmp_path / part / source / f"{part}-{source}-{number:04d}.wav")
        (tmp_path / part / source / "LICENSE").write_text("…")
    return tmp_path


def test_all_parts_are_noise_and_no_recording_is_in_two_splits(root, read):
    corpus = Musan(root)
    assert corpus.kind == "noise"
    assert not corpus.verified
    found = read(corpus)
    assert sum(map(len, found.values())) == 36
    assert {row["label"] for rows in found.values() for row in rows} == {"noise", "music", "speech"}


def test_a_recording_keeps_its_split_whatever_the_parts(root, read):
    everything, some = read(Musan(root)), read(Musan(root, parts=["music", "noise"]))
    for split, rows in some.items():
        assert [row["id"] for row in rows] == [row["id"] for row in everything[split] if row["label"] != "speech"]


def test_a_missing_part_is_named(root):
    with pytest.raises(
        EarmarkError,
        match=r"musan: no folder speech in .*; get the corpus from https://www.openslr.org/17 .*, or set parts",
    ):
        Musan(root / "noise", parts=["speech"]).rows("train")
