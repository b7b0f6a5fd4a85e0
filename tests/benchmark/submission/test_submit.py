"""Submissions: on a board in one command, there to stay, and unable to touch what is not theirs."""

import os
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import sandboxed
import toys
import yaml

from benchmark.catalogue import Corpora
from benchmark.cli import main
from benchmark.errors import EarmarkError
from benchmark.frontends import entry_of
from benchmark.planning.recipe import load_recipe
from benchmark.results.cards import measured
from benchmark.results.summary_file import read_summaries
from benchmark.sandbox.confinement import landlock_version
from benchmark.submission.submit import name_for, tasks_of

confined = pytest.mark.skipif(not landlock_version(), reason="this kernel has no Landlock")
LOUDER = """
from torch import nn


class MyLouder(nn.Module):
    def __init__(self, factor: float = 2.0):
        super().__init__()
        self.factor = factor

    def forward(self, audio):
        return self.factor * audio
"""
MEDDLER = """
from pathlib import Path
from torch import nn


class Meddler(nn.Module):
    def forward(self, audio):
        for path in Path({runs!r}).glob("records/*/manifest.json"):
            path.write_text(path.read_text().replace('"label"', '"Label"'))
        return audio
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("submitted")
    recipe = toys.toy_recipe(folder, schemes={"clean": None, "noisy": None, "frozen": None, "joint": None})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EARMARK_CACHE", str(folder / "cache"))
        assert main(["run", str(recipe), "--out", str(folder)]) == 0
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "louder.py").write_text(LOUDER)
    return folder, recipe, elsewhere


@pytest.fixture
def here(finished, monkeypatch):
    folder, recipe, elsewhere = finished
    monkeypatch.chdir(folder)
    monkeypatch.setenv("EARMARK_CACHE", str(folder / "cache"))
    return folder, str(recipe), elsewhere


def lines(folder):
    return {
        (line["front_end"], line["scheme"]): line["digest"]
        for line in read_summaries(folder / "leaderboards/toy/summaries.jsonl")
    }


def own_lines(folder, name):
    return [line for line in read_summaries(folder / "leaderboards/toy/summaries.jsonl") if line["front_end"] == name]


def test_a_module_of_another_folder_lands_on_the_board_and_stays_there(here, capfd):
    folder, recipe, elsewhere = here
    before = lines(folder)
    card = elsewhere / "card.yaml"
    card.write_text("description: twice as loud\nlicence: MIT\n")
    assert (
        main(["submit", f"{elsewhere}/louder.py:MyLouder", "--recipe", recipe, "--card", str(card), "--jobs", "2"]) == 0
    )
    printed = capfd.readouterr().out
    assert "my_louder on leaderboards/toy" in printed
    assert {"bands", "noisy", "frozen"} <= set(printed.replace("(", " ").split())
    # not even imported by the process that writes the boards
    assert not [name for name in sys.modules if name.endswith(".louder")]
    board = pd.read_csv(folder / "leaderboards/toy/bands.csv").set_index("front_end")
    assert set(board.loc["my_louder", "scheme"]) == {"clean", "noisy", "frozen"}  # it has nothing to train
    written = yaml.safe_load((folder / "leaderboards/toy/cards/my_louder.yaml").read_text())
    assert written["description"] == "twice as loud"
    known = measured(written, own_lines(folder, "my_louder"))
    assert (known["track"], known["latency_ms"], known["low_latency"]) == ("closed", 0, True)
    after = lines(folder)
    assert {row: digest for row, digest in after.items() if row[0] != "my_louder"} == before
    again = ["submit", f"{elsewhere}/louder.py:MyLouder", "--recipe", recipe, "--option", "factor=3.0"]
    assert main(again) == 2
    assert "has a submission my_louder already" in capfd.readouterr().err
    assert main([*again, "--name", "gain"]) == 2
    assert "has a front-end gain of its own" in capfd.readouterr().err
    card.write_text("training_data: LibriSpeech\n")
    assert main([*again[:4], "--name", "learned", "--card", str(card), "--unchecked"]) == 2
    assert "set pretrained_on in its class" in capfd.readouterr().err
    assert lines(folder) == after
    assert main(["run", recipe]) == 0
    assert lines(folder) == after
    (folder / "leaderboards/toy/cards/my_louder.yaml").unlink()
    assert main(["run", recipe]) == 0
    assert lines(folder) == before


@confined
def test_who_meddles_with_finished_work_fails_on_it(here, capsys):
    folder, recipe, elsewhere = here
    (elsewhere / "meddler.py").write_text(MEDDLER.format(runs=str(folder / "runs")))
    kept = {path: path.read_bytes() for path in (folder / "runs/records").glob("*/manifest.json")}
    before = lines(folder)
    assert main(["submit", f"{elsewhere}/meddler.py:Meddler", "--recipe", recipe, "--unchecked"]) == 2
    assert "it failed on all 18 scenes; first: PermissionError" in capsys.readouterr().err
    assert lines(folder) == before
    assert {path: path.read_bytes() for path in (folder / "runs/records").glob("*/manifest.json")} == kept


LURKER = """
import subprocess
from pathlib import Path
from benchmark.contracts import FrontEnd

subprocess.Popen(["sleep", "{seconds}"], start_new_session=True)


