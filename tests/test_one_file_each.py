"""Each kind of component is one file: what its guide shows is written into an empty folder and used from there, with no
edit in the project.
"""

import csv
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import toys
import yaml
from safetensors.torch import load_file

from benchmark import audio, registry
from benchmark.catalogue import Corpora
from benchmark.cli import main
from benchmark.contracts import Engine
from benchmark.data import Source
from benchmark.planning.cells import read_job
from benchmark.planning.plan import Plan
from benchmark.planning.planner import make_plan
from benchmark.planning.recipe import load_recipe
from benchmark.results.summary_file import read_summaries
from benchmark.running.scheduler import missing_cells, run_cells
from benchmark.store import Store, Workspace
from tasks.speech_commands import SpeechCommands

ROOT = Path(__file__).resolve().parent.parent
TOY = toys.__file__
TONES, HISS = {f"{TOY}:Tones": {}}, {f"{TOY}:Hiss": {}}
BANDS = {"task": f"{TOY}:Bands", "targets": TONES, "interferers": HISS}
PHASE = {"steps": 2, "batch": 4, "validations": 1}
FAST = {
    "seeds": [1],
    "front_ends": {"identity": None},
    "schemes": {"noisy": None},
    "train": {"validation_scenes": 4, "pretrain": PHASE, "stock": PHASE, "adapt": PHASE},
    "score": {"snr": [0], "scenes": 3},
}


@pytest.fixture
def add(workspace):
    """Write the Python files that a guide shows into the empty folder that the recipe lies in."""

    def written(guide: str) -> None:
        page = (ROOT / f"docs/guides/{guide}.md").read_text(encoding="utf-8")
        files = re.findall(r"```python\n(# (\S+\.py)\n.*?)```", page, re.DOTALL)
        assert files
        for text, name in files:
            (workspace / name).write_text(text, encoding="utf-8")

    return written


def run(folder: Path, *options: str, **changes) -> None:
    """Run a toy recipe with changes, by the command."""
    assert main(["run", str(toys.toy_recipe(folder, **FAST | changes)), "--jobs", "2", *options]) == 0


