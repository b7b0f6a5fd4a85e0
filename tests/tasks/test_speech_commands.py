import pytest
import torch

from benchmark.contracts import Batch, Heard
from benchmark.errors import EarmarkError
from tasks.speech_commands import SpeechCommands


def test_learns_two_tones() -> None:
    torch.manual_seed(0)
    task = SpeechCommands({"classes": ["low", "high"]}, channels=(8, 16), pools=(8, 2))
    words = ["low", "high"] * 2
    time = torch.arange(4000) / 16000
    tones = torch.stack([torch.sin(6.28 * hertz * time) for hertz in (200, 3000, 250, 2500)])[:, None]
    known = Batch([], Heard(tones, torch.full((4,), 4000)), None, task.collate([{"label": word} for word in words]))
    optimiser = torch.optim.Adam(task.parameters(), 0.01)
    for _ in range(30):
        loss = task.loss(task(*known.heard[:2]), known).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert [p["label"] for p in task.predict(task(*known.heard[:2]), known)] == words


def test_pools_and_channels_go_together() -> None:
    with pytest.raises(EarmarkError, match="2 pools for 3 channels"):
        SpeechCommands({"classes": ["yes", "no"]}, channels=(8, 8, 8), pools=(2, 2))
