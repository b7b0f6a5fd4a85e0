"""What is planned, and what is refused before anything runs."""

import itertools
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import toys

from benchmark import audio
from benchmark.catalogue import Corpora
from benchmark.errors import EarmarkError
from benchmark.frontends.nal_r import NalR
from benchmark.hearing.audiograms import PROFILES
from benchmark.planning.cells import identity
from benchmark.planning.planner import make_plan
from benchmark.planning.recipe import load_recipe
from benchmark.results.summaries import is_baseline

BANDS = f"{toys.__file__}:Bands"
HISS = {f"{toys.__file__}:Hiss": {}}


@pytest.fixture
def table(tmp_path):
    """A table of three speakers, each in one split, of two clips each; what stands in it can be changed before it is
    planned.
    """
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
            "table": {
                "path": str(tmp_path),
                "splits": {name: f"{name}.csv" for name in ("train", "validation", "test")},
                "columns": {"group": "speaker"},
            }
        }
        path = toys.toy_recipe(tmp_path, tasks={"bands": {"task": BANDS, "targets": targets, "interferers": HISS}})
        return make_plan(load_recipe(path), Corpora(None, tmp_path / "cache"))

    return plan


def test_speakers_of_their_own_are_planned(table):
    assert table().rows


def test_a_test_speaker_who_was_trained_on_is_refused(table):
    with pytest.raises(
        EarmarkError,
        match=r"tasks.bands: 'bands: stock clean, seed 1' trains on 1 groups \(speakers, sites\), such as s0, of table",
    ):
        table(lambda frame: frame.assign(speaker=frame["speaker"].where(frame["split"] != "test", "s0")))


def test_a_recording_under_another_name_is_refused(table, tmp_path):
    def copied(frame):
        copy = tmp_path / "renamed.wav"
        copy.write_bytes((tmp_path / "train0.wav").read_bytes())
        return frame.assign(audio=frame["audio"].where(frame["audio"] != str(tmp_path / "test0.wav"), str(copy)))

    with pytest.raises(
        EarmarkError, match=r"trains on 1 recordings, such as test/0.*, of table, which this task is tested on"
    ):
        table(copied)


def padded(path, first):
    """A clip that is silent but for its beginning."""
    clip = np.zeros((1, 8000), np.float32)
    clip[0, :100] = first
    audio.write(path, clip)


def test_clips_that_are_alike_only_in_their_middle_are_others(table, tmp_path):
    for name, first in (("train0", 0.1), ("test0", 0.2)):
        padded(tmp_path / f"{name}.wav", first)
    assert table().rows


def test_of_clips_that_are_alike_in_their_middle_every_copy_is_found(table, tmp_path):
    for name, first in (("train0", 0.1), ("train1", 0.2), ("test0", 0.1), ("test1", 0.3)):
        padded(tmp_path / f"{name}.wav", first)
    with pytest.raises(EarmarkError, match=r"trains on 1 recordings, such as test/0"):
        table()


def test_null_is_no_fold_among_others(tmp_path):
    tasks = {"digits": {"task": "speech_commands", "targets": "free_spoken_digits", "folds": ["jackson", None]}}
    with pytest.raises(EarmarkError, match=r"tasks\.digits\.folds: null cannot be one fold among others"):
        load_recipe(toys.toy_recipe(tmp_path, tasks=tasks))


def test_the_speakers_of_the_open_recipe_are_left_out_one_after_the_other(tmp_path):
    """Without folds every speaker of the digits is in every split, and the recipe would be refused."""
    recordings = tmp_path / "data" / "free-spoken-digit-dataset" / "recordings"
    recordings.mkdir(parents=True)
    speakers = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
    for index, (digit, speaker, take) in enumerate(itertools.product(range(10), speakers, range(50))):
        sound = np.random.default_rng(index).integers(-9999, 9999, (1, 100)).astype(np.int16)
        audio.write(recordings / f"{digit}_{speaker}_{take}.wav", sound, 8000)
    whole = load_recipe("open")
    digits = whole.tasks["speech_commands"]
    digits = digits.model_copy(update={"roles": {**digits.roles, "interferers": HISS}})
    corpora = Corpora(tmp_path / "data", tmp_path / "cache")
    plan = make_plan(replace(whole, tasks={"speech_commands": digits}, seeds=(1,)), corpora)
    assert {row.fold for row in plan.rows} == set(speakers)
    with pytest.raises(EarmarkError, match="groups"):
        make_plan(
            replace(whole, tasks={"speech_commands": digits.model_copy(update={"folds": (None,)})}, seeds=(1,)), corpora
        )


