"""A toy recipe end to end: resume, equal scores at any number of jobs, and one line for what goes wrong."""

import dataclasses
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import redirect_stdout
from pathlib import Path

import pytest
import toys
import yaml

from benchmark.catalogue import Corpora
from benchmark.cli import main
from benchmark.errors import EarmarkError
from benchmark.frontends.identity import Identity
from benchmark.planning.cells import Job, read_job
from benchmark.planning.planner import make_plan
from benchmark.planning.recipe import load_recipe
from benchmark.provenance import source_digest
from benchmark.results.summaries import summarise
from benchmark.results.summary_file import read_summaries
from benchmark.running import worker
from benchmark.running.run import check_code
from benchmark.running.scheduler import missing_cells
from benchmark.store import Store, Workspace, file_hash, sealed

HOLDER = """
import sys
from pathlib import Path
from benchmark.store import Store
with Store(Path("runs")).locked():
    print("held", flush=True)
    sys.stdin.read()
"""
EARMARK = [sys.executable, "-m", "benchmark.cli"]


def scores(out: Path) -> dict:
    """What summaries say, less costs and timings, which belong to the machine."""
    summaries = read_summaries(out / "leaderboards" / "toy" / "summaries.jsonl")
    left_out = ("costs", "timings", "digest")
    return {
        (s["task"], s["front_end"], s["scheme"], s["seed"]): {k: v for k, v in s.items() if k not in left_out}
        for s in summaries
    }


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """One whole run with one job, and what it printed; everything that only reads it shares it."""
    folder = tmp_path_factory.mktemp("finished")
    recipe, printed = toys.toy_recipe(folder), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(printed):
        patch.setenv("EARMARK_CACHE", str(folder / "cache"))
        assert main(["run", str(recipe), "--jobs", "1", "--out", str(folder)]) == 0
    return folder, recipe, os.environ | {"EARMARK_CACHE": str(folder / "cache")}, printed.getvalue()


def test_a_recipe_becomes_boards(finished):
    folder, _, _, printed = finished
    rows = {(front_end, scheme) for _, front_end, scheme, _ in scores(folder)}
    assert rows == {
        ("reference", "clean"),
        ("identity", "clean"),
        ("identity", "noisy"),
        *(("gain", scheme) for scheme in ("clean", "noisy", "frozen", "joint", "sample_importance", "alternating")),
    }
    boards = folder / "leaderboards" / "toy"
    assert sorted(path.name for path in boards.iterdir()) == [
        "bands.csv",
        "costs.csv",
        "overall.csv",
        "summaries.jsonl",
    ]
    header = (boards / "bands.csv").read_text().splitlines()[0].split(",")
    assert header[:10] == [
        "rank",
        "front_end",
        "scheme",
        "metric",
        "score",
        "score_low",
        "score_high",
        "clean",
        "snr_0",
        "snr_-5",
    ]
    assert "bands.csv" in printed
    assert not any((folder / "runs" / "work").iterdir())


def test_equal_budgets_are_equal(finished):
    updates = {(row[1], row[2]): summary["updates"] for row, summary in scores(finished[0]).items()}
    assert updates["gain", "joint"] == updates["gain", "sample_importance"] == updates["gain", "alternating"]
    assert updates["gain", "frozen"]["task"] == updates["gain", "joint"]["task"] == updates["identity", "noisy"]["task"]
    assert updates["gain", "joint"]["front_end"] == 2 * updates["gain", "frozen"]["front_end"] > 0


def test_a_finished_run_starts_nothing(finished, capfd, monkeypatch):
    folder, recipe, environment, _ = finished
    monkeypatch.setenv("EARMARK_CACHE", environment["EARMARK_CACHE"])
    before = {path: path.stat().st_mtime_ns for path in (folder / "runs").rglob("manifest.json")}
    assert main(["run", str(recipe), "--out", str(folder)]) == 0
    assert "done in" not in capfd.readouterr().err
    assert before == {path: path.stat().st_mtime_ns for path in (folder / "runs").rglob("manifest.json")}


