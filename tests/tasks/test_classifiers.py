"""What every task that chooses a class keeps to, whatever it listens with. What is one task's own is tested beside it."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import accuracy_score

from benchmark.contracts import Batch, Heard, primary
from benchmark.errors import EarmarkError
from tasks._classifier import Classifier
from tasks.emotion import Emotion
from tasks.scene import AcousticScene
from tasks.speech_commands import SpeechCommands

CLASSES = ["one", "two", "three"]
LABELS = ["two", "one", "three", "two"]
LENGTHS = torch.tensor([9001, 16000, 5000, 700])
TASKS = {
    "speech_commands": (SpeechCommands, {"channels": (8, 8, 16), "pools": (8, 2, 2)}),
    "emotion-bands": (Emotion, {"channels": (4, 8, 8), "bands": 20, "centre": "bands"}),
    "emotion-utterance": (Emotion, {"channels": (4, 8, 8), "bands": 20, "centre": "utterance"}),
    "scene": (AcousticScene, {"channels": (4, 8), "bands": 16}),
}


@pytest.fixture(params=TASKS)
def task(request) -> Classifier:
    torch.manual_seed(0)
    kind, options = TASKS[request.param]
    return kind({"classes": CLASSES}, **options).eval()


@pytest.fixture
def audio() -> torch.Tensor:
    noise = torch.randn(4, 1, 16000, generator=torch.Generator().manual_seed(1)) * 0.018
    return noise * (torch.arange(16000) < LENGTHS[:, None])[:, None]


def batch(task: Classifier, audio: torch.Tensor, lengths: torch.Tensor = LENGTHS, labels: list[str] = LABELS) -> Batch:
    return Batch([], Heard(audio, lengths), None, task.collate([{"label": label} for label in labels]))


def test_padding_and_neighbours_change_nothing(task, audio):
    together = task(audio, LENGTHS)
    dirty = torch.cat([audio, torch.zeros(4, 1, 3333)], -1)
    dirty += 0.1 * (torch.arange(19333) >= LENGTHS[:, None])[:, None]
    torch.testing.assert_close(task(dirty, LENGTHS), together, atol=1e-5, rtol=0)
    for i, length in enumerate(LENGTHS):
        alone = task(audio[i : i + 1, :, :length], LENGTHS[i : i + 1])[0]
        torch.testing.assert_close(alone, together[i], atol=1e-5, rtol=0)


def test_a_clip_of_a_few_samples_is_heard(task, audio):
    for length in (1, 121):
        assert task(audio[:1, :, :length], torch.tensor([length])).isfinite().all()


def test_losses_are_each_example_s_own(task, audio):
    losses = task.loss(task(audio, LENGTHS), batch(task, audio))
    assert losses.shape == (4,)
    for i, label in enumerate(LABELS):
        output = task(audio[i : i + 1], LENGTHS[i : i + 1])
        alone = task.loss(output, batch(task, audio[i : i + 1], LENGTHS[i : i + 1], [label]))
        torch.testing.assert_close(alone[0], losses[i], atol=1e-5, rtol=0)
        torch.testing.assert_close(alone[0], -output.log_softmax(-1)[0, CLASSES.index(label)])


def test_level_is_not_heard_and_silence_is_finite(task, audio):
    torch.testing.assert_close(task(audio * 10, LENGTHS), task(audio, LENGTHS), atol=1e-4, rtol=0)
    assert task(torch.zeros_like(audio), LENGTHS).isfinite().all()


def test_two_channels_are_averaged(task, audio):
    other = torch.randn_like(audio)
    torch.testing.assert_close(task(torch.cat([audio, other], 1), LENGTHS), task((audio + other) / 2, LENGTHS), atol=1e-5, rtol=0)


def test_gradient_reaches_the_audio_and_no_padding(task, audio):
    audio.requires_grad_()
    task.loss(task(audio, LENGTHS), batch(task, audio)).sum().backward()
    assert (audio.grad.abs().amax((1, 2)) > 0).all()
    assert not audio.grad[0, 0, LENGTHS[0] :].any()


def test_predictions_are_json(task, audio):
    known, output = batch(task, audio), task(audio, LENGTHS)
    predictions = task.predict(output, known)
    assert json.loads(json.dumps(predictions)) == predictions
    assert [p["log_probability"] for p in predictions] == pytest.approx((-task.loss(output, known)).tolist())
    assert [CLASSES.index(p["label"]) for p in predictions] == output.argmax(-1).tolist()


def test_accuracy_is_that_of_scikit_learn(task):
    rng = np.random.default_rng(0)
    references = pd.DataFrame([task.reference({"label": label}) for label in rng.choice(CLASSES, 100, p=[0.6, 0.3, 0.1])])
    guesses = pd.DataFrame({"label": rng.choice(CLASSES, 100), "log_probability": -1.0})
    figures = task.summarise(task.score(guesses, references).sum().to_dict())
    assert figures["accuracy"] == pytest.approx(accuracy_score(references["label"], guesses["label"]))


def test_a_failed_utterance_scores_the_floor_and_the_right_answer_the_best(task):
    references = pd.DataFrame({"label": CLASSES}, index=["a", "b", "c"])
    floor = task.floor(references)
    right = task.score(references.assign(log_probability=0.0), references)
    assert floor.index.tolist() == ["a", "b", "c"]
    assert floor.columns.tolist() == right.columns.tolist()
    assert task.summarise(floor.sum().to_dict()) == pytest.approx({name: figure.floor for name, figure in task.figures.items()})
    assert task.summarise(right.sum().to_dict()) == pytest.approx({name: figure.best for name, figure in task.figures.items()})
    assert primary(task) in task.figures


def test_figures_keep_leading_dimensions_and_nothing_summed_is_nan(task):
    references = pd.DataFrame({"label": ["one", "one", "one", "one"]})
    guesses = pd.DataFrame({"label": ["one", "two", "one", "one"], "log_probability": -0.5})
    table = task.score(guesses, references)
    figures = task.summarise({name: np.array([[table[name].sum(), 0]]) for name in table})
    assert figures.keys() == task.figures.keys()
    np.testing.assert_allclose(figures["accuracy"], [[0.75, np.nan]])
    assert all(np.isnan(figure[0, 1]) for figure in figures.values())


def test_user_s_errors(task):
    task.check({"label": "one"})
    with pytest.raises(ValueError, match="label 'four' is none of the classes one, two, three"):
        task.check({"label": "four"})
    with pytest.raises(EarmarkError, match=r"its corpus has no labels .*; choose one that has"):
        type(task)({"alphabet": "ab"})
