"""The hearing-loss task: measured values for an ear, whose fault a missing one is, sums, and who gets a
prescription.
"""

import hashlib
import json

import numpy as np
import pandas as pd
import pytest
import torch
from hearing_signals import noisy, syllables
from toys import Gain, HearingAid, Tones, TwoEars

from benchmark.contracts import FRONT_END, Batch, Enhanced, Heard, Task, primary
from benchmark.data import Source
from benchmark.frontends.fig6 import Fig6
from benchmark.frontends.identity import Identity
from benchmark.frontends.nal_r import NalR
from benchmark.frontends.unaided import Unaided
from benchmark.hearing.audiograms import PROFILES
from benchmark.metrics.haspi import haspi
from benchmark.metrics.hasqi import hasqi
from benchmark.running.evaluation import clean as hear_clean
from benchmark.running.evaluation import evaluate
from benchmark.settings import ScoredScenes
from benchmark.training.schemes.joint import Joint
from benchmark.training.schemes.sample_importance import SampleImportance
from benchmark.training.system import System
from tasks.hearing_loss import MAXIMUM_DB_SPL, HearingLoss

LENGTHS = [8000, 6000]


def loss_of(*names):
    return torch.tensor([PROFILES[name] for name in names], dtype=torch.float32)


@pytest.fixture(scope="module")
def batch():
    """Two scenes at 10 dB SNR, the second shorter, for an N3 and an S3."""
    clean = np.stack([syllables(0.5, seed) for seed in (0, 1)])
    unaided = np.stack([noisy(signal, 10) for signal in clean])
    valid = torch.arange(8000) < torch.tensor(LENGTHS)[:, None, None]
    clean, unaided = (torch.from_numpy(signal).float()[:, None] * valid for signal in (clean, unaided))
    return Batch([], Heard(unaided, torch.tensor(LENGTHS), loss_of("N3", "S3")[:, None]), clean, {})


def alone(batch, index):
    """One scene of a batch, cut to its length."""
    length, pick = LENGTHS[index], slice(index, index + 1)
    heard = Heard(batch.heard.audio[pick, :, :length], batch.heard.lengths[pick], batch.heard.listener[pick])
    return Batch([], heard, batch.clean[pick, :, :length], {})


def predicted(audio, batch):
    task = HearingLoss({})
    return task.predict(task(audio, batch.heard.lengths), batch)


def scored(predictions):
    return HearingLoss({}).score(pd.DataFrame(predictions), pd.DataFrame([{}] * len(predictions)))


def summarised(columns):
    return HearingLoss.summarise({name: columns[name].to_numpy(float).sum(0) for name in columns})


def sine(level, samples=1600):
    return (2**0.5 * 10 ** ((level - 100) / 20) * torch.sin(2 * torch.pi * 1000 * torch.arange(samples) / 16000))[
        None, None
    ]


def test_values_are_those_of_the_metrics(batch):
    audio = 4 * batch.heard.audio
    predictions = predicted(audio, batch)
    for index, (found, length) in enumerate(zip(predictions, LENGTHS, strict=True)):
        clean, output = batch.clean[index, :, :length], audio[index, :, :length]
        thresholds = batch.heard.listener[index]
        assert found["haspi"] == pytest.approx(haspi(clean, output, thresholds).item())
        assert found["hasqi"] == pytest.approx(hasqi(clean, output, thresholds).item())
        assert found["output_level"] == pytest.approx(
            100 + 10 * np.log10(np.mean(output.numpy().astype(float) ** 2)), abs=1e-3
        )
        assert found["audio"] == hashlib.sha256(output.numpy().tobytes()).hexdigest()
        assert set(found) == {"haspi", "hasqi", "insertion_gain", "output_level", "audio"}
    assert predictions[0]["haspi"] != predictions[1]["haspi"]
    assert json.loads(json.dumps(predictions)) == predictions


def test_twice_the_amplitude_is_an_insertion_gain_of_6_db(batch):
    one = alone(batch, 1)
    unaided, aided = (predicted(gain * one.heard.audio, one)[0] for gain in (1, 2))
    assert unaided["insertion_gain"] == pytest.approx(0, abs=1e-4)
    assert aided["insertion_gain"] == pytest.approx(20 * np.log10(2), abs=1e-4)
    assert aided["output_level"] - unaided["output_level"] == pytest.approx(20 * np.log10(2), abs=1e-4)
    assert aided["haspi"] > unaided["haspi"]


