import json

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix

from benchmark.contracts import Batch, Heard, primary
from tasks.emotion import Emotion

CLASSES = ["calm", "stern", "lively"]
LENGTHS = torch.tensor([9001, 16000, 5000, 700])


@pytest.fixture(params=["bands", "utterance"])
def task(request) -> Emotion:
    torch.manual_seed(0)
    return Emotion({"classes": CLASSES}, channels=(4, 8, 8), bands=20, centre=request.param).eval()


@pytest.fixture
def audio() -> torch.Tensor:
    noise = torch.randn(4, 1, 16000, generator=torch.Generator().manual_seed(1)) * 0.018
    return noise * (torch.arange(16000) < LENGTHS[:, None])[:, None]


def batch(task: Emotion, audio: torch.Tensor, lengths: torch.Tensor, labels: list[str]) -> Batch:
    return Batch([], Heard(audio, lengths), None, task.collate([{"label": label} for label in labels]))


def test_padding_and_neighbours_change_nothing(task: Emotion, audio: torch.Tensor) -> None:
    together = task(audio, LENGTHS)
    dirty = torch.cat([audio, torch.zeros(4, 1, 3333)], -1)
    dirty += 0.1 * (torch.arange(19333) >= LENGTHS[:, None])[:, None]
    torch.testing.assert_close(task(dirty, LENGTHS), together, atol=1e-5, rtol=0)
    for i, length in enumerate(LENGTHS):
        alone = task(audio[i : i + 1, :, :length], LENGTHS[i : i + 1])[0]
        torch.testing.assert_close(alone, together[i], atol=1e-5, rtol=0)


def test_losses_are_each_example_s_own(task: Emotion, audio: torch.Tensor) -> None:
    labels = ["stern", "calm", "lively", "stern"]
    losses = task.loss(task(audio, LENGTHS), batch(task, audio, LENGTHS, labels))
    assert losses.shape == (4,)
    for i, label in enumerate(labels):
        output = task(audio[i : i + 1], LENGTHS[i : i + 1])
        alone = task.loss(output, batch(task, audio[i : i + 1], LENGTHS[i : i + 1], [label]))
        torch.testing.assert_close(alone[0], losses[i], atol=1e-5, rtol=0)
        torch.testing.assert_close(alone[0], -output.log_softmax(-1)[0, CLASSES.index(label)])


def test_level_is_not_heard_and_silence_is_finite(task: Emotion, audio: torch.Tensor) -> None:
    torch.testing.assert_close(task(audio * 10, LENGTHS), task(audio, LENGTHS), atol=1e-4, rtol=0)
    assert task(torch.zeros_like(audio), LENGTHS).isfinite().all()


def test_two_channels_are_averaged(task: Emotion, audio: torch.Tensor) -> None:
    other = torch.randn_like(audio)
    torch.testing.assert_close(task(torch.cat([audio, other], 1), LENGTHS), task((audio + other) / 2, LENGTHS), atol=1e-5, rtol=0)


def test_gradient_reaches_the_audio_and_no_padding(task: Emotion, audio: torch.Tensor) -> None:
    audio.requires_grad_()
    task.loss(task(audio, LENGTHS), batch(task, audio, LENGTHS, ["stern"] * 4)).sum().backward()
    assert audio.grad is not None
    assert (audio.grad.abs().amax((1, 2)) > 0).all()
    assert not audio.grad[0, 0, LENGTHS[0] :].any()


def test_centring_by_bands_takes_off_a_steady_spectrum_and_keeps_changes() -> None:
    """A stationary tilt is heard with centre: utterance alone; loudness that moves is heard with both."""
    time = torch.arange(32000) / 16000
    flat = torch.randn(1, 1, 32000, generator=torch.Generator().manual_seed(0))
    dull = flat + 2 * torch.roll(flat, 1, -1) + torch.roll(flat, 2, -1)  # a comb: its spectrum falls towards 8 kHz
    swelling = flat * (0.1 + time)
    lengths = torch.tensor([32000])
    away = {}
    for centre in ("bands", "utterance"):
        torch.manual_seed(0)
        spectrogram = Emotion({"classes": CLASSES}, bands=20, centre=centre).spectrogram
        features = [spectrogram(x, lengths)[0] for x in (flat, dull, swelling)]
        assert all(abs(float(x.mean())) < 1e-5 for x in features)
        away[centre] = [float((x - features[0]).mean(-1).abs().mean()) for x in features[1:2]]
        away[centre] += [float((features[2] - features[0]).mean(1).abs().mean())]
    assert away["bands"][0] < 1e-5
    assert away["utterance"][0] > 0.1
    assert min(away["bands"][1], away["utterance"][1]) > 0.1


