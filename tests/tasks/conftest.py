"""What the tests of tasks share: one seed, every task with its model, and noise of uneven lengths to hear."""

from typing import Any

import pytest
import torch

from benchmark.contracts import Heard, Task, TaskModel
from tasks.asr import ASR
from tasks.emotion import Emotion
from tasks.models.bigru import BiGRU
from tasks.models.crnn_ctc import CRNNCTC
from tasks.models.mel_cnn import MelCNN
from tasks.models.multilevel_cnn import MultilevelCNN
from tasks.models.waveform_cnn import WaveformCNN
from tasks.scene import AcousticScene
from tasks.speech_commands import SpeechCommands
from tasks.speech_inversion import SpeechInversion

SCHEMA = {"classes": ["one", "two", "three"], "alphabet": " 'abcdefghijklmnopqrstuvwxyz", "variables": ["LA", "pitch"]}
MODELS: dict[str, tuple[type[Task], type[TaskModel], dict[str, Any]]] = {
    "speech_commands": (SpeechCommands, WaveformCNN, {"channels": (8, 8, 16), "pools": (8, 2, 2)}),
    "emotion-bands": (Emotion, MelCNN, {"channels": (4, 8, 8), "bands": 20, "centre": "bands"}),
    "emotion-utterance": (Emotion, MelCNN, {"channels": (4, 8, 8), "bands": 20, "centre": "utterance"}),
    "scene": (AcousticScene, MultilevelCNN, {"channels": (4, 8), "bands": 16}),
    "asr": (ASR, CRNNCTC, {"bands": 16, "channels": 4, "blocks": 1, "features": 16, "hidden": 8}),
    "speech_inversion": (SpeechInversion, BiGRU, {"hidden": 8}),
}


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> TaskModel:
    """Every task model, small. A file about one of them has a fixture of its own."""
    task, kind, options = MODELS[request.param]
    return kind(task(SCHEMA), **options).eval()


@pytest.fixture
def task(model: TaskModel) -> Task:
    """The task that the model answers."""
    assert model.task is not None
    return model.task


@pytest.fixture
def heard() -> Heard:
    """Five clips of noise; the last is a single frame of 10 ms."""
    lengths = torch.tensor([9001, 16000, 5000, 700, 121])
    noise = torch.randn(5, 1, 16000, generator=torch.Generator().manual_seed(1)) * 0.018
    return Heard(noise * (torch.arange(16000) < lengths[:, None])[:, None], lengths)
