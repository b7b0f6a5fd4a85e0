"""Cells: written and read back they are the same, and a key holds what is done, not where."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import toys

from benchmark.catalogue import Corpora, CorpusContent
from benchmark.errors import EarmarkError
from benchmark.planning.cells import Cell, Enhancing, Scoring, Training, from_json, identity, portable, to_json
from benchmark.planning.planner import make_plan
from benchmark.planning.recipe import load_recipe


def planned(folder: Path, **changes):
    return make_plan(load_recipe(toys.toy_recipe(folder, **changes)), Corpora(None, folder / "cache"))


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    return planned(tmp_path_factory.mktemp("plan"))


def test_every_cell_is_the_same_when_it_is_read_back(plan):
    kinds = set()
    for cell in plan.cells.values():
        back = from_json(json.loads(json.dumps(to_json(cell.work))))
        assert type(back) is type(cell.work)
        assert Cell(cell.label, back).key == cell.key
        kinds.add(cell.kind)
    assert kinds == {"train", "measure", "enhance", "score"}


def test_what_is_no_cell_is_one_line(plan):
    whole = to_json(next(cell.work for cell in plan.cells.values() if cell.kind == "enhance"))
    for broken in (
        {},
        {**whole, "kind": "dance"},
        {**whole, "scenes": {"scenes": "six"}},
        {**whole, "source": None},
        [],
    ):
        with pytest.raises(EarmarkError, match="a manifest holds no cell") as caught:
            from_json(broken)
        assert "\n" not in str(caught.value)


def test_a_front_end_is_enhanced_once_for_every_scheme_that_drops_it_in(plan):
    enhanced = {(row.front_end, row.scheme): row.enhanced for row in plan.rows}
    dropped_in = {enhanced["gain", scheme] for scheme in ("clean", "noisy", "frozen")}
    assert len(dropped_in) == 1
    assert len({enhanced["gain", scheme] for scheme in ("clean", "joint", "sample_importance", "alternating")}) == 4
    assert enhanced["identity", "clean"] == enhanced["identity", "noisy"]
    works = [cell.work for cell in plan.cells.values()]
    assert sum(isinstance(work, Enhancing) for work in works) == 5
    assert sum(isinstance(work, Scoring) for work in works) == len(plan.rows)


def test_weights_go_by_the_parts_that_a_scheme_moves(plan):
    rows = {(row.front_end, row.scheme): row for row in plan.rows}
    work = {key: cell.work for key, cell in plan.cells.items()}
    pretrained = plan.enhancing(rows["gain", "frozen"]).weights["front_end"]
    assert isinstance(work[pretrained], Training)
    assert not work[pretrained].tasks
    frozen = plan.scoring(rows["gain", "frozen"]).weights["model"]
    assert work[frozen].starts == {
        "front_end": pretrained,
        "bands": plan.scoring(rows["gain", "clean"]).weights["model"],
    }
    joint = rows["gain", "joint"]
    assert plan.enhancing(joint).weights["front_end"] == plan.scoring(joint).weights["model"] != frozen


def test_keys_hold_what_is_done_and_not_where(plan, tmp_path):
    keys = {cell.label: cell.key for cell in plan.cells.values()}
    toys_elsewhere = tmp_path / "elsewhere" / "toys.py"
    toys_elsewhere.parent.mkdir()
    shutil.copy(toys.__file__, toys_elsewhere)
    elsewhere = {"front_ends": {"identity": None, "gain": {f"{toys_elsewhere}:Gain": {}}}}
    again = planned(tmp_path, **elsewhere)
    assert {cell.label: cell.key for cell in again.cells.values()} == keys


def test_what_changes_a_result_changes_its_key_and_those_behind_it(plan, tmp_path):
    budget = {"steps": 8, "batch": 4, "lr": 0.05, "validations": 2}
    train = {"validation_scenes": 6, **dict.fromkeys(("stock", "adapt"), budget)}
    other = planned(tmp_path, train={**train, "pretrain": {**budget, "steps": 10}})
    before, after = ({cell.label: cell.key for cell in each.cells.values()} for each in (plan, other))
    changed = {label for label in before if before[label] != after[label]}
    assert "pretrain gain, seed 1" in changed
    assert "bands: gain enhanced, seed 1" in changed
    assert "bands: gain noisy scored, seed 1" in changed
    assert not [label for label in changed if "identity" in label or "stock" in label]


def test_workers_and_digests_of_code_are_no_part_of_a_key(plan):
    cell = next(iter(plan.cells.values()))
    assert replace(cell, workers=4, code={"x": "y"}, label="another").key == cell.key


def test_a_folder_in_the_option_path_counts_by_what_is_in_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "enhanced").mkdir()
    (tmp_path / "spectral").mkdir()  # the name of a folder, and of a front-end
    before = [portable({"path": "enhanced"}, True), portable({"members": ["spectral"]}, True)]
    (tmp_path / "enhanced" / "a.wav").write_bytes(b"1")
    (tmp_path / "spectral" / "a.wav").write_bytes(b"1")
    after = [portable({"path": "enhanced"}, True), portable({"members": ["spectral"]}, True)]
    assert before[0] != after[0]
    assert before[1] == after[1] == {"members": ["spectral"]}
    monkeypatch.setenv("HOME", str(tmp_path))
    assert portable({"path": "~/enhanced"}, True) == after[0]


def test_where_a_corpus_lies_is_no_part_of_a_key():
    here, there = (CorpusContent("folder", {"path": path, "x": 1}, None, "1", {"test": "abc"}) for path in ("a", "b"))
    assert identity(here) == identity(there)
    assert identity(here) != identity(CorpusContent("folder", {"path": "a", "x": 2}, None, "1", {"test": "abc"}))


def test_a_listener_of_two_words_is_refused(tmp_path):
    record = {"audiogram_cfs": [250, 6000], "audiogram_levels_l": [20, 20], "audiogram_levels_r": [0, 0]}
    (tmp_path / "my ears.json").write_text(json.dumps({"L1": record}))
    tones, hiss = {f"{toys.__file__}:Tones": {}}, {f"{toys.__file__}:Hiss": {}}
    task = {"task": "hearing_loss", "targets": tones, "interferers": hiss}
    score = {"snr": [0], "scenes": 2, "listeners": [f"{tmp_path}/my ears.json:L1:left"]}
    with pytest.raises(EarmarkError, match=r"tasks.hearing.score.listeners: 'my ears.json:L1:left' holds a space"):
        planned(tmp_path, tasks={"hearing": task}, score=score)


def test_a_front_end_runs_once_for_all_schemes_and_task_models(tmp_path):
    bands = {
        "task": f"{toys.__file__}:Bands",
        "targets": {f"{toys.__file__}:Tones": {}},
        "interferers": {f"{toys.__file__}:Hiss": {}},
    }
    tasks = {"one": bands, "two": {**bands, "model": {"mel_cnn": {"bands": 16}}}}
    path = toys.toy_recipe(
        tmp_path, front_ends={"identity": None, "spectral": None}, tasks=tasks, schemes={"clean": None, "noisy": None}
    )
    plan = make_plan(load_recipe(path), Corpora(None, tmp_path / "cache"))
    rows = [row for row in plan.rows if row.front_end == "spectral"]
    assert len({row.record for row in rows}) == len(rows) == 4
    assert len({row.enhanced for row in rows}) == len({row.measured for row in rows}) == 1
    kinds = [cell.kind for cell in plan.cells.values() if "spectral" in cell.label]
    assert kinds.count("enhance") == kinds.count("measure") == 1
