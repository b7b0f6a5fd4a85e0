"""What counts as an answer, and what as a failure; and who hears what."""

import pandas as pd
import pytest
import torch
from toys import HearingAid

from benchmark.contracts import Batch, FrontEnd
from benchmark.errors import EarmarkError
from benchmark.frontends.identity import Identity
from benchmark.frontends.nal_r import NalR
from benchmark.hearing.audiograms import PROFILES
from benchmark.results.summaries import tables
from benchmark.running.evaluation import LOUDEST, check_any_success, enhance, evaluate
from benchmark.settings import ScoredScenes
from benchmark.training.system import System
from tasks.hearing_loss import HearingLoss


def live(enhancer):
    """Enhance each scene when it is evaluated."""
    return lambda batch, listener, controls: enhance(enhancer, batch, **controls)


class Through(FrontEnd):
    """Applies a function."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, audio):
        return self.function(audio)


def failures(function, model, source):
    system, scenes = System(Through(function), {"bands": model}), ScoredScenes(snr=(0,), scenes=2)
    records = list(evaluate(system, "bands", source.mixer("test"), scenes, live(system.enhancer)))
    assert len(records) == 2
    assert all(bool(record["prediction"]) == (record["failed"] is None) for record in records)
    return {record["failed"] for record in records}


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda x: torch.complex(x, x), "Through: the output must be floats of the input's shape"),
        (lambda x: x * float("nan"), "the front-end's output is not finite"),
        (lambda x: x / x.abs().amax() * 2 * LOUDEST, "the front-end's output reaches 2e+06, beyond 1e+06 (220 dB SPL)"),
        (lambda x: -x / x.max() * 2 * LOUDEST, None),
        (lambda x: x * 1e30, None),
    ],
)
def test_an_output_that_is_no_audio_is_a_failure_with_its_reason(model, source, function, reason):
    (found, *_) = found_all = failures(function, model, source)
    assert None not in found_all
    assert reason is None or found.startswith(reason)


def test_a_loud_output_is_an_answer(model, source):
    assert failures(lambda x: x / x.abs().amax() * 0.99 * LOUDEST, model, source) == {None}


def heard_by(front_end, source, *names, snr=("clean", 0), scenes=2):
    listeners = {name: PROFILES[name] for name in names}
    system, wanted = System(front_end, {"hearing": HearingLoss({})}), ScoredScenes(snr=snr, scenes=scenes)
    return list(evaluate(system, "hearing", source.mixer("test"), wanted, live(system.enhancer), listeners))


def test_each_listener_hears_every_scene_under_a_condition_of_its_own(source):
    records = heard_by(Identity(), source, "N3", "S2")
    assert [tuple(record["conditions"].values()) for record in records] == [
        (snr, name) for snr in ("clean", "snr_0") for name in ("N3", "S2")
    ] * 2
    assert len({record["scene"] for record in records}) == 4  # a scene is the same whoever hears it
    assert all(record["failed"] is None for record in records)
    made = tables(HearingLoss({}), records)
    assert made["conditions"] == ["clean N3", "clean S2", "snr_0 N3", "snr_0 S2"]
    assert [len(scene) for scene in made["sums"]["haspi"]] == [4, 4]
    first = pd.DataFrame([record["prediction"] for record in records[:4]])
    assert made["sums"]["haspi"][0] == pytest.approx(first["haspi"].tolist(), abs=5e-5)
    assert first["insertion_gain"].nunique() == 4


def test_listeners_and_controls_become_conditions_of_the_record(source, model):
    listeners = {"normal": [0.0] * 10, "N3": [40.0] * 10}
    system, settings = System(HearingAid(), {"bands": model}), ({}, {"amount": 0.0})
    mixer, scenes = source.mixer("test"), ScoredScenes(snr=(0,), scenes=2)
    records = list(evaluate(system, "bands", mixer, scenes, live(system.enhancer), listeners, settings))
    assert len(records) == 2 * 2 * 2
    assert [record["conditions"] for record in records[:4]] == [
        {"snr": "snr_0", "listener": "normal"},
        {"snr": "snr_0", "listener": "normal", "amount": 0.0},
        {"snr": "snr_0", "listener": "N3"},
        {"snr": "snr_0", "listener": "N3", "amount": 0.0},
    ]


def test_a_front_end_that_knows_the_listener_makes_what_the_prescription_would(source):
    chained, alone = (
        heard_by(front_end, source, "N4", snr=(0,), scenes=1)[0]["prediction"] for front_end in (Identity(), NalR())
    )
    assert chained["haspi"] == pytest.approx(alone["haspi"], abs=1e-4)
    assert chained["insertion_gain"] == pytest.approx(alone["insertion_gain"], abs=1e-2)


def test_a_front_end_hears_with_whoever_listens(source):
    levels = [
        record["prediction"]["insertion_gain"]
        for record in heard_by(HearingAid(), source, "normal", "N3", snr=(0,), scenes=1)
    ]
    assert levels == pytest.approx([0, 20], abs=0.01)  # half of 40 dB HL at 1 kHz


def test_a_silent_output_is_at_the_floor_of_every_listener(source):
    records = heard_by(Through(lambda x: 0 * x), source, "N3", "S3", snr=(0,), scenes=1)
    assert [record["prediction"]["reason"] for record in records] == ["the output is silent"] * 2
    made = tables(HearingLoss({}), records)
    assert made["excluded"] == []
    assert (made["sums"]["haspi"], made["sums"]["count"], made["sums"]["heard"]) == ([[0, 0]], [[1, 1]], [[0, 0]])


def test_scenes_are_brought_to_where_the_system_is(model, source, monkeypatch):
    went = []
    monkeypatch.setattr(Batch, "to", lambda batch, device: went.append(device) or batch)
    monkeypatch.setattr(System, "device", torch.device("cuda"))
    assert failures(lambda x: x, model, source) == {None}
    assert went == [torch.device("cuda")] * 2


def test_the_reason_of_a_failure_is_one_line(model, source):
    def broken(audio):
        raise RuntimeError("first\n  second\nthird")

    assert failures(broken, model, source) == {"RuntimeError: first second third"}


def test_a_system_that_only_fails_is_a_defect_and_no_score():
    failing, working = "not done after 60 s", None
    check_any_success([failing, working], "cell")
    check_any_success([], "cell")
    with pytest.raises(EarmarkError, match="cell: it failed on all 2 scenes; first: not done after 60 s"):
        check_any_success([failing, failing], "cell")
    with pytest.raises(EarmarkError, match="each of the first 3 scenes and was given up"):
        check_any_success([failing] * 3, "cell", given_up=True)
