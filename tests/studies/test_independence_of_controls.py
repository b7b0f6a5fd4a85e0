"""Controls that are independent by construction, and some that are not."""

from functools import partial

import independence_of_controls as study
import pytest
import torch
import toys

from benchmark.catalogue import Corpora
from benchmark.contracts import FRONT_END, FrontEnd
from benchmark.data import Source
from benchmark.frontends.two_mask import TwoMask
from benchmark.hearing.audiograms import PROFILES
from benchmark.hearing.prescriptions import NAL_R_HZ, nal_r
from benchmark.planning.planner import make_plan
from benchmark.planning.recipe import load_recipe
from benchmark.running.systems import front_end_of, save_parts
from benchmark.settings import ScoredScenes
from benchmark.store import Store
from benchmark.training.system import System

MIXING = ScoredScenes(snr=(0.0,), level=65.0)
HEARD_BY = {"N3": PROFILES["N3"]}
SMALL = {"features": 4, "hidden": 4, "layers": 1, "head": 6}


class TwoKnobs(FrontEnd):
    """p takes 10 dB off the noise, q is the share of NAL-R; `leak` dB of noise come with q."""

    def __init__(self, leak: float = 0.0) -> None:
        super().__init__()
        self.leak = leak

    def shadow(self, heard, others, p, q):
        hertz, known = torch.fft.rfftfreq(heard.audio.shape[-1], 1 / 16000), torch.tensor(NAL_R_HZ, dtype=torch.float32)
        nearest = (torch.log(hertz.clamp(min=1))[:, None] - torch.log(known)).abs().argmin(-1)
        prescribed = q * nal_r(heard.listener[0, 0])[nearest]
        decibels = (prescribed, prescribed - 10 * p + self.leak * q)
        return [
            torch.fft.irfft(torch.fft.rfft(other) * 10 ** (gain / 20), heard.audio.shape[-1])
            for other, gain in zip(others, decibels, strict=True)
        ]


@pytest.fixture(scope="module")
def hiss(tmp_path_factory) -> Source:
    """Noise in noise: every band holds both."""
    folder = tmp_path_factory.mktemp("hiss")
    return Source({"targets": toys.Hiss(folder / "one"), "interferers": toys.Hiss(folder / "two")})


@pytest.fixture(autouse=True)
def few_scenes(monkeypatch):
    monkeypatch.setattr(study, "EFFECT_SCENES", 1)
    monkeypatch.setattr(study, "NAL_R_SCENES", 1)


def test_independent_controls_meet_every_limit(hiss):
    found = study.independence(TwoKnobs(), hiss, MIXING, HEARD_BY)
    assert found["q nearest to NAL-R"] == 1.0
    assert found["off NAL-R at q = 1"] == pytest.approx(0, abs=0.01)
    for q in ("0", "1"):
        assert found[f"p at q = {q}: SNR"] == pytest.approx(10, abs=0.01)
        assert found[f"p at q = {q}: speech"] == pytest.approx(0, abs=0.01)
    assert found["q at p = 0: SNR of a band, either way"] == pytest.approx(0, abs=0.01)
    assert study.failed(found) == []


def test_noise_that_comes_with_compensation_fails_the_limits_of_q_alone(hiss):
    found = study.independence(TwoKnobs(leak=3.0), hiss, MIXING, HEARD_BY)
    assert found["q at p = 0: SNR of a band, either way"] == pytest.approx(3, abs=0.01)
    assert found["q at p = 1: SNR in bands"] == pytest.approx(-3, abs=0.01)
    assert study.failed(found) == ["q at p = 0: SNR of a band, either way", "q at p = 1: SNR in bands"]


def test_each_limit_can_be_failed():
    met = {
        "off NAL-R there": 5.0,
        "off NAL-R, one gain for all": 9.0,
        "p at q = 0: SNR": 3.5,
        "p at q = 0: speech": -1.9,
        "p at q = 1: SNR": 3.0,
        "p at q = 1: speech": 1.0,
        "q at p = 0: SNR of a band, either way": 0.9,
        "q at p = 1: SNR in bands": -0.9,
        "off NAL-R at q = 1": 30.0,
    }
    assert study.failed(met) == []
    for name, value in {
        "off NAL-R there": 8.1,
        "off NAL-R, one gain for all": 4.0,
        "p at q = 0: SNR": 2.9,
        "p at q = 1: speech": -2.1,
        "q at p = 0: SNR of a band, either way": 1.1,
        "q at p = 1: SNR in bands": float("nan"),
    }.items():
        assert study.failed(met | {name: value}) == ["off NAL-R there" if name.startswith("off") else name]


@pytest.fixture
def recipe(workspace):
    """Two small masks on toys, of two seeds."""
    task = {"targets": {f"{toys.__file__}:Tones": {}}, "interferers": {f"{toys.__file__}:Hiss": {}}}
    return toys.toy_recipe(
        workspace,
        seeds=[1, 2],
        front_ends={"identity": None, "two_mask": SMALL},
        tasks={"hearing_loss": task},
        schemes={"noisy": None},
        score={"snr": ["clean", 0], "scenes": 1, "listeners": ["N3"]},
    )


@pytest.fixture
def plan(recipe, workspace):
    return make_plan(load_recipe(str(recipe)), Corpora(None, workspace / "cache"))


@pytest.fixture
def store(plan, workspace):
    """The weights of both seeds, as if they had been trained."""
    store = Store(workspace / "runs")
    for row in plan.rows:
        if row.front_end == "two_mask":
            torch.manual_seed(10 * row.seed)
            system = System(front_end_of(plan.enhancing(row).front_end), {})
            store.put("weights", plan.enhancing(row).weights["front_end"], {}, partial(save_parts, system, [FRONT_END]))
    return store


def weights(plan, seed, store):
    return torch.cat([p.flatten() for p in study.front_end_with_weights(plan, "two_mask", seed, store).parameters()])


def test_weights_are_those_of_the_seed(plan, store):
    built = []
    for manual_seed in (10, 20, 1):
        torch.manual_seed(manual_seed)
        built.append(torch.cat([p.flatten() for p in TwoMask(**SMALL).parameters()]))
    loaded = [weights(plan, seed, store) for seed in ("1", "2", "untrained")]
    assert all(torch.equal(one, other) for one, other in zip(built, loaded, strict=True))
    assert not torch.equal(loaded[0], loaded[1])
    assert not torch.equal(loaded[0], loaded[2])


def test_a_column_and_a_verdict_for_each_seed(recipe, store, workspace, capsys, monkeypatch):
    monkeypatch.setattr(study, "LOSSES", HEARD_BY)
    study.main(str(recipe), "two_mask", workspace, ["2", "untrained"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["2", "untrained"]
    verdicts = dict(line.split(": ", 1) for line in lines[-2:])
    assert list(verdicts) == ["2", "untrained"]
    assert "p at q = 0: SNR" in verdicts["untrained"]  # it reduces no noise