def test_killed_and_started_again_with_two_jobs_it_ends_with_the_same_scores(finished, tmp_path, monkeypatch):
    reference, recipe, environment, _ = finished
    monkeypatch.setenv("EARMARK_CACHE", environment["EARMARK_CACHE"])
    run = subprocess.Popen(
        [*EARMARK, "run", str(recipe), "--jobs", "2"],
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    kept = tmp_path / "runs" / "weights"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and len(list(kept.glob("*/manifest.json"))) < 2:
        time.sleep(0.05)
    run.send_signal(signal.SIGKILL)
    run.wait()
    before = {path: path.stat().st_mtime_ns for path in kept.glob("*/manifest.json")}
    assert len(before) >= 2
    assert not (tmp_path / "leaderboards").exists()
    assert main(["run", str(recipe), "--jobs", "2", "--out", str(tmp_path)]) == 0
    assert before.items() <= {path: path.stat().st_mtime_ns for path in kept.glob("*/manifest.json")}.items()
    assert scores(tmp_path) == scores(reference)


def test_a_board_of_nothing_is_said(finished, tmp_path, capsys, monkeypatch):
    folder, recipe, environment, _ = finished
    monkeypatch.setenv("EARMARK_CACHE", environment["EARMARK_CACHE"])
    shutil.copytree(folder / "runs", tmp_path / "runs")

    def nothing(*arguments):
        for line in summarise(*arguments):
            excluded = [
                {"scene": scene, "condition": condition, "reason": "no label"}
                for scene in line["scenes"]
                for condition in line["conditions"]
            ]
            nulls = [[None] * len(line["conditions"])] * len(line["scenes"])
            yield line | {"excluded": excluded, "sums": dict.fromkeys(line["sums"], nulls)}

    monkeypatch.setattr("benchmark.running.run.summarise", lambda *arguments: list(nothing(*arguments)))
    assert main(["run", str(recipe), "--out", str(tmp_path)]) == 0
    assert (
        "earmark: bands: no scene could be scored, so its board is empty; the first: no label\n"
        in capsys.readouterr().err
    )


def test_dry_run_says_what_is_done_and_what_is_not(finished, capsys, monkeypatch):
    folder, recipe, environment, _ = finished
    monkeypatch.chdir(folder)
    monkeypatch.setenv("EARMARK_CACHE", environment["EARMARK_CACHE"])
    assert main(["run", str(recipe), "--dry-run"]) == 0
    everything = capsys.readouterr().out
    assert "to do" not in everything.replace("0 to do", "")
    assert main(["run", str(recipe), "--dry-run", "--out", "elsewhere"]) == 0
    nothing = capsys.readouterr().out
    assert "after pretrain gain, seed 1" in nothing
    assert "[done]" not in nothing
    assert not (folder / "elsewhere").exists()
    assert main(["run", str(recipe), "--dry-run", "--engine", "locla"]) == 2
    assert "did you mean 'local'?" in capsys.readouterr().err


def test_dry_run_says_where_a_summary_is_cut(finished, capsys, monkeypatch, tmp_path):
    folder, recipe, environment, _ = finished
    monkeypatch.setenv("EARMARK_CACHE", environment["EARMARK_CACHE"])
    summaries = tmp_path / "leaderboards/toy/summaries.jsonl"
    shutil.copytree(folder / "leaderboards", tmp_path / "leaderboards")
    summaries.write_text(summaries.read_text()[:-100])
    assert main(["run", str(recipe), "--dry-run", "--out", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert "summaries.jsonl line" in error
    assert "restore the file" in error
    assert error.count("\n") == 1


def test_a_cell_is_a_unit_that_any_engine_can_call(finished, tmp_path):
    folder, recipe, environment, _ = finished
    cache = Path(environment["EARMARK_CACHE"])
    wanted = make_plan(load_recipe(recipe), Corpora(None, cache))
    workspace = Workspace(None, cache, tmp_path / "runs", tmp_path / "boards")
    made = {}
    for label in ("pretrain gain", "bands: gain enhanced"):
        cell = next(cell for cell in wanted.cells.values() if cell.label == f"{label}, seed 1")
        Job(cell.key, cell.kind, cell, workspace, wanted.recipe.trainer).write(tmp_path / "cell.json")
        if cell.kind == "train":
            command = [sys.executable, "-m", "benchmark.running.worker", str(tmp_path / "cell.json")]
            subprocess.run(command, check=True, env=environment)
        else:  # the same without a process of its own, which takes long to import
            assert worker.main([str(tmp_path / "cell.json")]) == 0
        made[cell.shelf] = [Store(runs).get(cell.shelf, cell.key) for runs in (tmp_path / "runs", folder / "runs")]
    for name, folders in (("front_end.safetensors", made["weights"]), ("audio.f32", made["enhanced"])):
        alone, in_the_run = ((folder / name).read_bytes() for folder in folders)
        assert alone == in_the_run


def test_a_cell_that_was_edited_is_refused(finished, tmp_path):
    _, recipe, environment, _ = finished
    cache = Path(environment["EARMARK_CACHE"])
    wanted = make_plan(load_recipe(recipe), Corpora(None, cache))
    cell = next(cell for cell in wanted.cells.values() if cell.kind == "score")
    workspace = Workspace(None, cache, tmp_path / "runs", tmp_path / "boards")
    file = tmp_path / "cell.json"
    Job(cell.key, cell.kind, cell, workspace, wanted.recipe.trainer).write(file)
    assert read_job(file).cell == cell  # as it was written
    whole = file.read_text(encoding="utf-8")
    for old, new, message in (
        ('"scenes": 6', '"scenes": 5', "is not what its key was made of"),
        ('"scenes": 6', '"scenes": "six"', "no cell: .*scenes"),
        ('"label": "bands"', '"lable": "bands"', "no cell"),
        (whole[100:], "", "no cell"),
    ):
        assert old in whole
        file.write_text(whole.replace(old, new), encoding="utf-8")
        with pytest.raises(EarmarkError, match=message) as caught:
            read_job(file)
        assert "\n" not in str(caught.value)


def one_line(capsys) -> str:
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("earmark: ")
    return error


def changed(folder: Path, **changes) -> Path:
    return toys.toy_recipe(folder, **changes)


def test_a_record_cut_short_is_refused_with_the_remedy(finished, capsys, monkeypatch):
    folder, recipe, environment, _ = finished
    monkeypatch.chdir(folder)
    monkeypatch.setenv("EARMARK_CACHE", environment["EARMARK_CACHE"])
    boards, record = (
        folder / "leaderboards" / "toy" / "summaries.jsonl",
        sorted((folder / "runs" / "records").iterdir())[0] / "predictions.jsonl",
    )
    whole, lines = record.read_bytes(), boards.read_bytes()
    try:
        record.write_bytes(whole[:100])
        boards.unlink()  # else the board already knows the scores
        assert main(["run", str(recipe)]) == 2
        assert "delete" in (line := one_line(capsys))
        assert str(record.relative_to(folder)) in line
    finally:
        record.write_bytes(whole)
        boards.write_bytes(lines)


def test_boards_follow_a_record_that_came_out_differently(finished, tmp_path, monkeypatch):
    folder, recipe, environment, _ = finished
    monkeypatch.setenv("EARMARK_CACHE", environment["EARMARK_CACHE"])
    for name in ("runs", "leaderboards"):
        shutil.copytree(folder / name, tmp_path / name)
    before = scores(tmp_path)
    manifest = next((tmp_path / "runs" / "records").iterdir()) / "manifest.json"
    record = manifest.with_name("predictions.jsonl")
    first, *rest = record.read_text().splitlines(keepends=True)
    record.write_text(
        "".join([json.dumps(json.loads(first) | {"prediction": {}, "failed": "not finite"}) + "\n", *rest])
    )
    whole = json.loads(manifest.read_text()) | {"files": {record.name: file_hash(record)}}
    manifest.write_text(json.dumps(sealed(whole)))
    assert main(["run", str(recipe), "--out", str(tmp_path)]) == 0
    after = scores(tmp_path)
    moved = [row for row in after if after[row] != before[row]]
    assert {after[row]["keys"]["outputs"] for row in moved} == {manifest.parent.name}
    assert after[moved[0]]["failed"] != before[moved[0]]["failed"]


def test_changed_code_under_an_unchanged_version_stops_the_reuse(finished, capsys, monkeypatch):
    folder, recipe, environment, _ = finished
    monkeypatch.chdir(folder)
    monkeypatch.setenv("EARMARK_CACHE", environment["EARMARK_CACHE"])
    monkeypatch.setattr(
        "benchmark.provenance.source_digest",
        lambda cls, package=None: "another" if cls is Identity else source_digest(cls, package),
    )
    assert main(["run", str(recipe)]) == 2
    assert "its code changed but its version did not" in one_line(capsys)
    assert main(["run", str(recipe), "--dry-run"]) == 0
    assert "a run will refuse to go on: front-end Identity: its code changed" in capsys.readouterr().out
    assert main(["run", str(recipe), "--accept-changed-code"]) == 0


def test_changed_code_is_found_out_after_the_enhanced_audio_was_deleted(finished, tmp_path):
    folder, recipe, environment, _ = finished
    shutil.copytree(folder / "runs", tmp_path / "runs")
    shutil.rmtree(tmp_path / "runs" / "enhanced")
    plan = make_plan(load_recipe(recipe), Corpora(None, Path(environment["EARMARK_CACHE"])))
    store = Store(tmp_path / "runs")
    check_code(plan, store, accept=False)
    assert missing_cells(plan, store) == []  # what is scored needs no enhanced audio
    key = next(row.enhanced for row in plan.rows if row.front_end == "identity")
    plan.cells[key] = dataclasses.replace(plan.cells[key], code={"front-end Identity": "other"})
    with pytest.raises(EarmarkError, match="front-end Identity: its code changed but its version did not"):
        check_code(plan, store, accept=False)


def test_a_front_end_of_ones_own_that_is_edited_is_run_again(workspace):
    own = workspace / "own.py"
    louder = (
        "import torch\n\nclass Louder(torch.nn.Module):\n    def forward(self, audio):\n        return {} * audio\n"
    )
    own.write_text(louder.format(0.5))
    recipe = changed(workspace, front_ends={"identity": None, "own": {"own.py:Louder": {}}}, schemes={"noisy": None})
    records = []
    for factor in (0.5, 0.25, 0.5):
        own.write_text(louder.format(factor))
        if factor == 0.25:  # a process loads a file once, as any module
            subprocess.run([*EARMARK, "run", str(recipe)], cwd=workspace, check=True)
        else:
            assert main(["run", str(recipe)]) == 0
        records.append(scores(workspace)["bands", "own", "noisy", 1]["keys"]["outputs"])
    assert records[0] == records[2] != records[1]


@pytest.mark.parametrize(
    ("front_end", "message"),
    [
        (
            "Shortener",
            "bands: broken enhanced, seed 1: it failed on all 18 scenes; first: Shortener: the output must be floats",
        ),
        ("NotANumber", "not finite"),
    ],
)
def test_a_front_end_at_fault_fails_alone(workspace, capsys, front_end, message):
    recipe = changed(
        workspace,
        front_ends={"identity": None, "broken": {f"{toys.__file__}:{front_end}": {}}},
        schemes={"noisy": None},
    )
    assert main(["run", str(recipe), "--jobs", "2"]) == 2
    assert message in capsys.readouterr().err
    assert ("bands", "identity", "noisy", 1) in scores(workspace)  # what could be done was done, and is on the board


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"tasks": {"bands": {"task": f"{toys.__file__}:Bands", "targets": "speech_commands"}}},
            "speech_commands: no folder",
        ),
        (
            {"tasks": {"bands": {"task": f"{toys.__file__}:Bands", "targets": "synthetic/comands"}}},
            "did you mean 'synthetic/commands'",
        ),
        ({"front_ends": {"mine": {"nowhere.py:Mine": {}}}}, "no file nowhere.py"),
        ({"front_ends": {"mine": {f"{toys.__file__}:Gane": {}}}}, "did you mean 'Gain'"),
        (
            {"front_ends": {"aid": {f"{toys.__file__}:HearingAid": {}}}},
            "front_ends.aid: it needs listener, which no task of this recipe has",
        ),
    ],
)
def test_bad_input_is_one_line(workspace, capsys, changes, message):
    assert main(["run", str(changed(workspace, **changes))]) == 2
    assert message in one_line(capsys)


