import pytest
import torch
from toys import learn

from benchmark.errors import EarmarkError
from tasks.models.waveform_cnn import WaveformCNN
from tasks.speech_commands import SpeechCommands


def test_learns_two_tones() -> None:
    words = ["low", "high"] * 2
    time = torch.arange(4000) / 16000
    tones = torch.stack([torch.sin(6.28 * hertz * time) for hertz in (200, 3000, 250, 2500)])[:, None]
    model = WaveformCNN(SpeechCommands({"classes": ["low", "high"]}), channels=(8, 16), pools=(8, 2))
    assert [p["label"] for p in learn(model, tones, [{"label": word} for word in words], steps=30)] == words


def test_pools_and_channels_go_together() -> None:
    with pytest.raises(EarmarkError, match="2 pools for 3 channels"):
        WaveformCNN(SpeechCommands({"classes": ["yes", "no"]}), channels=(8, 8, 8), pools=(2, 2))
