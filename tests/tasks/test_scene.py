import math

import pandas as pd
import pytest
import torch
from sklearn.metrics import log_loss

from benchmark.contracts import Batch, Heard, primary
from benchmark.errors import EarmarkError
from benchmark.options import bind
from tasks.scene import LEAST, AcousticScene

CLASSES = ["rain", "sea", "train"]


@pytest.fixture
def task() -> AcousticScene:
    torch.manual_seed(0)
    return AcousticScene({"classes": CLASSES}, bands=16, channels=(4, 8)).eval()


def batch(task: AcousticScene, audio: torch.Tensor, scenes: list[str]) -> Batch:
    lengths = torch.full((len(scenes),), audio.shape[-1])
    return Batch([], Heard(audio, lengths), None, task.collate([{"label": scene} for scene in scenes]))


def test_every_block_and_the_spectrum_reach_the_classifier(task):
    task(torch.randn(4, 1, 16000), torch.tensor([9001, 16000, 5000, 121])).sum().backward()
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
    known = batch(task, noise, ["steady", "beating"] * 6)
    optimiser = torch.optim.Adam(task.parameters(), 0.01)
    for _ in range(40):
        loss = task.loss(task(*known.heard[:2]), known).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert [p["label"] for p in task.predict(task(*known.heard[:2]), known)] == ["steady", "beating"] * 6


def test_log_loss_is_that_of_scikit_learn_and_classes_are_counted(task):
    scenes, audio = ["sea", "rain", "train", "sea"], 0.018 * torch.randn(4, 1, 16000)
    known = batch(task, audio, scenes)
    output = task(*known.heard[:2]).detach()
    frame, references = pd.DataFrame(task.predict(output, known)), pd.DataFrame({"label": scenes})
    columns = task.score(frame, references)
    assert task.summarise(columns.sum())["log_loss"] == pytest.approx(log_loss(scenes, output.double().softmax(-1), labels=CLASSES), rel=1e-5)
    for scene in CLASSES:
        own = references["label"] == scene
        assert columns[f"count:{scene}"].sum() == own.sum()
        assert columns[f"hits:{scene}"].sum() == (own & (frame["label"] == scene)).sum()


def test_an_answer_is_never_worse_than_a_failure(task):
    references = pd.DataFrame({"label": ["sea", "rain"]}, index=["a", "b"])
    wrong = pd.DataFrame({"label": ["rain", "rain"], "log_probability": [-50.0, -0.1]}, index=["a", "b"])
    assert task.score(wrong, references)["log_loss"].tolist() == pytest.approx([-math.log(LEAST), 0.1])
    assert primary(task) == "accuracy"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channels": []}, r"model: option 'channels': .* at least 1 item"),
        ({"channels": [8, 0]}, r"model: option 'channels'\[1\]: .* greater than or equal to 1"),
        ({"bands": 0}, r"model: option 'bands': .* greater than or equal to 1"),
        ({"bands": 10**6}, r"model: option 'bands': .* less than or equal to"),
    ],
)
def test_options_out_of_bounds_are_one_line_that_names_the_key(options, message) -> None:
    with pytest.raises(EarmarkError, match=message):
        bind("model", AcousticScene, options, given=1)