def test_an_empty_label_names_the_file(workspace, capsys, monkeypatch):
    def check(self, row):
        raise ValueError("the transcript is empty; write one or remove the file")

    source = (
        Path(toys.__file__)
        .read_text()
        .replace(
            "    def collate(self, rows: Any)",
            "    def check(self, row):\n        raise ValueError('the label is empty; remove the file')\n\n    def "
            "collate(self, rows: Any)",
        )
    )
    (workspace / "strict.py").write_text(source)
    recipe = yaml.safe_load(changed(workspace).read_text())
    recipe["tasks"]["bands"]["task"] = "strict.py:Bands"
    (workspace / "toy.yaml").write_text(yaml.safe_dump(recipe))
    assert main(["run", "toy.yaml"]) == 2
    assert "train/0: the label is empty; remove the file" in capsys.readouterr().err


def test_fast_dev_run_writes_nothing(workspace):
    recipe = changed(workspace)
    assert main(["run", str(recipe), "--fast-dev-run"]) == 0
    assert not (workspace / "runs").exists()
    assert not (workspace / "leaderboards").exists()


def test_two_runs_in_one_folder_are_refused(finished, capsys, monkeypatch):
    folder, recipe, _, _ = finished
    monkeypatch.chdir(folder)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert holder.stdout.readline().strip() == "held"
    assert main(["run", str(recipe)]) == 2
    assert f"process {holder.pid} is writing here" in one_line(capsys)
    holder.communicate("")


