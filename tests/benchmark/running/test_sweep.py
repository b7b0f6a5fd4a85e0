"""Controls of a front-end over a grid, without training again."""

import xml.etree.ElementTree as ET

import pandas as pd
import pytest
import toys

from benchmark.cli import main
from benchmark.results.summary_file import read_summaries

FADER = """
from benchmark.contracts import Enhanced, FrontEnd


class Fader(FrontEnd):
    controls = {"low": 1.0, "high": 1.0}

    def process(self, heard, **controls):
        low, high = ({**self.controls, **controls}[name] for name in ("low", "high"))
        return Enhanced(heard.audio * low * high)
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("swept")
    (folder / "fader.py").write_text(FADER)
    fronts = {
        "identity": None,
        "fader": {f"{folder}/fader.py:Fader": {}},
        "gain": {f"{toys.__file__}:Gain": {"start": 0.5}},
    }
    recipe = toys.toy_recipe(folder, front_ends=fronts, schemes={"noisy": None, "joint": None}, seeds=[1, 2])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EARMARK_CACHE", str(folder / "cache"))
        assert main(["run", str(recipe), "--out", str(folder)]) == 0
    return folder, recipe


@pytest.fixture
def here(finished, monkeypatch):
    folder, recipe = finished
    monkeypatch.chdir(folder)
    monkeypatch.setenv("EARMARK_CACHE", str(folder / "cache"))
    return folder, str(recipe)


def test_own_controls_span_a_map_whose_defaults_are_the_board(here, capsys):
    folder, recipe = here
    assert main(["sweep", "fader", recipe, "--grid", "low=0.01,1", "high=0.1,0.5,1"]) == 0
    table = pd.read_csv(folder / "leaderboards/toy/controls/fader.csv")
    assert list(table.columns[:6]) == ["front_end", "scheme", "task", "low", "high", "metric"]
    assert len(table) == 6  # under noisy alone: it has nothing to train
    assert table[["score_low", "score_high"]].stack().between(0, 1).all()  # as an accuracy
    board = pd.read_csv(folder / "leaderboards/toy/bands.csv").set_index(["front_end", "scheme"])
    assert main(["sweep", "fader", recipe, "--grid", "low=0.01,1", "high=0.1,0.5,1", "--seed", "2"]) == 0
    other = pd.read_csv(folder / "leaderboards/toy/controls/fader_seed_2.csv")
    for column in ("score", "snr_0"):  # the board has the mean over its two seeds
        seeds = [each.loc[(each["low"] == 1) & (each["high"] == 1), column].item() for each in (table, other)]
        assert sum(seeds) / 2 == pytest.approx(board.loc[("fader", "noisy"), column], abs=1e-4)
    drawing = ET.parse(folder / "leaderboards/toy/controls/fader_noisy_bands.svg")
    assert drawing.getroot().tag.endswith("svg")
    assert "fader.csv" in capsys.readouterr().out


def test_every_front_end_has_a_dry_wet_mix_between_the_input_and_its_output(here):
    folder, recipe = here
    seeds = []
    for seed in (1, 2):
        assert main(["sweep", "gain", recipe, "--seed", str(seed)]) == 0
        seeds.append(
            pd.read_csv(folder / f"leaderboards/toy/controls/gain_seed_{seed}.csv").set_index(["scheme", "wet"])[
                "score"
            ]
        )
    assert sorted({wet for _, wet in seeds[0].index}) == [0, 0.25, 0.5, 0.75, 1]
    assert (seeds[0] != seeds[1]).any()
    board, score = pd.read_csv(folder / "leaderboards/toy/bands.csv").set_index(["front_end", "scheme"]), sum(seeds) / 2
    assert score["noisy", 1] == pytest.approx(board.loc[("gain", "noisy"), "score"], abs=1e-4)
    assert score["noisy", 0] == pytest.approx(board.loc[("identity", "noisy"), "score"], abs=1e-4)
    assert score["joint", 1] == pytest.approx(board.loc[("gain", "joint"), "score"], abs=1e-4)


def test_the_same_sweep_gives_the_same_bytes_and_touches_no_board(here):
    folder, recipe = here
    runs = []
    before = read_summaries(folder / "leaderboards/toy/summaries.jsonl")
    for _ in range(2):
        assert main(["sweep", "gain", recipe, "--grid", "wet=0,1", "--scenes", "2"]) == 0
        runs.append({path.name: path.read_bytes() for path in (folder / "leaderboards/toy/controls").glob("gain*")})
    assert runs[0] == runs[1]
    assert before == read_summaries(folder / "leaderboards/toy/summaries.jsonl")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["gane"], "did you mean 'gain'"),
        (["gain", "--grid", "wat=0,1"], "did you mean 'wet'"),
        (["gain", "--grid", "wet=0"], "an axis has two values or more"),
        (["gain", "--grid", "wet=0,0,1"], "no two alike"),
        (["gain", "--grid", "wet=0,nan"], "finite"),
        (["gain", "--grid", "wet=-4,9"], "the share of the front-end's output, 0 to 1"),
        (["gain", "--grid", "wet=0,1", "wet=0,0.5"], "wet is there twice"),
        (["gain", "--grid", "wet=a,b"], "write a control and its values"),
        (["gain", "--seed", "3"], "no seed 3; it has 1, 2"),
        (["gain", "--scenes", "0"], "--scenes: write a number of scenes"),
        (["fader", "--grid", "low=0,1", "high=0,1", "wet=0,1"], "a map has one or two axes"),
        (["gain", "--out", "elsewhere"], "was not run yet"),
    ],
)
def test_what_cannot_be_swept_is_one_line(here, capsys, words, message):
    _, recipe = here
    assert main(["sweep", words[0], recipe, *words[1:]]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
