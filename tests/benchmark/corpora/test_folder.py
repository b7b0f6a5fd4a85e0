import pytest

from benchmark import audio
from benchmark.catalogue import open_corpus
from benchmark.contracts import SPLITS
from benchmark.corpora.folder import Folder
from benchmark.errors import EarmarkError


def test_splits_by_hash_do_not_move_when_files_are_added(tmp_path, clip, read):
    for number in range(30):
        clip(tmp_path / f"a/{number}.wav", rate=8000)
    before = read(Folder(tmp_path, "here"))
    assert sum(map(len, before.values())) == 30
    for number in range(30):
        clip(tmp_path / f"b/{number}.flac", rate=44_100, channels=2)
    after = read(Folder(tmp_path, "here"))
    for split in SPLITS:
        assert {row["id"] for row in before[split]} <= {row["id"] for row in after[split]}


def test_sub_folders_with_the_names_of_splits_are_the_splits(tmp_path, clip, read):
    wanted = {split: f"{split}/deep/er.ogg" for split in SPLITS}
    for name in wanted.values():
        clip(tmp_path / name)
    found = read(Folder(tmp_path, "here"))
    assert {split: [row["id"] for row in rows] for split, rows in found.items()} == {
        split: [name] for split, name in wanted.items()
    }
    (tmp_path / "validation/deep/er.ogg").unlink()
    with pytest.raises(
        EarmarkError,
        match=(
            r"the validation split is empty in .*; it holds 2 recordings; add some, or sort them into sub-folders "
            r"named train"
        ),
    ):
        Folder(tmp_path, "here").rows("validation")
    stray = clip(tmp_path / "stray.wav")
    with pytest.raises(EarmarkError, match=rf"{stray} is outside the sub-folders train, validation and test; move it"):
        Folder(tmp_path, "here").rows("train")


@pytest.mark.parametrize(("suffix", "rate", "channels"), [("wav", 8000, 1), ("flac", 44_100, 2), ("ogg", 48_000, 1)])
def test_rates_and_channels_are_left_to_the_decoder(tmp_path, clip, suffix, rate, channels):
    clip(tmp_path / f"noises/train/a.{suffix}", rate, channels, seconds=0.5)
    corpus = open_corpus("folder", {"path": "noises", "kind": "ambience"}, tmp_path, tmp_path)
    assert corpus.kind == "ambience"
    (row,) = corpus.rows("train")
    assert audio.read(row["audio"], None).shape == (channels, rate // 2)
    assert audio.read(row["audio"]).shape == (channels, 8000)


def test_two_formats_of_one_name_are_two_recordings(tmp_path, clip, read):
    for suffix in ("wav", "flac"):
        clip(tmp_path / f"train/a.{suffix}")
    assert [row["id"] for row in read(Folder(tmp_path, "here"), ("train",))["train"]] == ["train/a.flac", "train/a.wav"]