class Fetched(toys.Gain):
    """Comes trained from elsewhere."""

    pretrained_on = "a large corpus"


def test_rows_that_come_trained_from_elsewhere_are_the_open_track(tmp_path):
    fetched = f"{__file__}:Fetched"
    path = toys.toy_recipe(
        tmp_path, front_ends={"identity": None, "gain": {fetched: {}}, "both": {"chain": [{fetched: {}}, "identity"]}}
    )
    rows = make_plan(load_recipe(path), Corpora(None, tmp_path / "cache")).rows
    tracks = {(row.front_end, row.track) for row in rows}
    assert tracks == {("reference", "closed"), ("identity", "closed"), ("gain", "open"), ("both", "open")}
    assert all("a large corpus" in row.training_data for row in rows if row.track == "open")


def test_every_cell_comes_after_what_it_needs_and_rows_stand_on_planned_cells(tmp_path):
    plan = make_plan(load_recipe(toys.toy_recipe(tmp_path)), Corpora(None, tmp_path / "cache"))
    places = {key: index for index, key in enumerate(plan.cells)}
    assert all(places[need] < places[key] for key, cell in plan.cells.items() for need in cell.needs)
    assert {key for row in plan.rows for key in row.behind} == set(plan.cells)
    for row in plan.rows:
        assert plan.cells[row.record].kind == "score"
        assert (row.enhanced is None) == (row.front_end == "reference")
        assert all(plan.cells[key].kind == "train" for key in row.trained_by)
    schemes = {row.scheme for row in plan.rows if row.front_end == "identity"}
    assert schemes == {"clean", "noisy"}  # nothing to move: no other rows


TONES = {f"{toys.__file__}:Tones": {}}
AID = f"{toys.__file__}:HearingAid"
SMALL = {"features": 4, "hidden": 4, "layers": 1, "head": 4}


def planned(folder, listeners=("N3",), tasks=("bands", "hearing"), options=None, **changes):
    """A recipe of a task without listeners, and one with them."""
    known = {
        "bands": {"task": BANDS, "targets": TONES, "interferers": HISS},
        "hearing": {"task": "hearing_loss", "targets": TONES, "interferers": HISS, **(options or {})},
    }
    given = {
        "front_ends": {
            "identity": None,
            "gain": {f"{toys.__file__}:Gain": {}},
            "nal_r": None,
            "aid": AID,
            "two_mask": SMALL,
        },
        "schemes": {"noisy": None, "joint": None},
        "score": {"snr": ["clean", 0], "scenes": 4, "listeners": list(listeners)},
        "tasks": {label: known[label] for label in tasks},
    } | changes
    folder.mkdir(exist_ok=True)
    return make_plan(load_recipe(toys.toy_recipe(folder, **given)), Corpora(None, folder.parent / "cache"))


def keys(plan, task):
    return {(row.front_end, row.scheme): (row.record, row.trained_by) for row in plan.rows if row.task == task}


def test_what_needs_a_listener_makes_rows_where_there_is_one(tmp_path):
    plan = planned(tmp_path / "r")
    rows = {task: {row.front_end for row in plan.rows if row.task == task} for task in ("bands", "hearing")}
    assert rows["bands"] == {"reference", "identity", "gain"}
    assert rows["hearing"] == {"reference", "identity", "gain", "nal_r", "aid", "two_mask"}
    assert {row.scheme for row in plan.rows if row.front_end == "two_mask"} == {"noisy", "joint"}
    assert {row.scheme for row in plan.rows if row.front_end == "nal_r"} == {"noisy"}  # nothing to train


def test_trainings_have_listeners_where_somebody_asks_for_them(tmp_path):
    plan = planned(tmp_path / "r")
    trainings = {cell.label: cell.work.listeners for cell in plan.cells.values() if cell.kind == "train"}
    assert trainings["pretrain two_mask, seed 1"] is True
    assert trainings["hearing: gain joint, seed 1"] is True
    assert {label for label, listeners in trainings.items() if not listeners} >= {
        "pretrain gain, seed 1",
        "bands: gain joint, seed 1",
    }


@pytest.mark.parametrize(
    "front_end", ["nal_r", "unaided", "two_mask", "cascade", {"chain": ["spectral", "nal_r"]}, AID]
)
def test_what_needs_a_listener_is_refused_where_no_task_has_one(tmp_path, front_end):
    with pytest.raises(
        EarmarkError,
        match=r"front_ends.mine: it needs listener, which no task of this recipe has; add hearing_loss, or leave",
    ) as caught:
        planned(tmp_path / "r", tasks=["bands"], front_ends={"identity": None, "mine": front_end})
    assert "\n" not in str(caught.value)