def test_the_output_is_clipped_where_an_aid_s_is():
    task, lengths = HearingLoss({}), torch.tensor([1600])
    loudest = sine(MAXIMUM_DB_SPL)
    torch.testing.assert_close(task(0.999 * loudest, lengths), 0.999 * loudest, rtol=0, atol=0)
    clipped = task(2 * loudest, lengths)
    assert clipped.max() == pytest.approx(loudest.max().item(), rel=1e-3)
    assert clipped.min() == -clipped.max()
    assert task(10 * loudest, lengths).abs().max() == clipped.max()


def test_losses_are_those_of_each_example_whatever_is_padded(batch):
    task, audio = HearingLoss({}), (2 * batch.heard.audio).requires_grad_()
    losses = task.loss(task(audio, batch.heard.lengths), batch)
    assert losses.shape == (2,)
    assert (losses > 0).all()
    for index in range(2):
        one = alone(batch, index)
        single = task.loss(task(audio[index : index + 1, :, : LENGTHS[index]].detach(), one.heard.lengths), one)
        torch.testing.assert_close(losses[index : index + 1], single, rtol=1e-3, atol=1e-3)
    losses[0].backward()
    assert audio.grad[0].abs().sum() > 0
    assert audio.grad[1].abs().sum() == 0


def test_the_loss_is_nothing_for_a_normal_ear_that_hears_the_clean_sound(batch):
    task = HearingLoss({})
    normal = Batch([], batch.heard._replace(listener=loss_of("normal", "normal")[:, None]), batch.clean, {})
    assert task.loss(task(batch.clean, batch.heard.lengths), normal).max() < 1e-4
    assert task.loss(task(batch.clean, batch.heard.lengths), batch).min() > 0.1


