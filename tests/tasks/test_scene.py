import math

import pandas as pd
import pytest
import torch
from sklearn.metrics import log_loss
from toys import batch_of, learn

from benchmark.contracts import primary
from tasks.models.multilevel_cnn import MultilevelCNN
from tasks.scene import LEAST, AcousticScene

CLASSES = ["rain", "sea", "train"]


@pytest.fixture
def model() -> MultilevelCNN:
    return MultilevelCNN(AcousticScene({"classes": CLASSES}), bands=16, channels=(4, 8)).eval()


def test_every_block_and_the_spectrum_reach_the_classifier(model):
    model(torch.randn(4, 1, 16000), torch.tensor([9001, 16000, 5000, 121])).sum().backward()
    assert model.head.in_features == 16 + 4 + 8
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in model.parameters())


def test_a_steady_colour_is_heard_through_the_spectrum_alone(model):
    # Two steady tones: the means over the clip tell them apart, and without those means nothing but the tones' onsets
    # would.
    time = torch.arange(16000) / 16000
    low, high = (torch.sin(2 * math.pi * hertz * time)[None, None] for hertz in (200, 3000))
    length = torch.tensor([16000])
    with torch.no_grad():
        model.head.weight[:, 16:] = 0
    assert (model(low, length) - model(high, length)).abs().max() > 0.1


def test_learns_what_differs_in_time_alone():
    scenes = ["steady", "beating"] * 6
    model = MultilevelCNN(AcousticScene({"classes": ["steady", "beating"]}), bands=16, channels=(8, 8))
    noise = torch.randn(12, 1, 8000)
    noise[1::2] *= (torch.arange(8000) // 500 % 2 == 0) * 2**0.5
    assert [p["label"] for p in learn(model, noise, [{"label": scene} for scene in scenes])] == scenes


def test_log_loss_is_that_of_scikit_learn_and_classes_are_counted(model, task, heard):
    scenes = ["sea", "rain", "train", "sea", "sea"]
    references = pd.DataFrame({"label": scenes})
    output = model(*heard[:2]).detach()
    frame = pd.DataFrame(model.predict(output, batch_of(task, references.to_dict("records"))))
    columns = task.score(frame, references)
    assert task.summarise(columns.sum())["log_loss"] == pytest.approx(
        log_loss(scenes, output.double().softmax(-1), labels=CLASSES), rel=1e-5
    )
    for scene in CLASSES:
        own = references["label"] == scene
        assert columns[f"count:{scene}"].sum() == own.sum()
        assert columns[f"hits:{scene}"].sum() == (own & (frame["label"] == scene)).sum()


def test_an_answer_is_never_worse_than_a_failure(task):
    references = pd.DataFrame({"label": ["sea", "rain"]}, index=["a", "b"])
    wrong = pd.DataFrame({"label": ["rain", "rain"], "log_probability": [-50.0, -0.1]}, index=["a", "b"])
    assert task.score(wrong, references)["log_loss"].tolist() == pytest.approx([-math.log(LEAST), 0.1])
    assert primary(task) == "accuracy"
