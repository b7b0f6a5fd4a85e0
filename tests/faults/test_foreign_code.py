"""Code from outside finds no label and no clean signal, changes nobody's numbers, and fails alone."""

import csv
from pathlib import Path

import cheats
import pytest
import torch
import toys

from benchmark.cli import main
from benchmark.contracts import Spec
from benchmark.data import collate
from benchmark.frontends.adapters.module import ModuleAdapter
from benchmark.planning.cells import Enhancing
from benchmark.running.evaluation import enhance
from benchmark.running.front_end_process import FrontEndProcess
from benchmark.sandbox.confinement import landlock_version
from benchmark.settings import ScoredScenes
from benchmark.store import Workspace
from benchmark.training.system import System

CHEATS = ("Frames", "Collector", "Files", "Memory")
confined = pytest.mark.skipif(not landlock_version(), reason="this kernel has no Landlock")


@pytest.fixture
def mixture(source):
    mixer = source.mixer("test")
    return mixer.scene(mixer.targets[0], 0.0, 65.0)


@pytest.fixture
def place(tmp_path, source):
    """A workspace whose cache holds the corpora of the scenes."""
    root = source.targets.root.parent
    return Workspace(None, root, tmp_path / "runs", tmp_path / "leaderboards/toy")


def heard(name, mixture, place, **config):
    work = Enhancing(Spec(f"{cheats.__file__}:{name}", 1, config), {}, {}, ScoredScenes(), None, "cpu")
    with FrontEndProcess(work, place) as process:
        return process.hear(collate([mixture], None))


@confined
@pytest.mark.parametrize("name", CHEATS)
def test_nothing_is_found(name, mixture, place):
    options = {"folders": str(place.cache)} if name == "Files" else {}
    output = heard(name, mixture, place, **options)
    assert output.failed is None
    torch.testing.assert_close(output.audio[0].numpy(), mixture.noisy, rtol=0, atol=0)


@pytest.mark.parametrize("name", ["Frames", "Collector", "Files"])
def test_in_the_process_that_mixes_scenes_they_would_find_it(name, mixture, place):
    options = {"folders": str(place.cache)} if name == "Files" else {}
    batch = collate([mixture], None)
    clean = batch.clean
    output = enhance(System(ModuleAdapter(getattr(cheats, name)(**options)), {}).enhancer.eval(), batch)
    assert not torch.equal(output.audio, batch.heard.audio)
    assert clean is not None


def board(folder: Path, name: str = "bands") -> dict[tuple[str, str], dict[str, str]]:
    with (folder / f"leaderboards/toy/{name}.csv").open() as file:
        return {(row["front_end"], row["scheme"]): row for row in csv.DictReader(file)}


def run(folder: Path, *options: str, **front_ends) -> int:
    recipe = toys.toy_recipe(folder, front_ends={"identity": None, **front_ends}, schemes={"noisy": None}, seeds=[1])
    return main(["run", str(recipe), "--jobs", "2", *options])


def test_what_its_constructor_patches_changes_no_score(workspace):
    assert run(workspace) == 0
    before = board(workspace)["identity", "noisy"]["score"]
    assert run(workspace, patches=f"{cheats.__file__}:Patches") == 0
    after = board(workspace)
    assert after["identity", "noisy"]["score"] == before
    assert after["patches", "noisy"]["score"] == before


@confined
def test_it_can_plant_nothing(workspace):
    assert run(workspace, plants=f"{cheats.__file__}:Plants") == 0
    assert not (workspace / "runs/records/0123456789abcdef").exists()
    assert board(workspace)["plants", "noisy"]["score"] == board(workspace)["identity", "noisy"]["score"]
    submission = ["submit", f"{cheats.__file__}:Plants", "--name", "other", "--recipe", str(workspace / "toy.yaml")]
    assert main([*submission, "--unchecked"]) == 0
    assert not (workspace / "runs/records/0123456789abcdef").exists()


def test_it_moves_nobody_s_results(workspace):
    assert run(workspace, wanders=f"{cheats.__file__}:Wanders") == 0
    rows = board(workspace)
    assert rows["wanders", "noisy"]["score"] == rows["identity", "noisy"]["score"]
    assert rows["wanders", "noisy"]["failed"] == "0"


ODD = '''
import os, sys, time, torch

class Odd(torch.nn.Module):
    """Fails on some scenes, each time in another way."""

    def __init__(self):
        super().__init__()
        self.heard = 0

    def forward(self, audio):
        kind = int(1e6 * audio.abs().max()) % 7
        if kind == 0: sys.exit(0)
        if kind == 1: raise KeyboardInterrupt
        if kind == 2: os._exit(0)
        if kind == 3: raise ValueError("caf\\udce9.wav")
        if kind == 4: os.execv("/bin/true", ["true"])
        return audio
'''


def test_a_failure_costs_its_scene_alone(workspace):
    (workspace / "odd.py").write_text(ODD)
    assert run(workspace, odd="odd.py:Odd") == 0
    row = board(workspace)["odd", "noisy"]
    assert 0 < int(row["failed"]) < 18
    assert row["rank"]


def test_scenes_that_take_too_long_fail_alone(mixture, place, tmp_path, monkeypatch):
    monkeypatch.setattr("benchmark.running.front_end_process.SCENE_SECONDS", 0.5)
    monkeypatch.setattr("benchmark.running.front_end_process.TIMES_AS_LONG", 0.0)
    (tmp_path / "slow.py").write_text(
        "import torch\nclass Slow(torch.nn.Module):\n    def forward(self, audio):\n"
        "        while audio.abs().max() > 0.02: pass\n        return audio\n"
    )
    work = Enhancing(Spec(f"{tmp_path}/slow.py:Slow"), {}, {}, ScoredScenes(), None, "cpu")
    with FrontEndProcess(work, place) as process:
        batch = collate([mixture], None)
        assert process.hear(batch).failed == "no answer after 0.5 s"
        batch.heard.audio.mul_(1e-3)
        assert process.hear(batch).failed is None


READS = """
from pathlib import Path
from torch import nn

class Reads(nn.Module):
    def __init__(self):
        super().__init__()
        self.found = [len(path.read_bytes()) for path in Path({folder!r}).rglob("*.*") if path.is_file()]
        raise ValueError(f"it read {{len(self.found)}} files")

    def forward(self, audio):
        return audio
"""


@confined
@pytest.mark.parametrize("folder", ["runs", "leaderboards", "cache", "corpora"])
def test_while_it_is_described_and_checked_it_reads_no_corpus_and_no_result(workspace, capsys, folder):
    path = workspace / folder / "inner/clean.wav"
    path.parent.mkdir(parents=True)
    path.write_text("clean")
    (workspace / "reads.py").write_text(READS.format(folder=str(path.parent)))
    data = ["--data", "corpora"] if folder == "corpora" else []
    assert run(workspace, *data, reads="reads.py:Reads") == 2
    assert "PermissionError" in capsys.readouterr().err
    if not data:
        assert main(["check", "reads.py:Reads"]) == 2
        assert "PermissionError" in capsys.readouterr().err