def test_the_loss_of_two_ears_is_their_mean(batch):
    task = HearingLoss({})
    sounds = [batch.heard.audio, 3 * batch.heard.audio]
    listener = torch.stack([loss_of("N3", "S3"), loss_of("N5", "N1")], 1)
    both = Batch([], Heard(torch.cat(sounds, 1), batch.heard.lengths, listener), batch.clean.expand(-1, 2, -1), {})
    each = [
        task.loss(sound, Batch([], batch.heard._replace(listener=listener[:, ear : ear + 1]), batch.clean, {}))
        for ear, sound in enumerate(sounds)
    ]
    torch.testing.assert_close(task.loss(both.heard.audio, both), (each[0] + each[1]) / 2, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("scale", [0.0, 1.0])
def test_gradients_are_finite_on_silence_and_at_full_scale(scale):
    audio = (scale * torch.sign(torch.randn(1, 1, 1500, generator=torch.Generator().manual_seed(0)))).requires_grad_()
    scene = Batch([], Heard(audio.detach(), torch.tensor([1500]), loss_of("N4")[:, None]), torch.zeros(1, 1, 1500), {})
    task = HearingLoss({})
    task.loss(task(audio, scene.heard.lengths), scene).sum().backward()
    assert audio.grad.isfinite().all()


@pytest.mark.parametrize("better", [0, 1])
def test_the_better_ear_counts_with_all_its_values(batch, better):
    one = alone(batch, 0)
    good, bad = one.clean * 3, torch.from_numpy(noisy(one.clean[0, 0].numpy(), -5, seed=2)).float()[None, None]
    order = [good, bad] if better == 0 else [bad, good]
    listener = loss_of("N3", "N5") if better == 0 else loss_of("N5", "N3")
    heard = Heard(
        torch.cat([one.heard.audio, 0.5 * one.heard.audio][:: 1 - 2 * better], 1), one.heard.lengths, listener[None]
    )
    (found,) = predicted(torch.cat(order, 1), Batch([], heard, one.clean.expand(-1, 2, -1), {}))
    (expected,) = predicted(good, Batch([], one.heard._replace(listener=loss_of("N3")[None]), one.clean, {}))
    assert haspi(one.clean[0], bad[0], loss_of("N5")) < expected["haspi"]
    for name in HearingLoss.figures:
        assert found[name] == pytest.approx(expected[name], abs=1e-4), name


def test_a_silent_ear_leaves_the_other(batch):
    one = alone(batch, 0)
    heard = Heard(one.heard.audio.expand(-1, 2, -1), one.heard.lengths, loss_of("N3", "N3")[None])
    (found,) = predicted(torch.cat([0 * one.clean, one.clean], 1), Batch([], heard, one.clean.expand(-1, 2, -1), {}))
    assert found["haspi"] == pytest.approx(haspi(one.clean[0], one.clean[0], loss_of("N3")).item())
    assert "reason" not in found


def test_whose_fault_a_missing_value_is(batch):
    one = alone(batch, 0)
    (muted,) = predicted(0 * one.clean, one)
    assert muted["reason"] == "the output is silent"
    assert "excluded" not in muted
    short = Batch(
        [], Heard(one.heard.audio[..., :3000], torch.tensor([3000]), one.heard.listener), one.clean[..., :3000], {}
    )
    for scene in (Batch([], one.heard, 0 * one.clean, {}), short):
        (record,) = predicted(scene.heard.audio, scene)
        assert record["excluded"] == "the reference is silent or too short"
        assert "reason" not in record
        assert all(record[name] is None for name in HearingLoss.figures)
        json.dumps(record, allow_nan=False)
    both = Batch([], Heard(one.heard.audio, one.heard.lengths, one.heard.listener), 0 * one.clean, {})
    (neither,) = predicted(0 * one.clean, both)
    assert "excluded" in neither  # what nobody can answer is no fault of the system


def test_scores_add_up_to_means():
    predictions = [
        {"haspi": 0.4, "hasqi": 0.2, "insertion_gain": 10.0, "output_level": 75.0, "audio": ""},
        {
            "haspi": None,
            "hasqi": None,
            "insertion_gain": None,
            "output_level": None,
            "audio": "",
            "reason": "the output is silent",
        },
        # the ear hears nothing of it
        {"haspi": 0.8, "hasqi": None, "insertion_gain": 20.0, "output_level": 85.0, "audio": ""},
        {
            "haspi": 0.9,
            "hasqi": 0.9,
            "insertion_gain": 0.0,
            "output_level": 65.0,
            "audio": "",
            "excluded": "the reference is silent or too short",
        },
    ]
    columns = scored(predictions)
    assert len(columns) == 4
    assert not columns.isna().any().any()
    assert (columns.iloc[3] == 0).all()
    figures = summarised(columns)
    assert list(figures) == list(HearingLoss.figures)
    assert figures["haspi"] == pytest.approx((0.4 + 0 + 0.8) / 3)
    assert figures["hasqi"] == pytest.approx(0.2 / 3)
    assert figures["insertion_gain"] == pytest.approx(15.0)
    assert figures["output_level"] == pytest.approx(80.0)
    halves = summarised(columns[:2]), summarised(columns[2:])
    assert figures["haspi"] == pytest.approx((2 * halves[0]["haspi"] + halves[1]["haspi"]) / 3)
    for nothing in (columns[3:], columns[:0]):
        assert all(np.isnan(value) for value in summarised(nothing).values())
    stacked = HearingLoss.summarise({name: np.array([columns[name].sum(), 0.0]) for name in columns})
    assert stacked["haspi"].shape == (2,)
    assert np.isnan(stacked["haspi"][1])


@pytest.mark.parametrize("kind", ["reason", "excluded"])
def test_records_without_any_value_can_be_scored(kind):
    columns = scored([{**dict.fromkeys(HearingLoss.figures), "audio": "", kind: "silent"}] * 2)
    assert columns["count"].tolist() == [kind == "reason"] * 2
    assert columns.drop(columns="count").to_numpy(float).sum() == 0


def test_a_failed_scene_is_at_the_floor():
    floor = HearingLoss({}).floor(pd.DataFrame([{}] * 2, index=[3, 5]))
    worst = scored([{**dict.fromkeys(HearingLoss.figures), "audio": "", "reason": "silent"}] * 2)
    assert list(floor.index) == [3, 5]
    pd.testing.assert_frame_equal(floor.reset_index(drop=True)[list(worst)], worst, check_dtype=False)


@pytest.mark.parametrize(
    ("front_end", "options", "aid"),
    [
        (Identity, {}, NalR()),
        (TwoEars, {}, NalR()),
        (Identity, {"prescription": {"nal_r": {"gain": 6.0}}}, NalR(gain=6.0)),
        (Identity, {"prescription": "fig6"}, Fig6()),
        (Identity, {"prescription": None}, None),
        (Unaided, {}, None),
        (NalR, {}, None),
        (HearingAid, {}, None),
    ],
)
def test_a_prescription_follows_what_does_not_know_the_listener(front_end, options, aid, batch):
    task = HearingLoss({}, **options)
    system = System(front_end(), {"hearing": task})
    enhanced = system.enhance(batch)
    output = system.task_output("hearing", enhanced, batch)
    expected = enhanced.audio if aid is None else aid.process(batch.heard._replace(audio=enhanced.audio)).audio
    torch.testing.assert_close(output, expected)
    assert aid is None or (output - enhanced.audio).abs().max() > 0.01
    torch.testing.assert_close(system.task_loss("hearing", enhanced, batch), task.loss(output, batch))
    assert not [name for name, _ in system.named_parameters() if name.startswith(("tasks", "prescriptions"))]


def test_gradients_pass_the_prescription(batch):
    system = System(Identity(), {"hearing": HearingLoss({})})
    audio = batch.heard.audio.clone().requires_grad_()
    system.task_loss("hearing", Enhanced(audio), batch).sum().backward()
    assert audio.grad.isfinite().all()
    assert audio.grad.abs().max() > 0


@pytest.mark.parametrize("scheme", [Joint(), SampleImportance()])
def test_schemes_train_a_front_end_through_the_ear(batch, scheme):
    gain = Gain(0.5)
    system = System(gain, {"hearing": HearingLoss({})})
    updates = [update for update in scheme.updates(system, {"hearing": batch}, 0) if FRONT_END in update.moves]
    assert updates
    for update in updates:
        (gradient,) = torch.autograd.grad(update.loss, gain.gain)
        assert gradient.isfinite()
        assert gradient != 0


def test_the_reference_row_is_the_clean_sound_behind_the_prescription(tmp_path):
    tones = Tones(tmp_path)
    tones.prepare()
    mixer = Source({"targets": tones}).mixer("test")
    listeners = {name: PROFILES[name] for name in ("normal", "N4")}
    records = list(
        evaluate(
            System(Identity(), {"hearing": HearingLoss({})}),
            "hearing",
            mixer,
            ScoredScenes(scenes=1),
            hear_clean,
            listeners,
        )
    )
    assert [record["conditions"] for record in records] == [
        {"snr": "clean", "listener": "normal"},
        {"snr": "clean", "listener": "N4"},
    ]
    scene = mixer.scene(next(row for row in mixer.targets if row["id"] == records[0]["base"]), None, 65.0)
    clean = torch.from_numpy(scene.clean)
    for record, name in zip(records, listeners, strict=True):
        aided = NalR().process(Heard(clean[None], torch.tensor([clean.shape[-1]]), loss_of(name)[None])).audio[0]
        assert record["failed"] is None
        assert record["prediction"]["haspi"] == pytest.approx(haspi(clean, aided, loss_of(name)).item(), abs=1e-6)
    gains = [record["prediction"]["insertion_gain"] for record in records]
    assert gains[0] == pytest.approx(0, abs=0.05)
    assert gains[1] > 5


def test_the_task_has_no_model_and_says_what_it_needs():
    task = HearingLoss({})
    assert isinstance(task, Task)
    assert primary(task) == "haspi"
    assert task.needs == {"clean", "listener"}
    assert task.axes == ("snr", "listener")
    assert set(task.headline["listener"]) == {"N3", "N4", "S3"}
    assert not list(task.parameters())
    assert task.reference({"id": "x"}) == {}


def test_an_output_below_0_db_spl_is_silent(batch):
    first, second = predicted(1e-9 * batch.heard.audio, batch)
    assert first["reason"] == second["reason"] == "the output is silent"
    assert first["output_level"] is None


def test_a_prescription_for_one_ear_serves_both():
    class AnyEar(Identity):
        pass

    torch.manual_seed(0)
    small = {"objective": "compensation", "features": 4, "hidden": 4, "layers": 1, "head": 6}
    system = System(AnyEar(), {"h": HearingLoss({}, prescription={"two_mask": small})})
    audio = 0.02 * torch.randn(1, 2, 3000, generator=torch.Generator().manual_seed(0))
    listener = torch.tensor([[PROFILES["normal"], PROFILES["N5"]]], dtype=torch.float32)
    batch = Batch([], Heard(audio, torch.tensor([3000]), listener), audio, {})
    output = system.task_output("h", system.enhance(batch), batch)
    right = system.prescriptions["h"].process(Heard(audio[:, 1:], torch.tensor([3000]), listener[:, 1:])).audio
    torch.testing.assert_close(output[:, 1:], right)