def test_listeners_are_in_the_keys_of_the_tasks_that_have_them_alone(tmp_path):
    one, two, same = planned(tmp_path / "a"), planned(tmp_path / "b", ("N3", "S3")), planned(tmp_path / "c")
    assert keys(one, "bands") == keys(two, "bands")
    assert keys(one, "hearing") == keys(same, "hearing")
    for row, (record, trained_by) in keys(two, "hearing").items():
        assert record != keys(one, "hearing")[row][0]
        assert trained_by == keys(one, "hearing")[row][1]  # draws do not depend on who is scored
    scored = one.cells[keys(one, "hearing")["identity", "noisy"][0]].work
    assert scored.listeners == {"N3": PROFILES["N3"]}
    assert all(one.cells[record].work.listeners is None for record, _ in keys(one, "bands").values())
    enhanced = {
        row.front_end: one.enhancing(row).listeners for row in one.rows if row.task == "hearing" and row.enhanced
    }
    assert enhanced["identity"] is None  # it is enhanced once, whoever listens
    assert enhanced["aid"] == {"N3": PROFILES["N3"]}


def write_listener(folder, left):
    record = {"audiogram_cfs": [250, 1000, 6000], "audiogram_levels_l": left, "audiogram_levels_r": [0, 0, 0]}
    folder.mkdir()
    (folder / "listeners.json").write_text(json.dumps({"L0001": record}))
    return f"{folder}/listeners.json:L0001:left"


def test_an_ear_from_a_file_is_known_by_its_name_and_its_thresholds_not_by_its_folder(tmp_path):
    here, there, other = (
        write_listener(tmp_path / name, left)
        for name, left in (("x", [20, 40, 60]), ("y", [20, 40, 60]), ("z", [20, 40, 61]))
    )
    plans = [
        planned(tmp_path / f"r{index}", ("N3", ear), front_ends={"nal_r": None})
        for index, ear in enumerate((here, there, other))
    ]
    found = [keys(plan, "hearing")["nal_r", "noisy"][0] for plan in plans]
    assert found[0] == found[1] != found[2]
    listeners = plans[0].cells[found[0]].work.listeners
    assert list(listeners) == ["N3", "listeners.json:L0001:left"]
    assert listeners["listeners.json:L0001:left"][0] == 20
    assert listeners["listeners.json:L0001:left"][-1] == 60
    assert str(tmp_path) not in json.dumps(identity(plans[0].cells[found[0]].work))


@pytest.mark.parametrize(
    ("name", "message"), [("N9", "unknown listener 'N9'"), ("nowhere.json:L1:left", "nowhere.json: cannot be read")]
)
def test_an_unknown_listener_is_one_line(tmp_path, name, message):
    with pytest.raises(EarmarkError, match=message) as caught:
        planned(tmp_path / "r", [name], front_ends={"identity": None})
    assert "\n" not in str(caught.value)
    assert planned(tmp_path / "s", [name], tasks=["bands"], front_ends={"identity": None}).rows  # nobody listens there


def test_two_ears_of_one_name_are_refused(tmp_path):
    ears = []
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        record = {"audiogram_cfs": [250, 6000], "audiogram_levels_l": [20, 20], "audiogram_levels_r": [0, 0]}
        (tmp_path / name / "listeners.json").write_text(json.dumps({"L0001": record}))
        ears.append(f"{tmp_path / name}/listeners.json:L0001:left")
    with pytest.raises(
        EarmarkError, match=r"tasks.hearing.score.listeners: two of them share a name \(listeners.json:L0001:left\)"
    ):
        planned(tmp_path / "r", ears)


def test_an_unknown_listener_is_named_with_its_key(tmp_path):
    with pytest.raises(EarmarkError, match=r"tasks.hearing.score.listeners: unknown listener 'N9'"):
        planned(tmp_path / "r", ("N9",))


def test_a_prescription_is_part_of_what_was_run(tmp_path, monkeypatch):
    before = planned(tmp_path / "a")
    monkeypatch.setattr(NalR, "version", 2)
    after = planned(tmp_path / "b")
    assert all(before.cells[row.record].code["front-end NalR"] for row in before.rows if row.task == "hearing")
    records = [
        {(row.front_end, row.scheme): row.record for row in plan.rows if row.task == "hearing"}
        for plan in (before, after)
    ]
    assert all(records[0][row] != records[1][row] for row in records[0])