def test_scenes_are_mixed_by_workers_of_their_own(workspace):
    phase = {"steps": 2, "batch": 2, "validations": 1, "workers": 1}
    recipe = changed(
        workspace,
        schemes={"noisy": None},
        train={"validation_scenes": 2, "pretrain": phase, "stock": phase, "adapt": phase},
    )
    assert main(["run", str(recipe), "--jobs", "1"]) == 0


def test_what_a_dry_run_can_plan_without_the_corpora_that_are_missing(workspace, capsys):
    here = toys.toy_recipe(workspace)
    recipe = yaml.safe_load(here.read_text())
    recipe["tasks"]["digits"] = {"task": "speech_commands", "targets": "free_spoken_digits"}
    here.write_text(yaml.safe_dump(recipe))
    assert main(["run", str(here), "--dry-run"]) == 2
    said = capsys.readouterr()
    assert "bands: gain joint, seed 1" in said.out
    assert said.out.endswith("without digits, whose corpora are missing\n")
    assert said.err.startswith("earmark: free_spoken_digits: no folder")


def test_a_dry_run_looks_into_every_folder(tmp_path, monkeypatch, capsys):
    """Empty ones, one that is not there, and one whose recordings are pointers to what was never fetched: a line
    each.
    """
    monkeypatch.setenv("EARMARK_CACHE", str(tmp_path / "cache"))
    data = tmp_path / "data"
    for folder in ("EMO-DB/wav", "ESC-10", "RAVDESS", "CREMA-D/AudioWAV"):
        (data / folder).mkdir(parents=True)
    for actor in range(1001, 1021):
        (data / f"CREMA-D/AudioWAV/{actor}_DFA_ANG_XX.wav").write_text("version https://git-lfs.github.com/spec/v1\n")
    corpora = {
        "emo_db": "emotion",
        "ravdess": "emotion",
        "crema_d": "emotion",
        "esc10": "scene",
        "musan": "enhancement",
    }
    tasks = {f"on_{name}": {"task": task, "targets": name, "interferers": "demand"} for name, task in corpora.items()}
    recipe = toys.toy_recipe(tmp_path, tasks=tasks, front_ends={"identity": None}, schemes={"noisy": None})
    assert main(["run", str(recipe), "--data", str(data), "--dry-run"]) == 2
    said = capsys.readouterr()
    for name in ("emo_db", "ravdess", "esc10"):
        assert f"earmark: {name}: the train split is empty" in said.err
    for name in ("musan", "demand"):
        assert f"earmark: {name}: no folder" in said.err
    assert "crema_d: 20 of 20 recordings cannot be used" in said.err
    assert said.err.count(": not audio that libsndfile reads") == 20
    assert said.out == "without on_crema_d, on_emo_db, on_esc10, on_musan, on_ravdess, whose corpora are missing\n"


def test_time_is_judged_by_cells_of_as_much_work(finished, capsys, monkeypatch, tmp_path):
    folder, recipe, environment, _ = finished
    monkeypatch.setenv("EARMARK_CACHE", environment["EARMARK_CACHE"])
    shutil.copytree(folder / "runs", tmp_path / "runs")
    (tmp_path / "other").mkdir()
    path = tmp_path / "other" / "other.yaml"
    about = []
    for steps in (8, 800):
        other = yaml.safe_load(recipe.read_text()) | {"trainer": {"precision": "64"}}  # other cells
        other["train"]["stock"]["steps"] = steps
        path.write_text(yaml.safe_dump(other))
        assert main(["run", str(path), "--dry-run", "--out", str(tmp_path)]) == 0
        (seconds,) = re.findall(r"bands: stock clean, seed 1  \[to do, about (\d+) s\]", capsys.readouterr().out)
        about.append(int(seconds))
    assert about[1] > 20 * about[0]
