"""What is planned, and what is refused before anything runs."""

import numpy as np
import pandas as pd
import pytest
import toys

from benchmark import audio
from benchmark.corpora import Corpora
from benchmark.errors import EarmarkError
from benchmark.plan import make_plan
from benchmark.recipe import load_recipe

BANDS = f"{toys.__file__}:Bands"
HISS = {f"{toys.__file__}:Hiss": {}}


@pytest.fixture
def table(tmp_path):
    """A table of three speakers, each in one split, of two clips each; what stands in it can be changed before it is planned."""
    rows = []
    for index, split in enumerate(("train", "validation", "test")):
        for clip in range(2):
            path = tmp_path / f"{split}{clip}.wav"
            audio.write(path, np.random.default_rng([index, clip]).normal(0, 0.05, (1, 8000)).astype(np.float32))
            rows.append({"split": split, "audio": str(path), "speaker": f"s{index}", "label": ("low", "high")[clip]})

    def plan(change=lambda frame: frame):
        for split, frame in change(pd.DataFrame(rows)).groupby("split"):
            frame.drop(columns="split").to_csv(tmp_path / f"{split}.csv", index=False)
        targets = {
            "table": {"path": str(tmp_path), "splits": {name: f"{name}.csv" for name in ("train", "validation", "test")}, "columns": {"group": "speaker"}}
        }
        path = toys.toy_recipe(tmp_path, tasks={"bands": {"task": BANDS, "targets": targets, "interferers": HISS}})
        return make_plan(load_recipe(path), Corpora(None, tmp_path / "cache"))

    return plan


def test_speakers_of_their_own_are_planned(table):
    assert table().rows


def test_a_test_speaker_who_was_trained_on_is_refused(table):
    with pytest.raises(EarmarkError, match=r"tasks.bands: 'bands: stock clean, seed 1' trains on 1 groups \(speakers, sites\), such as s0, of table"):
        table(lambda frame: frame.assign(speaker=frame["speaker"].where(frame["split"] != "test", "s0")))


def test_a_recording_under_another_name_is_refused(table, tmp_path):
    def copied(frame):
        copy = tmp_path / "renamed.wav"
        copy.write_bytes((tmp_path / "train0.wav").read_bytes())
        return frame.assign(audio=frame["audio"].where(frame["audio"] != str(tmp_path / "test0.wav"), str(copy)))

    with pytest.raises(EarmarkError, match=r"trains on 1 recordings, such as test/0.*, of table, which this task is tested on"):
        table(copied)


def test_clips_that_are_alike_only_in_their_middle_are_others(table, tmp_path):
    for name, first in (("train0", 0.1), ("test0", 0.2)):
        clip = np.zeros((1, 8000), np.float32)
        clip[0, :100] = first
        audio.write(tmp_path / f"{name}.wav", clip)
    assert table().rows


class Fetched(toys.Gain):
    """Comes trained from elsewhere."""

    pretrained_on = "a large corpus"


def test_rows_that_come_trained_from_elsewhere_are_the_open_track(tmp_path):
    fetched = f"{__file__}:Fetched"
    path = toys.toy_recipe(tmp_path, front_ends={"identity": None, "gain": {fetched: {}}, "both": {"chain": [{fetched: {}}, "identity"]}})
    rows = make_plan(load_recipe(path), Corpora(None, tmp_path / "cache")).rows
    tracks = {(row.front_end, row.track) for row in rows}
    assert tracks == {("reference", "closed"), ("identity", "closed"), ("gain", "open"), ("both", "open")}
    assert all("a large corpus" in row.training_data for row in rows if row.track == "open")


def test_every_cell_comes_after_what_it_needs_and_rows_stand_on_planned_cells(tmp_path):
    plan = make_plan(load_recipe(toys.toy_recipe(tmp_path)), Corpora(None, tmp_path / "cache"))
    places = {key: index for index, key in enumerate(plan.cells)}
    assert all(places[need] < places[key] for key, cell in plan.cells.items() for need in cell.needs)
    assert {row.record for row in plan.rows} | {key for row in plan.rows for key in row.trained_by} == set(plan.cells)
    schemes = {row.scheme for row in plan.rows if row.front_end == "identity"}
    assert schemes == {"clean", "noisy"}  # nothing to move: no other rows
