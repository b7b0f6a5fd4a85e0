"""The enhancement task: measured values, whose fault a missing one is, and sums."""

import hashlib
import json

import numpy as np
import pandas as pd
import pystoi
import pytest
import torch
from pesq import pesq
from torchmetrics.functional.audio import scale_invariant_signal_distortion_ratio

from benchmark.contracts import Batch, Heard, Undefined, primary
from benchmark.metrics import dnsmos
from tasks.enhancement import Enhancement

TIME = torch.arange(24000) / 16000


@pytest.fixture
def speech():
    """Two examples of bursts of noise at a syllable's rate, the second shorter."""
    generator = torch.Generator().manual_seed(0)
    clean = 0.02 * torch.randn(2, 1, 24000, generator=generator) * torch.sin(2 * torch.pi * 3 * TIME).clamp(min=0)
    clean[1, :, 20000:] = 0
    return clean


def batch_of(clean, noisy=None, lengths=(24000, 20000)):
    return Batch([], Heard(clean if noisy is None else noisy, torch.tensor(lengths)), clean, {})


def noisy(clean):
    audio = clean + 0.003 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(1))
    audio[1, :, 20000:] = 0
    return audio


def test_values_are_those_of_the_packages(speech):
    task, audio = Enhancement({}), noisy(speech)
    batch = batch_of(speech)
    predictions = task.predict(task(audio, batch.heard.lengths), batch)
    for i, length in enumerate(batch.heard.lengths):
        reference, estimate = speech[i, 0, :length], audio[i, 0, :length]
        found = predictions[i]
        assert found["pesq"] == pytest.approx(pesq(16000, reference.numpy(), estimate.numpy(), "wb"), abs=1e-3)
        assert found["estoi"] == pytest.approx(
            pystoi.stoi(reference.numpy(), estimate.numpy(), 16000, extended=True), abs=1e-4
        )
        assert found["si_sdr"] == pytest.approx(
            scale_invariant_signal_distortion_ratio(estimate, reference).item(), abs=1e-3
        )
        assert found["audio"] == hashlib.sha256(estimate.numpy().tobytes()).hexdigest()
        assert set(found) == {"pesq", "estoi", "si_sdr", "audio"}
    assert json.loads(json.dumps(predictions)) == predictions


def test_two_channels_are_heard_as_their_mean(speech):
    task, audio = Enhancement({}), noisy(speech)
    one = task.predict(audio, batch_of(speech))
    ears = torch.cat([audio + 0.01, audio - 0.01], 1)
    two = task.predict(ears, batch_of(speech.repeat(1, 2, 1)))
    for a, b in zip(one, two, strict=True):
        assert a["pesq"] == pytest.approx(b["pesq"], abs=1e-3)
        assert a["audio"] != b["audio"]


def test_whose_fault_a_missing_value_is(speech):
    task = Enhancement({})
    silent = torch.zeros_like(speech)
    first, _ = task.predict(noisy(speech), batch_of(silent))
    assert first["excluded"] == "the reference is silent"
    assert first["pesq"] is first["estoi"] is first["si_sdr"] is None

    short, _ = task.predict(noisy(speech), batch_of(speech, lengths=(6200, 20000)))
    assert "30 frames" in short["excluded"]
    assert short["pesq"] is not None

    muted, _ = task.predict(silent, batch_of(speech))
    assert muted["reason"] == "the output is silent"
    assert "excluded" not in muted
    json.dumps([first, short, muted], allow_nan=False)


def scored(predictions):
    return Enhancement({}).score(pd.DataFrame(predictions), pd.DataFrame([{}] * len(predictions)))


def test_scores_add_up_to_means():
    predictions = [
        {"pesq": 2.0, "estoi": 0.5, "si_sdr": 10.0, "audio": ""},
        # the output's fault: the floor
        {"pesq": None, "estoi": 0.7, "si_sdr": 20.0, "audio": "", "reason": "PESQ: no"},
        {"pesq": 4.0, "estoi": -0.1, "si_sdr": 90.0, "audio": ""},  # beyond what counts
        {"pesq": 4.6, "estoi": None, "si_sdr": 1.0, "audio": "", "excluded": "STOI: too short"},
    ]
    columns = scored(predictions)
    figures = Enhancement.summarise({name: columns[name].to_numpy(float).sum(0) for name in columns})
    assert list(figures) == ["pesq", "estoi", "si_sdr"]
    assert figures["pesq"] == pytest.approx((2 + 1 + 4) / 3)
    assert figures["estoi"] == pytest.approx((0.5 + 0.7 + 0) / 3)
    assert figures["si_sdr"] == pytest.approx((10 + 20 + 30) / 3)
    both = {name: np.stack([columns[name].to_numpy(float).sum(), np.zeros(())]) for name in columns}
    assert np.isnan(Enhancement.summarise(both)["pesq"][1])


def test_a_failed_scene_is_at_the_floor():
    floor = Enhancement({}).floor(pd.DataFrame([{}] * 2, index=[3, 5]))
    worst = scored([{"pesq": None, "estoi": None, "si_sdr": None, "audio": "", "reason": "silent"}] * 2)
    assert list(floor.index) == [3, 5]
    pd.testing.assert_frame_equal(floor.reset_index(drop=True)[list(worst)], worst, check_dtype=False)


def test_the_loss_is_finite_bounded_and_silent_on_silence(speech):
    task, audio = Enhancement({}), noisy(speech).requires_grad_()
    clean = speech.clone()
    clean[1] = 0
    losses = task.loss(task(audio, torch.tensor([24000, 20000])), batch_of(clean))
    losses.sum().backward()
    assert losses.shape == (2,)
    ratio = scale_invariant_signal_distortion_ratio(audio[0].detach(), clean[0]).item()
    assert losses[0].item() == pytest.approx((30 + 10 * np.log10(10 ** (-ratio / 10) + 1e-3)) / 50, abs=0.001)
    assert losses[1] == 0
    assert audio.grad[0].abs().sum() > 0
    assert audio.grad[1].abs().sum() == 0
    assert task.loss(speech, batch_of(speech))[0].item() == pytest.approx(0, abs=0.001)


def test_dnsmos_is_measured_on_demand(speech, monkeypatch):
    def fake(estimate):
        if not estimate.any():
            raise Undefined("DNSMOS: silent", "estimate")
        return {"ovrl": 3.0, "sig": 3.5, "bak": 4.0}

    monkeypatch.setattr(dnsmos, "dnsmos", fake)
    audio = noisy(speech)
    audio[1] = 0
    task = Enhancement({}, metrics=("pesq", "estoi", "si_sdr", "dnsmos"))
    first, second = task.predict(audio, batch_of(speech))
    assert (first["dnsmos_ovrl"], first["dnsmos_sig"], first["dnsmos_bak"]) == (3.0, 3.5, 4.0)
    assert second["dnsmos_ovrl"] is None
    columns = task.score(pd.DataFrame([first, second]), pd.DataFrame([{}, {}]))
    figures = task.summarise({name: columns[name].to_numpy(float).sum(0) for name in columns})
    assert list(figures) == list(task.figures)
    assert figures["dnsmos_bak"] == pytest.approx((4 + 1) / 2)


def test_the_task_has_no_model():
    task = Enhancement({})
    assert primary(task) == "pesq"
    assert task.needs == {"clean"}
    assert not list(task.parameters())
    assert task.reference({"id": "x"}) == {}
