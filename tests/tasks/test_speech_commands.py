import json

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import accuracy_score, confusion_matrix

from benchmark.contracts import Batch, Heard, primary
from benchmark.errors import EarmarkError
from tasks.speech_commands import SpeechCommands

CLASSES = ["yes", "no", "stop"]
LENGTHS = torch.tensor([9001, 16000, 5000, 121])


@pytest.fixture
def task() -> SpeechCommands:
    torch.manual_seed(0)
    return SpeechCommands({"classes": CLASSES}, channels=(8, 8, 16), pools=(8, 2, 2)).eval()


@pytest.fixture
def audio() -> torch.Tensor:
    noise = torch.randn(4, 1, 16000, generator=torch.Generator().manual_seed(1)) * 0.018
    return noise * (torch.arange(16000) < LENGTHS[:, None])[:, None]


def batch(task: SpeechCommands, audio: torch.Tensor, lengths: torch.Tensor, words: list[str]) -> Batch:
    return Batch([], Heard(audio, lengths), None, task.collate([{"label": word} for word in words]))


def test_padding_and_neighbours_change_nothing(task: SpeechCommands, audio: torch.Tensor) -> None:
    together = task(audio, LENGTHS)
    dirty = torch.cat([audio, torch.zeros(4, 1, 3333)], -1)
    dirty += 0.1 * (torch.arange(19333) >= LENGTHS[:, None])[:, None]
    torch.testing.assert_close(task(dirty, LENGTHS), together, atol=1e-5, rtol=0)
    for i, length in enumerate(LENGTHS):
        alone = task(audio[i : i + 1, :, :length], LENGTHS[i : i + 1])[0]
        torch.testing.assert_close(alone, together[i], atol=1e-5, rtol=0)
        assert alone.argmax() == together[i].argmax()


def test_losses_are_each_example_s_own(task: SpeechCommands, audio: torch.Tensor) -> None:
    words = ["no", "yes", "stop", "no"]
    losses = task.loss(task(audio, LENGTHS), batch(task, audio, LENGTHS, words))
    assert losses.shape == (4,)
    for i, word in enumerate(words):
        output = task(audio[i : i + 1], LENGTHS[i : i + 1])
        alone = task.loss(output, batch(task, audio[i : i + 1], LENGTHS[i : i + 1], [word]))
        torch.testing.assert_close(alone[0], losses[i], atol=1e-5, rtol=0)
        torch.testing.assert_close(alone[0], -output.log_softmax(-1)[0, CLASSES.index(word)])


def test_level_and_silence(task: SpeechCommands, audio: torch.Tensor) -> None:
    torch.testing.assert_close(task(audio * 10, LENGTHS), task(audio, LENGTHS), atol=1e-4, rtol=0)
    assert task(torch.zeros_like(audio), LENGTHS).isfinite().all()


def test_two_channels_are_averaged(task: SpeechCommands, audio: torch.Tensor) -> None:
    other = torch.randn_like(audio)
    two = task(torch.cat([audio, other], 1), LENGTHS)
    torch.testing.assert_close(two, task((audio + other) / 2, LENGTHS), atol=1e-5, rtol=0)


def test_gradient_reaches_the_audio_and_no_padding(task: SpeechCommands, audio: torch.Tensor) -> None:
    audio.requires_grad_()
    task.loss(task(audio, LENGTHS), batch(task, audio, LENGTHS, ["no"] * 4)).sum().backward()
    assert audio.grad is not None
    assert (audio.grad.abs().amax((1, 2)) > 0).all()
    assert not audio.grad[0, 0, LENGTHS[0] :].any()


def test_learns_two_tones(audio: torch.Tensor) -> None:
    torch.manual_seed(0)
    task = SpeechCommands({"classes": ["low", "high"]}, channels=(8, 16), pools=(8, 2))
    time = torch.arange(4000) / 16000
    tones = torch.stack([torch.sin(6.28 * hertz * time) for hertz in (200, 3000, 250, 2500)])[:, None]
    known = batch(task, tones, torch.full((4,), 4000), ["low", "high"] * 2)
    optimiser = torch.optim.Adam(task.parameters(), 0.01)
    for _ in range(30):
        loss = task.loss(task(*known.heard[:2]), known).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert [p["label"] for p in task.predict(task(*known.heard[:2]), known)] == ["low", "high"] * 2


def test_predictions_are_json_and_scores_those_of_scikit_learn(task: SpeechCommands, audio: torch.Tensor) -> None:
    words = ["no", "yes", "stop", "no"]
    known = batch(task, audio, LENGTHS, words)
    predictions = task.predict(task(audio, LENGTHS), known)
    losses = task.loss(task(audio, LENGTHS), known)
    assert json.loads(json.dumps(predictions)) == predictions
    assert [p["log_probability"] for p in predictions] == pytest.approx((-losses).tolist())
    rng = np.random.default_rng(0)
    references = pd.DataFrame([task.reference({"label": word}) for word in rng.choice(CLASSES, 100)])
    guesses = pd.DataFrame({"label": rng.choice(CLASSES, 100)})
    sums = task.score(guesses, references).sum()
    assert task.summarise(sums)["accuracy"] == pytest.approx(accuracy_score(references["label"], guesses["label"]))
    assert sums["hits"] == confusion_matrix(references["label"], guesses["label"]).trace()


def test_figures_and_floor(task: SpeechCommands) -> None:
    references = pd.DataFrame({"label": ["yes", "no"]}, index=["a", "b"])
    floor = task.floor(references)
    assert floor.index.tolist() == ["a", "b"]
    assert task.summarise(floor.sum()) == {"accuracy": SpeechCommands.figures["accuracy"].floor}
    assert primary(task) == "accuracy"
    figures = task.summarise({"hits": np.array([[3.0, 0.0]]), "count": np.array([[4.0, 0.0]])})
    np.testing.assert_array_equal(figures["accuracy"], [[0.75, np.nan]])


def test_user_s_errors(task: SpeechCommands) -> None:
    with pytest.raises(EarmarkError, match=r"its corpus has no labels .*; choose one that has"):
        SpeechCommands({"alphabet": "ab"})
    task.check({"label": "no"})
    with pytest.raises(ValueError, match="label 'nope' is none of the classes yes, no, stop"):
        task.check({"label": "nope"})
    with pytest.raises(EarmarkError, match="2 pools for 3 channels"):
        SpeechCommands({"classes": CLASSES}, channels=(8, 8, 8), pools=(2, 2))