def board(folder: Path, task: str) -> list[dict[str, str]]:
    with (folder / f"leaderboards/toy/{task}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def trained(folder: Path, scheme: str) -> list[Path]:
    """The weights that trainings by a scheme left."""
    store = Store(folder / "runs")
    return [
        store.root / "weights" / key
        for key in store.list("weights")
        if store.manifest("weights", key)["work"]["scheme"]["name"].endswith(scheme)
    ]


def test_a_front_end(add, workspace):
    add("add_a_front_end")
    run(
        workspace,
        front_ends={"identity": None, "softly": {"softly.py:Softly": {"bands": 4}}},
        tasks={"bands": BANDS},
        schemes={"noisy": None, "joint": None},
    )
    assert {(row["front_end"], row["scheme"]) for row in board(workspace, "bands")} >= {
        ("softly", "noisy"),
        ("softly", "joint"),
    }
    (pretrained,), (joint,) = trained(workspace, "pretraining"), trained(workspace, "joint")
    before, after = (load_file(folder / "front_end.safetensors") for folder in (pretrained, joint))
    (encoder,) = (name for name in before if name.endswith("encode.weight"))
    assert before[encoder].shape == (4, 1, 32)
    assert not torch.equal(before[encoder], after[encoder])


def test_a_task(add, workspace):
    add("add_a_task")
    high = BANDS | {"task": "wake_word.py:WakeWord", "word": "high"}
    run(workspace, tasks={"high": high}, score={"snr": [0], "scenes": 8})
    rows = board(workspace, "high")
    assert {row["metric"] for row in rows} == {"detection_error"}
    assert all(0 <= float(row["missed"]) <= 1 for row in rows)


def test_the_floor_of_the_task_is_all_wrong(add, workspace):
    add("add_a_task")
    task = registry.load("tasks", "wake_word.py:WakeWord")({"classes": ["go", "stop"]})
    references = pd.DataFrame({"label": ["go", "stop", "go"]})
    sums = {name: column.to_numpy(float).sum() for name, column in task.floor(references).items()}
    assert task.summarise(sums) == {name: figure.floor for name, figure in task.figures.items()}
    sums = {name: column.to_numpy(float).sum() for name, column in task.score(references, references).items()}
    assert task.summarise(sums) == {name: figure.best for name, figure in task.figures.items()}


def test_a_task_model(add, workspace):
    add("add_a_task_model")
    model = {"mean_spectrum.py:MeanSpectrum": {"bands": 16}}
    run(workspace, tasks={"commands": BANDS | {"task": "speech_commands", "model": model}})
    weights = [load_file(folder / "commands.safetensors") for folder in trained(workspace, "frozen")]
    assert [state["layer.weight"].shape for state in weights] == [(2, 16)] * 2  # the stock models: clean and noisy
    assert board(workspace, "commands")


def test_the_task_model_knows_nothing_of_padding(add, workspace):
    add("add_a_task_model")
    model = registry.load("task_models", "mean_spectrum.py:MeanSpectrum")(SpeechCommands({"classes": toys.CLASSES}))
    clip = torch.randn(1, 1, 5000, generator=torch.Generator().manual_seed(0))
    padded = torch.nn.functional.pad(clip, (0, 3000))
    torch.testing.assert_close(model(padded, torch.tensor([5000])), model(clip, torch.tensor([5000])))


def test_a_corpus(add, workspace):
    add("add_a_corpus")
    for index, (split, speaker) in enumerate((("train", "anna"), ("validation", "ben"), ("test", "cleo"))):
        for clip, word in enumerate(("yes", "no")):
            sound = np.random.default_rng([index, clip]).normal(0, 0.1, (1, 4000)).astype(np.float32)
            audio.write(workspace / f"corpora/YesNo-1.0/{split}/{speaker}/{word}_1.wav", sound)
    words = {"task": "speech_commands", "targets": {"yes_no.py:YesNo": {}}, "interferers": HISS}
    run(workspace, "--data", "corpora", tasks={"words": words})
    summaries = read_summaries(workspace / "leaderboards/toy/summaries.jsonl")
    assert {scene for summary in summaries for scene in summary["scenes"]} == {"test/cleo/yes_1", "test/cleo/no_1"}
    assert all("YesNo 1" in row["corpora"] for row in board(workspace, "words"))


def test_a_corpus_that_is_not_there_is_named_with_its_source(add, workspace, capsys):
    add("add_a_corpus")
    (workspace / "corpora/YesNo-1.0").mkdir(parents=True)
    words = {"task": "speech_commands", "targets": {"yes_no.py:YesNo": {}}, "interferers": HISS}
    recipe = toys.toy_recipe(workspace, **FAST | {"tasks": {"words": words}})
    assert main(["run", str(recipe), "--data", "corpora"]) == 2
    assert "yes_no: no recordings in corpora/YesNo-1.0/train; get it from https://" in capsys.readouterr().err


def test_rooms(add, workspace):
    add("add_rooms")
    run(workspace, tasks={"bands": BANDS | {"rooms": {"decaying_rooms.py:DecayingRooms": {}}}})
    kept = sorted((workspace / "runs/records").glob("*/audio/*.wav"))
    assert kept
    for path in kept:
        left, right = audio.read(path)
        assert not np.allclose(left, right)
    assert all("DecayingRooms 1" in row["corpora"] for row in board(workspace, "bands"))


def test_rooms_sound_on_after_a_click(add, workspace):
    add("add_rooms")
    rooms = registry.load("corpora", "decaying_rooms.py:DecayingRooms")(workspace / "rooms")
    clicks = toys.Tones(workspace / "clicks")
    clicks.prepare()
    click = np.zeros((1, 8000), np.float32)
    click[:, 100] = 0.5
    for path in clicks.root.glob("test/*.wav"):
        audio.write(path, click)
    mixer = Source({"targets": clicks, "rooms": rooms}).mixer("test")
    mixture = mixer.scene(mixer.targets[0], None, 65.0)
    assert mixture.clean.shape == (2, 8000)
    assert audio.power(mixture.clean[:, :100]) < 1e-6 * audio.power(mixture.clean[:, 100:1000])
    assert audio.power(mixture.clean[:, 200:1000]) > 10 * audio.power(mixture.clean[:, 3000:4000]) > 0
    assert {response[:2] for response in mixture.scene.rooms} <= {"10", "11", "12", "13"}  # those of the test split


def test_a_scheme(add, workspace):
    add("add_a_scheme")
    run(
        workspace,
        front_ends={"identity": None, "gain": {f"{TOY}:Gain": {}}},
        tasks={"bands": BANDS},
        schemes={"noisy": None, "task_driven": {"task_driven.py:TaskDriven": {}}},
    )
    assert ("gain", "task_driven") in {(row["front_end"], row["scheme"]) for row in board(workspace, "bands")}
    (pretrained,), (driven,) = trained(workspace, "pretraining"), trained(workspace, "TaskDriven")
    assert [path.name for path in driven.glob("*.safetensors")] == ["front_end.safetensors"]
    before, after = (load_file(folder / "front_end.safetensors") for folder in (pretrained, driven))
    assert before["front_end.gain"] != after["front_end.gain"]


@pytest.mark.parametrize(("scheme", "parts"), [("task_driven.py:TaskDriven", set()), ("judged.py:Judged", {"judge"})])
def test_several_tasks_train_a_front_end_by_the_scheme_and_their_models_stay(add, workspace, scheme, parts):
    add("add_a_scheme")
    recipe = toys.toy_recipe(
        workspace,
        front_ends={"gain": {f"{TOY}:Gain": {}}},
        tasks={"one": BANDS, "two": BANDS},
        schemes={"own": {scheme: {}}},
        together={"own": ["one", "two"]},
    )
    plan = make_plan(load_recipe(recipe), Corpora(None, workspace / "cache"))
    rows = [row for row in plan.rows if row.front_end == "gain"]
    (front_end,) = {plan.enhancing(row).weights["front_end"] for row in rows}
    training = plan.cells[front_end].work
    assert set(training.tasks) == {"one", "two"}
    assert set(training.others) == parts
    assert set(training.starts) == {"front_end", "one", "two"} | parts
    models = {row.task: plan.cells[plan.scoring(row).weights["model"]] for row in rows}
    assert {task: cell.label for task, cell in models.items()} == {
        "one": "one: stock noisy, seed 1",
        "two": "two: stock noisy, seed 1",
    }


def test_a_scheme_with_a_part_of_its_own(add, workspace):
    add("add_a_scheme")
    run(
        workspace,
        front_ends={"identity": None, "gain": {f"{TOY}:Gain": {}}},
        tasks={"bands": BANDS},
        schemes={"noisy": None, "judged": {"judged.py:Judged": {}}},
    )
    assert ("gain", "judged") in {(row["front_end"], row["scheme"]) for row in board(workspace, "bands")}
    (judging,), (judged,) = trained(workspace, "Judging"), trained(workspace, "Judged")
    assert [path.name for path in judging.glob("*.safetensors")] == ["judge.safetensors"]
    assert [path.name for path in judged.glob("*.safetensors")] == ["front_end.safetensors"]
    manifest = Store(workspace / "runs").manifest("weights", judged.name)
    assert manifest["work"]["starts"]["judge"] == judging.name


def test_a_metric(add, workspace):
    add("add_a_metric")
    metrics = ["si_sdr", "spectral_distance.py:SpectralDistance"]
    run(workspace, tasks={"speech": BANDS | {"task": "enhancement", "metrics": metrics}})
    rows = {row["front_end"]: row for row in board(workspace, "speech")}
    assert float(rows["reference"]["spectral_distance"]) == 0
    assert 0 < float(rows["identity"]["spectral_distance"]) <= 40


def test_an_engine(add, workspace):
    add("add_an_engine")
    tasks = {"speech": BANDS | {"task": "enhancement", "metrics": ["si_sdr"]}}
    run(workspace, tasks=tasks)
    before, store = board(workspace, "speech"), Store(workspace / "runs")
    (enhanced,) = store.list("enhanced")
    (scored,) = (key for key in store.list("records") if store.manifest("records", key)["work"]["enhanced"])
    shutil.rmtree(store.root / "enhanced" / enhanced)
    shutil.rmtree(store.root / "records" / scored)
    run(workspace, "--engine", "one_by_one.py:OneByOne", tasks=tasks)
    log = (workspace / "one_by_one.log").read_text().splitlines()
    assert log == [f"{enhanced} ended with status 0", f"{scored} ended with status 0"]
    assert board(workspace, "speech") == before


# The graph of the recipe mini, through an engine that computes nothing.


class Everything(toys.Tones):
    """Tones with the labels of any task."""

    @property
    def schema(self):
        return {**super().schema, "alphabet": "abc", "variables": ["LA", "TTCD"]}


class Voices(toys.Hiss):
    """Interferers of another kind than noise."""

    kind = "speech"


class Hollow(Engine):
    """Puts an empty entry into the store for each cell but those in `failing`, and remembers what it did."""

    def __init__(self, jobs: int, plan: Plan, failing: frozenset[str] = frozenset()) -> None:
        super().__init__(jobs)
        self.plan, self.failing = plan, failing
        self.started: list[str] = []
        self.running: list[str] = []
        self.most = 0
        self.stopped = False

    def start(self, key: str, job: Path) -> None:
        written = read_job(job)
        assert written.key == key
        self.store = Store(written.workspace.runs)
        for needed in self.plan.cells[key].needs:
            assert self.store.exists(self.plan.cells[needed].shelf, needed)
        self.started.append(key)
        self.running.append(key)
        self.most = max(self.most, len(self.running))

    def wait(self, seconds: float) -> dict[str, int]:
        key = self.running.pop()  # the last one first, as jobs end in any order
        if key in self.failing:
            return {key: 3}
        self.store.put(self.plan.cells[key].shelf, key, {}, lambda folder: None)
        return {key: 0}

    def stop(self) -> None:
        self.stopped = True


@pytest.fixture(scope="module")
def mini(tmp_path_factory):
    """The plan of mini on toy corpora, with one more scheme under which two tasks train a front-end together."""
    folder = tmp_path_factory.mktemp("mini")
    targets, voices = {f"{__file__}:Everything": {}}, {f"{__file__}:Voices": {}}
    original = load_recipe("mini")
    recipe = {
        "base": "mini.yaml",
        "tasks": {
            label: {"targets": targets, "interferers": voices if label == "scene" else HISS} for label in original.tasks
        },
        "schemes": {**dict.fromkeys(original.schemes), "joint_together": "joint"},
        "together": {"joint_together": ["speech_commands", "asr"]},
    }
    path = folder / "toy.yaml"
    path.write_text(yaml.safe_dump(recipe), encoding="utf-8")
    return make_plan(load_recipe(path), Corpora(None, folder / "cache"))


def through(plan: Plan, folder: Path, jobs: int, failing: frozenset[str] = frozenset()) -> tuple[Hollow, list[str]]:
    workspace = Workspace(None, folder / "cache", folder / "runs", folder / "boards")
    engine = Hollow(jobs, plan, failing)
    return engine, run_cells(plan, missing_cells(plan, Store(workspace.runs)), workspace, engine)


def test_the_plan_has_the_rows_of_mini(mini):
    rows = {(row.task, row.front_end, row.scheme) for row in mini.rows}
    summaries = read_summaries(ROOT / "leaderboards/mini/summaries.jsonl")
    board = {(summary["task"], summary["front_end"], summary["scheme"]) for summary in summaries}
    assert {row for row in rows if row[2] != "joint_together"} == board
    assert {task for task, _, scheme in rows if scheme == "joint_together"} == set(mini.recipe.tasks)


@pytest.mark.parametrize("jobs", [1, 3])
def test_another_engine_runs_every_cell_once_after_what_it_needs(mini, tmp_path, jobs):
    engine, failures = through(mini, tmp_path, jobs)
    assert failures == []
    assert sorted(engine.started) == sorted(mini.cells)
    assert engine.most == jobs
    assert engine.stopped
    again, _ = through(mini, tmp_path, jobs)
    assert again.started == []


def behind(plan: Plan, key: str) -> set[str]:
    """The cells that need a cell, directly or through others."""
    found = {other for other, cell in plan.cells.items() if key in cell.needs}
    return found.union(*(behind(plan, other) for other in found)) if found else found


def test_a_cell_that_fails_keeps_those_behind_it_from_running_and_no_others(mini, tmp_path):
    failing = next(key for key, cell in mini.cells.items() if cell.label == "asr: stock clean, seed 1")
    lost = behind(mini, failing)
    engine, (reason, skipped) = through(mini, tmp_path, 2, frozenset({failing}))
    assert sorted(engine.started) == sorted(set(mini.cells) - lost)
    assert lost
    assert reason.startswith("asr: stock clean, seed 1: its process ended with status 3")
    assert skipped.startswith(f"{len(lost)} cells not run, ")
    mended, failures = through(mini, tmp_path, 2)
    assert failures == []
    assert set(mended.started) == lost | {failing}
