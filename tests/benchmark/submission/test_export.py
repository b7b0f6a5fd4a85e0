"""Exported scenes: all that a front-end hears, and nothing else."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import toys

from benchmark import audio
from benchmark.catalogue import Corpora
from benchmark.cli import main
from benchmark.data import Source
from benchmark.errors import EarmarkError
from benchmark.frontends import build_front_end
from benchmark.frontends.adapters.folder import audit
from benchmark.frontends.identity import Identity
from benchmark.planning.recipe import load_recipe
from benchmark.running.evaluation import enhance, evaluate
from benchmark.scenes import select
from benchmark.settings import ScoredScenes
from benchmark.store import file_hash
from benchmark.submission.export import export
from benchmark.training.system import System

TASK = {
    "task": f"{toys.__file__}:Bands",
    "targets": {f"{toys.__file__}:Tones": {}},
    "interferers": {f"{toys.__file__}:Hiss": {}},
}


def live(enhancer):
    """Enhance each scene when it is evaluated."""
    return lambda batch, listener, controls: enhance(enhancer, batch, **controls)


def exported(workspace, folder="scenes", labels=(), **changes):
    recipe = load_recipe(toys.toy_recipe(workspace, **changes))
    path = export(recipe, Corpora(None, workspace / "cache"), workspace / folder, labels)
    return path.parent, json.loads(path.read_text())


def source(workspace):
    cache = workspace / "cache"
    return Source({"targets": toys.Tones(cache / "Tones"), "interferers": toys.Hiss(cache / "Hiss")})


@pytest.mark.parametrize("seed", [None, 7])
def test_a_folder_of_the_exported_scenes_scores_as_no_front_end_does(workspace, model, seed):
    score = {"snr": ["clean", 0, -5], "scenes": 6} | ({} if seed is None else {"seed": seed})
    folder, manifest = exported(workspace, score=score)
    assert audit(folder, manifest) == []
    systems = [
        System(front_end, {"bands": model})
        for front_end in (build_front_end({"adapters/folder": {"path": str(folder)}}), Identity())
    ]
    noisy = ScoredScenes(snr=(0, -5), scenes=6, seed=seed)
    mixer = source(workspace).mixer("test")
    read, direct = (list(evaluate(each, "bands", mixer, noisy, live(each.enhancer))) for each in systems)
    assert read == direct
    assert len(read) == len(manifest["files"]) == 12


def test_another_seed_names_other_files(workspace):
    names = [
        {
            file["name"]
            for file in exported(workspace, f"{seed}", score={"snr": [0], "scenes": 8, "seed": seed})[1]["files"]
        }
        for seed in (7, 8)
    ]
    assert not names[0] & names[1]


def test_nothing_tells_target_condition_or_task_and_no_clean_signal_leaves(workspace):
    folder, manifest = exported(workspace)
    assert {path.name for path in folder.iterdir()} == {
        "manifest.json",
        *(f"{file['name']}.wav" for file in manifest["files"]),
    }
    assert set(manifest) == {"recipe", "protocol", "tasks", "submit", "files"}
    for file in manifest["files"]:
        assert set(file) == {"name", "channels", "samples", "sample_rate", "sha256"}
        assert re.fullmatch("[0-9a-f]{16}", file["name"])
        assert file["sha256"] == file_hash(folder / f"{file['name']}.wav")
    assert [file["name"] for file in manifest["files"]] == sorted(file["name"] for file in manifest["files"])
    mixer = source(workspace).mixer("test")
    cleans = [mixer.scene(row, None, 65).noisy for row in select(mixer.targets, 8)]
    for path in folder.glob("*.wav"):
        samples = audio.read(path)
        assert not any(clean.shape == samples.shape and np.allclose(clean, samples, atol=1e-4) for clean in cleans)


def test_the_order_of_writing_tells_nothing(workspace, monkeypatch):
    seen = []
    monkeypatch.setattr(
        "benchmark.submission.export._written",
        lambda folder, each: seen.append((each.row["id"], each.snr)) or {"name": str(len(seen))},
    )
    exported(workspace, score={"snr": ["clean", 0, -5], "scenes": 8})
    assert len(set(seen)) == 16
    assert seen not in (sorted(seen), sorted(seen, reverse=True))
    assert [snr for _, snr in seen] not in ([0, -5] * 8, [0] * 8 + [-5] * 8, [-5] * 8 + [0] * 8)


def test_the_same_export_goes_on_where_it_was_stopped_to_the_same_bytes(workspace):
    folder, manifest = exported(workspace)
    first, second, *others = sorted(folder.glob("*.wav"))
    stamps = {path: path.stat().st_mtime_ns for path in others}
    first.unlink()
    second.write_bytes(b"RIFF")
    assert exported(workspace)[1] == manifest
    assert audit(folder, manifest) == []
    assert {path: path.stat().st_mtime_ns for path in others} == stamps


def test_tasks_that_share_scenes_share_files(workspace):
    two = {"one": TASK, "two": TASK | {"score": {"snr": [0, 5]}}}
    assert len(exported(workspace, "both", tasks=two)[1]["files"]) == 6 * 3
    manifest = exported(workspace, "alone", ["one"], tasks=two)[1]
    assert len(manifest["files"]) == 6 * 2
    assert manifest["tasks"] == ["one"]


@pytest.mark.parametrize(
    ("changes", "labels", "message"),
    [
        ({}, ["band"], "did you mean 'bands'"),
        ({"score": {"snr": ["clean"]}}, [], "clean scenes are never exported"),
        ({"tasks": {"bands": TASK | {"interferers": None}}}, [], "clean scenes are never exported"),
        (
            {"tasks": {"one": TASK, "two": TASK | {"score": {"level": 60}}}},
            [],
            "share a name; export the tasks one by one",
        ),
        ({"tasks": {"bands": TASK | {"targets": "an4"}}}, [], "an4: no folder"),
    ],
)
def test_what_cannot_be_exported_is_one_line_and_leaves_no_manifest(workspace, changes, labels, message):
    with pytest.raises(EarmarkError, match=message) as caught:
        exported(workspace, labels=labels, **changes)
    assert "\n" not in str(caught.value)
    assert not (workspace / "scenes" / "manifest.json").exists()


def test_the_space_needed_is_said_first_and_has_to_be_there(workspace, monkeypatch, capsys):
    folder, _ = exported(workspace)
    size = sum(path.stat().st_size for path in folder.glob("*.wav"))
    said = re.search(r"12 scenes, (\d+) MB", capsys.readouterr().err)
    assert abs(int(said[1]) - size / 1e6) <= 1
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(0, 0, 1000))
    exported(workspace)  # all of it is there
    with pytest.raises(EarmarkError, match="are needed, 0 are free"):
        exported(workspace, "other")
    assert not list((workspace / "other").iterdir())


def test_the_command_says_where_the_manifest_is(workspace, capsys):
    path = toys.toy_recipe(workspace)
    assert main(["export", str(path), "scenes", "--task", "bands"]) == 0
    assert Path(capsys.readouterr().out.strip()) == Path("scenes/manifest.json")