def test_learns_rising_from_falling_pitch() -> None:
    torch.manual_seed(0)
    task = Emotion({"classes": ["rising", "falling"]}, channels=(4, 8), bands=32)
    time = torch.arange(16000) / 16000
    glides = [torch.sin(6.2832 * (start * time + slope * time**2 / 2)) for start in (200, 300) for slope in (300, -150)]
    known = batch(task, torch.stack(glides)[:, None], torch.full((4,), 16000), ["rising", "falling"] * 2)
    optimiser = torch.optim.Adam(task.parameters(), 0.01)
    for _ in range(40):
        loss = task.loss(task(*known.heard[:2]), known).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert [p["label"] for p in task.predict(task(*known.heard[:2]), known)] == ["rising", "falling"] * 2


def test_predictions_are_json(task: Emotion, audio: torch.Tensor) -> None:
    known = batch(task, audio, LENGTHS, ["stern", "calm", "lively", "stern"])
    output = task(audio, LENGTHS)
    predictions = task.predict(output, known)
    assert json.loads(json.dumps(predictions)) == predictions
    assert [p["log_probability"] for p in predictions] == pytest.approx((-task.loss(output, known)).tolist())
    assert [CLASSES.index(p["label"]) for p in predictions] == output.argmax(-1).tolist()


def test_scores_are_those_of_scikit_learn(task: Emotion) -> None:
    rng = np.random.default_rng(0)
    references = pd.DataFrame([task.reference({"label": label}) for label in rng.choice(CLASSES, 100, p=[0.6, 0.3, 0.1])])
    guesses = pd.DataFrame({"label": np.where(rng.random(100) < 0.5, references["label"], rng.choice(CLASSES, 100))})
    sums = task.score(guesses, references).sum().to_dict()
    figures = task.summarise(sums)
    assert figures["uar"] == pytest.approx(balanced_accuracy_score(references["label"], guesses["label"]))
    assert figures["accuracy"] == pytest.approx(accuracy_score(references["label"], guesses["label"]))
    matrix = [[sums[f"confusion:{true}:{guess}"] for guess in CLASSES] for true in CLASSES]
    np.testing.assert_array_equal(matrix, confusion_matrix(references["label"], guesses["label"], labels=CLASSES))


def test_a_failed_utterance_is_never_right_and_predicts_nothing(task: Emotion) -> None:
    references = pd.DataFrame({"label": ["stern", "calm"]}, index=["a", "b"])
    floor = task.floor(references)
    right = task.score(references, references)
    assert floor.index.tolist() == ["a", "b"]
    assert floor.columns.tolist() == right.columns.tolist()
    assert task.summarise(floor.sum().to_dict()) == {name: figure.floor for name, figure in task.figures.items()}
    assert task.summarise(right.sum().to_dict()) == {name: figure.best for name, figure in task.figures.items()}
    assert not floor.filter(like="confusion:").any(axis=None)
    assert primary(task) == "uar"


def test_a_class_that_does_not_occur_has_no_recall_and_nothing_summed_is_nan(task: Emotion) -> None:
    references, guesses = pd.DataFrame({"label": ["calm", "calm", "stern"]}), pd.DataFrame({"label": ["calm", "lively", "stern"]})
    table = task.score(guesses, references)
    sums = {name: np.array([[table[name].sum(), 0]]) for name in table}
    np.testing.assert_allclose(task.summarise(sums)["uar"], [[0.75, np.nan]])


def test_user_s_errors(task: Emotion) -> None:
    task.check({"label": "calm"})
    with pytest.raises(ValueError, match="label 'angry' is none of the classes calm, stern, lively"):
        task.check({"label": "angry"})