@pytest.mark.parametrize(
    ("prescription", "message"),
    [
        ("nalr", "prescription: unknown front-end 'nalr'"),
        ("two_mask", "prescription: TwoMask cannot be one"),
        ("unet", "UNet cannot be one"),
    ],
)
def test_a_prescription_that_is_none_is_refused_before_anything_runs(tmp_path, prescription, message):
    with pytest.raises(EarmarkError, match=message):
        planned(tmp_path / "r", options={"prescription": prescription})


def test_two_files_of_one_name_are_two_front_ends(tmp_path):
    fronts = {}
    for name, factor in (("half", 0.5), ("none", 0.0)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "fe.py").write_text(
            f"import torch\n\nclass Net(torch.nn.Module):\n    def forward(self, audio):\n        return {factor} * "
            "audio\n"
        )
        fronts[name] = f"{tmp_path / name}/fe.py:Net"
    plan = planned(tmp_path / "r", tasks=("bands",), front_ends={"identity": None, **fronts})
    assert len({row.record for row in plan.rows if row.front_end in fronts}) == 2


def test_clean_input_is_not_scored_where_only_exported_scenes_were_enhanced(tmp_path):
    (tmp_path / "files").mkdir()
    fronts = {"identity": None, "files": {"adapters/folder": {"path": str(tmp_path / "files")}}}
    plan = make_plan(load_recipe(toys.toy_recipe(tmp_path, front_ends=fronts)), Corpora(None, tmp_path / "cache"))
    conditions = {row.front_end: plan.scoring(row).scenes.snr for row in plan.rows}
    assert conditions == {"reference": ("clean", 0, -5), "identity": ("clean", 0, -5), "files": (0, -5)}
    assert {row.scheme for row in plan.rows if row.front_end == "files"} == {"clean", "noisy"}
    recipe = load_recipe(toys.toy_recipe(tmp_path, front_ends=fronts, score={"snr": ["clean"], "scenes": 2}))
    with pytest.raises(EarmarkError, match=r"front_ends\.files: clean scenes are never exported"):
        make_plan(recipe, Corpora(None, tmp_path / "cache"))


def test_scenes_of_a_secret_seed_are_other_cells_and_public_ones_keep_their_keys(tmp_path):
    def scored(**score):
        plan = make_plan(
            load_recipe(toys.toy_recipe(tmp_path, score={"snr": [0], "scenes": 2, **score})),
            Corpora(None, tmp_path / "cache"),
        )
        return {key: cell.work.scenes for key, cell in plan.cells.items() if cell.kind == "score"}

    public, secret = scored(), scored(seed=7)
    assert all(scenes.seed is None for scenes in public.values())
    assert all(scenes.seed == 7 for scenes in secret.values())
    assert not public.keys() & secret.keys()


def test_labels_of_no_use_are_told_at_once_and_can_be_left_out(tmp_path):
    texts = {"train": "one two ж", "validation": "three щ", "test": "four"}
    for index, (split, text) in enumerate(texts.items()):
        lines = ["group,audio,text"]
        for take, words in enumerate((text, "five six")):
            path = tmp_path / f"{split}{take}.wav"
            audio.write(path, np.random.default_rng([index, take]).normal(0, 0.05, (1, 8000)).astype(np.float32))
            lines.append(f"s{index},{path},{words}")
        (tmp_path / f"{split}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    options = {"path": str(tmp_path), "splits": {split: f"{split}.csv" for split in texts}}

    def plan(**more):
        targets = {"table": {**options, **more}}
        path = toys.toy_recipe(
            tmp_path, tasks={"asr": {"task": "asr", "targets": targets, "interferers": HISS}}, schemes={"noisy": None}
        )
        return make_plan(load_recipe(path), Corpora(None, tmp_path / "cache"))

    with pytest.raises(EarmarkError) as caught:
        plan()
    first, *lines = str(caught.value).split("\nearmark: ")
    assert first.startswith("table: 2 of 6 recordings cannot be used; mend them, or leave them out")
    assert [line.split(": ")[1] for line in lines] == ["train/000000", "validation/000000"]
    assert plan(without=["train/000000", "validation/000000"]).rows


def test_signal_tasks_alone_keep_the_baseline(tmp_path):
    tasks = {
        "enhancement": {"targets": {f"{toys.__file__}:Tones": {}}, "interferers": HISS, "metrics": ["si_sdr"]},
    }
    path = toys.toy_recipe(tmp_path, tasks=tasks, front_ends={"identity": None}, schemes={"clean": None, "noisy": None})
    plan = make_plan(load_recipe(path), Corpora(None, tmp_path / "cache"))
    assert [row.scheme for row in plan.rows if row.front_end == "identity"] == ["noisy"]
    assert any(is_baseline(plan, row) for row in plan.rows)
