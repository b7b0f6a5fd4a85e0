import pytest

from benchmark.corpora.demand import ENVIRONMENTS, Demand
from benchmark.errors import EarmarkError


@pytest.fixture
def root(tmp_path, clip):
    for name in ("DKITCHEN", "TMETRO", "NPARK", "TBUS", "SPSQUARE"):
        for channel in (1, 2, 16):
            clip(tmp_path / name / f"ch{channel:02d}.wav", rate=48_000)
    return tmp_path


def test_an_environment_is_in_one_split_alone():
    names = [name for split in ENVIRONMENTS.values() for name in split]
    assert len(names) == len(set(names)) == 18


def test_environments_make_the_splits(root, read):
    found = read(Demand(root))
    assert {split: [row["id"] for row in rows] for split, rows in found.items()} == {
        "train": ["DKITCHEN/ch01", "TMETRO/ch01"],
        "validation": ["NPARK/ch01"],
        "test": ["SPSQUARE/ch01", "TBUS/ch01"],
    }
    assert found["test"][1]["group"] == found["test"][1]["label"] == "TBUS"


def test_channels_are_recordings_of_their_own(root, read):
    found = read(Demand(root, channels=["ch02", "ch16"]))
    assert [row["id"] for row in found["validation"]] == ["NPARK/ch02", "NPARK/ch16"]


def test_archives_that_unpack_into_folders_of_their_own(root, read, tmp_path):
    nested = tmp_path / "nested"
    nested.mkdir()
    for path in root.glob("[A-Z]*"):
        path.rename(nested / path.name)
    assert {row["group"] for row in read(Demand(root))["test"]} == {"TBUS", "SPSQUARE"}


def test_an_empty_split_says_which_environments_there_are(root):
    for channel in (root / "NPARK").iterdir():
        channel.unlink()
    with pytest.raises(
        EarmarkError,
        match=(
            r"the validation split is empty in .*; environments present: DKITCHEN, SPSQUARE, TBUS, TMETRO; get the "
            r"corpus from"
        ),
    ):
        Demand(root).rows("validation")