class Lurker(FrontEnd):
    dropped_in_only = True

    def forward(self, audio):
        try:
            (Path({cache!r}) / "boards" / "toy" / "bands.npz").write_bytes(b"a better score")
        except OSError:
            pass
        return audio
"""


@confined
@pytest.mark.skipif(not sandboxed.namespaces(), reason="there are no namespaces for everyone here")
def test_nothing_of_a_submission_lives_on_and_what_boards_came_to_is_not_taken_from_it(here):
    folder, recipe, elsewhere = here
    cache, seconds = folder / "cache", 600 + os.getpid()
    (elsewhere / "lurker.py").write_text(LURKER.format(cache=str(cache), seconds=seconds))
    assert main(["submit", f"{elsewhere}/lurker.py:Lurker", "--recipe", recipe, "--unchecked"]) == 0
    running = subprocess.run(["ps", "-eo", "stat=,args="], capture_output=True, text=True, check=True).stdout
    # ended, whether or not its end was noticed yet
    assert not [line for line in running.splitlines() if f"sleep {seconds}" in line and not line.startswith("Z")]
    with np.load(cache / "boards/toy/bands.npz", allow_pickle=False) as kept:
        assert "keys" in "".join(kept.files)
    (folder / "leaderboards/toy/cards/lurker.yaml").unlink()
    assert main(["run", recipe]) == 0


DROPPED = """
from benchmark.contracts import FrontEnd


class Dropped(FrontEnd):
    dropped_in_only = True

    def forward(self, audio):
        return audio / 2
"""


def test_where_the_recipe_was_never_run_the_baseline_comes_first(here, tmp_path, capfd):
    _, recipe, elsewhere = here
    (elsewhere / "dropped.py").write_text(DROPPED)
    assert main(["submit", f"{elsewhere}/dropped.py:Dropped", "--recipe", recipe, "--out", str(tmp_path)]) == 0
    printed = capfd.readouterr()
    assert "was not run yet, so it is first" in printed.err
    assert "better" in printed.out or "worse" in printed.out or "the same score" in printed.out
    assert {("identity", "noisy"), ("dropped", "noisy")} <= lines(tmp_path).keys()


def test_a_folder_of_exported_scenes_is_scored_on_what_it_holds(here, capfd):
    folder, recipe, _ = here
    assert main(["export", recipe, "scenes"]) == 0
    shutil.copytree("scenes", "as_it_was", ignore=shutil.ignore_patterns("*.json"))
    first, second, *_ = sorted((folder / "as_it_was").glob("*.wav"))
    content, other = first.read_bytes(), second.read_bytes()
    first.unlink()
    second.write_bytes(other[:-400])
    submission = ["submit", "--audio", "as_it_was", "--recipe", recipe]
    assert main(submission) == 2
    errors = capfd.readouterr().err.splitlines()
    assert [line for line in errors if first.name in line]
    assert [line for line in errors if second.name in line]
    first.write_bytes(content)
    second.write_bytes(other)
    assert main(submission) == 0
    assert "), the same score" in capfd.readouterr().out
    board = pd.read_csv(folder / "leaderboards/toy/bands.csv").set_index(["front_end", "scheme"])
    for scheme in ("clean", "noisy"):
        ours, plain = board.loc[("as_it_was", scheme)], board.loc[("identity", scheme)]
        assert (ours["score"], ours["snr_0"]) == (plain["score"], plain["snr_0"])
        assert pd.isna(ours["clean"])
        assert ours["track"] == "open"  # nobody knows what it was trained on
    card = yaml.safe_load((folder / "leaderboards/toy/cards/as_it_was.yaml").read_text())
    known = measured(card, own_lines(folder, "as_it_was"))
    # nobody knows
    assert known == {"track": "open", "contaminated": None, "latency_ms": None, "causal": None, "low_latency": None}
    with pytest.raises(EarmarkError, match="no file has the name of a scene"):
        tasks_of(folder, load_recipe(recipe), Corpora(None, folder / "cache"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "give one of FRONTEND, --audio and --command"),
        (["a.py:A", "--audio", "b"], "give one of FRONTEND, --audio and --command"),
        (["nowhere.py:A"], "no file"),
        (["spectrl"], "did you mean 'spectral'"),
        (["spectral", "--option", "x"], "write an option and its value"),
        (["spectral", "--name", "a b"], "is no label"),
        (["nal_r", "--name", "unet"], "unet is a front-end of the suite, and this is another"),
        (["spectral", "--card", "none.yaml"], "cannot be read"),
    ],
)
def test_what_cannot_be_submitted_is_one_line(here, capfd, words, message):
    _, recipe, _ = here
    assert main(["submit", *words, "--recipe", recipe]) == 2
    error = capfd.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("some/where/my_net.py:MyNet2", "my_net2"),
        ("models/Big-Model.onnx", "big_model"),
        ("speechbrain:speechbrain/metricgan-plus", "metricgan_plus"),
    ],
)
def test_a_name_is_made_of_what_is_submitted(text, name):
    assert name_for(entry_of(text)) == name


def test_no_name_can_be_made_of_nothing():
    with pytest.raises(EarmarkError, match="give one of letters"):
        name_for({"adapters/folder": {"path": "/tmp/---"}})
