import pytest

from benchmark.corpora.tau import TAU
from benchmark.errors import EarmarkError

SCENES = ("airport", "park", "tram")
CITIES = ("milan", "paris", "prague")


def rows():
    """Three scenes in three cities, two locations per city and two clips per location.

    Milan is for test, as whole cities are in 2019.
    """
    for i, scene in enumerate(SCENES):
        for j, city in enumerate(CITIES):
            for location in (f"{city}-{10 * i + 2 * j}", f"{city}-{10 * i + 2 * j + 1}"):
                for segment in (0, 1):
                    yield f"audio/{scene}-{location}-{segment}-a.wav", scene, location


@pytest.fixture
def root(tmp_path, clip):
    for name, _, _ in rows():
        clip(tmp_path / name, rate=48_000, channels=2)
    meta = [f"{name}\t{scene}\t{location}\ta" for name, scene, location in rows()]
    (tmp_path / "meta.csv").write_text("\n".join(["filename\tscene_label\tidentifier\tsource_label", *meta]) + "\n")
    return tmp_path


def set_up(root, suffix, header):
    """The owner's lists: every first location of a city is unlisted in Prague, as some devices' clips are in 2020."""
    lists = {"train": "paris prague", "evaluate": "milan"}
    (root / "evaluation_setup").mkdir()
    for part, cities in lists.items():
        lines = [
            f"{name}\t{scene}"
            for name, scene, location in rows()
            if location.partition("-")[0] in cities.split() and location != "prague-4"
        ]
        (root / f"evaluation_setup/fold1_{part}.{suffix}").write_text("\n".join([*header, *lines]) + "\n")


@pytest.mark.parametrize(("suffix", "header"), [("csv", ["filename\tscene_label"]), ("txt", [])])
def test_the_owner_s_fold_with_validation_out_of_training(root, read, suffix, header):
    set_up(root, suffix, header)
    corpus = TAU(root)
    assert corpus.schema == {"classes": list(SCENES)}
    found = read(corpus)  # groups apart
    assert {row["group"].partition("-")[0] for row in found["test"]} == {"milan"}
    # 2 of 11 training locations
    assert {split: len(found[split]) for split in found} == {"train": 18, "validation": 4, "test": 12}
    assert "prague-4" not in {row["group"] for split in found.values() for row in split}
    assert found["test"][0] == {
        "id": "audio/airport-milan-0-0-a",
        "group": "milan-0",
        "audio": str(root / "audio/airport-milan-0-0-a.wav"),
        "label": "airport",
    }


def test_without_lists_the_remedy_splits_by_location(root, read):
    with pytest.raises(
        EarmarkError,
        match=r"tau: no file evaluation_setup/fold1_train.csv in .*; set split_by: locations, or get the corpus from",
    ):
        TAU(root).rows("train")
    found = read(TAU(root, split_by="locations"))
    assert sum(map(len, found.values())) == 36
    assert len({row["group"] for row in found["test"]}) == 3  # of 18 locations


def test_what_is_missing_is_named(root):
    set_up(root, "csv", ["filename\tscene_label"])
    (root / "audio/tram-milan-20-0-a.wav").unlink()
    with pytest.raises(
        EarmarkError,
        match=(
            r"1 files named in meta.csv or evaluation_setup are missing from .*, the first is "
            r"audio/tram-milan-20-0-a.wav"
        ),
    ):
        TAU(root).rows("test")
    with (root / "evaluation_setup/fold1_train.csv").open("a") as file:
        file.write("audio/moon-base-1-0-a.wav\tmoon\n")
    with pytest.raises(
        EarmarkError, match=r"fold1_train.csv names audio/moon-base-1-0-a.wav, which is not in meta.csv"
    ):
        TAU(root).rows("test")
    (root / "meta.csv").write_text("filename,scene_label\n")
    with pytest.raises(
        EarmarkError, match=r"lacks some of the tab-separated columns filename, scene_label, identifier"
    ):
        _ = TAU(root).schema
    (root / "meta.csv").write_text("")
    with pytest.raises(EarmarkError, match=r"lacks some of the tab-separated columns"):
        TAU(root).rows("test")
    (root / "meta.csv").unlink()
    with pytest.raises(EarmarkError, match=r"no file meta.csv"):
        _ = TAU(root).schema
