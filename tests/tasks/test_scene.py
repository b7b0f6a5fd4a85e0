import json
import math

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import accuracy_score, log_loss

from benchmark.contracts import Batch, Heard, primary
from tasks.scene import LEAST, AcousticScene

CLASSES = ["rain", "sea", "train"]
LENGTHS = torch.tensor([9001, 16000, 5000, 121])


@pytest.fixture
def task() -> AcousticScene:
    torch.manual_seed(0)
    return AcousticScene({"classes": CLASSES}, bands=16, channels=(4, 8)).eval()


@pytest.fixture
def audio() -> torch.Tensor:
    noise = torch.randn(4, 1, 16000, generator=torch.Generator().manual_seed(1)) * 0.018
    return noise * (torch.arange(16000) < LENGTHS[:, None])[:, None]


def batch(task: AcousticScene, audio: torch.Tensor, lengths: torch.Tensor, scenes: list[str]) -> Batch:
    return Batch([], Heard(audio, lengths), None, task.collate([{"label": scene} for scene in scenes]))


def fitted(task: AcousticScene, known: Batch, steps: int) -> AcousticScene:
    optimiser = torch.optim.Adam(task.parameters(), 0.01)
    for _ in range(steps):
        loss = task.loss(task(*known.heard[:2]), known).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return task


def test_padding_and_neighbours_change_nothing(task, audio):
    together = task(audio, LENGTHS)
    dirty = torch.cat([audio, torch.zeros(4, 1, 3333)], -1)
    dirty += 0.1 * (torch.arange(19333) >= LENGTHS[:, None])[:, None]
    torch.testing.assert_close(task(dirty, LENGTHS), together, atol=1e-5, rtol=0)
    for i, length in enumerate(LENGTHS):
        alone = task(audio[i : i + 1, :, :length], LENGTHS[i : i + 1])[0]
        torch.testing.assert_close(alone, together[i], atol=1e-5, rtol=0)


def test_losses_are_each_example_s_own(task, audio):
    scenes = ["sea", "rain", "train", "sea"]
    losses = task.loss(task(audio, LENGTHS), batch(task, audio, LENGTHS, scenes))
    assert losses.shape == (4,)
    for i, scene in enumerate(scenes):
        output = task(audio[i : i + 1], LENGTHS[i : i + 1])
        torch.testing.assert_close(losses[i], -output.log_softmax(-1)[0, CLASSES.index(scene)], atol=1e-5, rtol=0)


def test_level_and_silence(task, audio):
    torch.testing.assert_close(task(audio * 10, LENGTHS), task(audio, LENGTHS), atol=1e-4, rtol=0)
    assert task(torch.zeros_like(audio), LENGTHS).isfinite().all()


def test_two_channels_are_averaged(task, audio):
    other = torch.randn_like(audio)
    two = task(torch.cat([audio, other], 1), LENGTHS)
    torch.testing.assert_close(two, task((audio + other) / 2, LENGTHS), atol=1e-5, rtol=0)


def test_gradient_reaches_the_audio_and_no_padding(task, audio):
    audio.requires_grad_()
    task.loss(task(audio, LENGTHS), batch(task, audio, LENGTHS, ["sea"] * 4)).sum().backward()
    assert (audio.grad.abs().amax((1, 2)) > 0).all()
    assert not audio.grad[0, 0, LENGTHS[0] :].any()


def test_every_block_and_the_spectrum_reach_the_classifier(task, audio):
    task(audio, LENGTHS).sum().backward()
    assert task.head.in_features == 16 + 4 + 8
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in task.parameters())


def test_a_steady_colour_is_heard_through_the_spectrum_alone(task):
    # Two steady tones: the means over the clip tell them apart, and without those means nothing but the tones' onsets would.
    time = torch.arange(16000) / 16000
    low, high = (torch.sin(2 * math.pi * hertz * time)[None, None] for hertz in (200, 3000))
    length = torch.tensor([16000])
    with torch.no_grad():
        task.head.weight[:, 16:] = 0
    assert (task(low, length) - task(high, length)).abs().max() > 0.1


def test_learns_what_differs_in_time_alone():
    torch.manual_seed(0)
    task = AcousticScene({"classes": ["steady", "beating"]}, bands=16, channels=(8, 8))
    noise = torch.randn(12, 1, 8000)
    noise[1::2] *= (torch.arange(8000) // 500 % 2 == 0) * 2**0.5
    known = batch(task, noise, torch.full((12,), 8000), ["steady", "beating"] * 6)
    fitted(task, known, 40)
    assert [p["label"] for p in task.predict(task(*known.heard[:2]), known)] == ["steady", "beating"] * 6


def test_predictions_are_json_and_scores_those_of_scikit_learn(task, audio):
    scenes = ["sea", "rain", "train", "sea"]
    known = batch(task, audio, LENGTHS, scenes)
    output = task(audio, LENGTHS)
    predictions = task.predict(output, known)
    assert json.loads(json.dumps(predictions)) == predictions
    references = pd.DataFrame([task.reference({"label": scene}) for scene in scenes])
    frame = pd.DataFrame(predictions)
    columns = task.score(frame, references)
    figures = task.summarise(columns.sum())
    assert figures["accuracy"] == pytest.approx(accuracy_score(scenes, frame["label"]))
    assert figures["log_loss"] == pytest.approx(log_loss(scenes, output.detach().double().softmax(-1), labels=CLASSES), rel=1e-5)
    for scene in CLASSES:
        own = references["label"] == scene
        assert columns[f"count:{scene}"].sum() == own.sum()
        assert columns[f"hits:{scene}"].sum() == (own & (frame["label"] == scene)).sum()


def test_an_answer_is_never_worse_than_a_failure(task):
    references = pd.DataFrame({"label": ["sea", "rain"]}, index=["a", "b"])
    wrong = pd.DataFrame({"label": ["rain", "rain"], "log_probability": [-50.0, -0.1]}, index=["a", "b"])
    floor = task.floor(references)
    scored = task.score(wrong, references)
    assert list(scored.columns) == list(floor.columns)
    assert floor.index.tolist() == ["a", "b"]
    assert scored["log_loss"].tolist() == pytest.approx([-math.log(LEAST), 0.1])
    figures = task.summarise(floor.sum())
    assert figures == pytest.approx({name: figure.floor for name, figure in AcousticScene.figures.items()})
    assert primary(task) == "accuracy"


def test_figures_over_leading_dimensions(task):
    sums = {"hits": np.array([[3.0, 0.0]]), "count": np.array([[4.0, 0.0]]), "log_loss": np.array([[2.0, 0.0]])}
    figures = task.summarise(sums)
    np.testing.assert_array_equal(figures["accuracy"], [[0.75, np.nan]])
    np.testing.assert_array_equal(figures["log_loss"], [[0.5, np.nan]])


def test_a_foreign_label_is_named(task):
    task.check({"label": "sea"})
    with pytest.raises(ValueError, match="label 'moon' is none of the classes rain, sea, train"):
        task.check({"label": "moon"})
