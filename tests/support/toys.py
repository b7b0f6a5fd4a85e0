"""Small components for tests, which run in seconds; recipes name them by path."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from datasets import Dataset
from torch import Tensor, nn

from benchmark import audio
from benchmark.contracts import (
    AUDIOGRAM_HZ,
    Batch,
    Corpus,
    Enhanced,
    Figure,
    FrontEnd,
    Heard,
    SignalTask,
    Task,
    TaskModel,
)
from benchmark.scenes import generator

CLASSES = ["low", "high"]
SIZES = {"train": 12, "validation": 6, "test": 8}
SILENCE = Heard(torch.zeros(1, 1, 1), torch.ones(1, dtype=torch.long))


class Tones(Corpus):
    """Low and high tones of varying length, three speakers in each split; easily learnt."""

    kind = "speech"
    licence = source = size = "none"
    synthetic = True

    def __init__(self, root: Path, shortest: float = 0.3) -> None:
        super().__init__(root)
        self.shortest = shortest

    @property
    def schema(self) -> Mapping[str, Any]:
        return {"classes": CLASSES}

    def prepare(self) -> None:
        for split, count in SIZES.items():
            for index in range(count):
                path = self.root / split / f"{index}.wav"
                if not path.is_file():
                    rng = generator("tones", split, index)
                    time = np.arange(int(16000 * (self.shortest + 0.05 * (index % 3)))) / 16000
                    pitch = (300, 2400)[index % 2] * rng.uniform(0.9, 1.1)
                    audio.write(
                        path, 0.1 * np.sin(2 * np.pi * pitch * time + rng.uniform(0, 6)).astype(np.float32)[None]
                    )

    def rows(self, split: str) -> Dataset:
        self.prepare()
        return Dataset.from_list(
            [
                {
                    "id": f"{split}/{i}",
                    "group": f"{split}{i % 3}",
                    "audio": str(self.root / split / f"{i}.wav"),
                    "label": CLASSES[i % 2],
                }
                for i in range(SIZES[split])
            ]
        )


class Hiss(Corpus):
    """White noise."""

    kind = "noise"
    licence = source = size = "none"
    synthetic = True

    def rows(self, split: str) -> Dataset:
        for index in range(3):
            path = self.root / split / f"{index}.wav"
            if not path.is_file():
                audio.write(path, generator("hiss", split, index).normal(0, 0.05, (1, 16000)).astype(np.float32))
        return Dataset.from_list(
            [{"id": f"{split}/{i}", "group": f"{i}", "audio": str(self.root / split / f"{i}.wav")} for i in range(3)]
        )


class Bands(Task):
    """Which of two bands holds more energy."""

    model = f"{Path(__file__)}:BandsModel"
    asks = "classes"
    figures = {"accuracy": Figure(1, 0, worst=0)}

    def collate(self, rows: Any) -> Mapping[str, Any]:
        return {"target": torch.tensor([list(self.schema["classes"]).index(row["label"]) for row in rows])}

    def reference(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {"label": row["label"]}

    def score(self, predictions: pd.DataFrame, references: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"hits": (predictions["label"] == references["label"]).astype(int), "count": 1})

    def floor(self, references: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"hits": 0, "count": 1}, index=references.index)

    @staticmethod
    def summarise(sums: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {"accuracy": sums["hits"] / sums["count"]}


class BandsModel(TaskModel):
    """A linear layer on log band energies."""

    answers = "classes"

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.classes = list(task.schema["classes"])
        self.layer = nn.Linear(2, len(self.classes))

    def forward(self, audio: Tensor, lengths: Tensor, shared: Tensor | None = None) -> Tensor:
        power = torch.fft.rfft(audio.mean(1), n=32768).abs().square()
        cut = 32768 * 1200 // 16000
        bands = torch.stack([power[:, :cut].sum(1), power[:, cut:].sum(1)], 1)
        return self.layer(torch.log(bands / lengths[:, None] + 1e-9))

    def loss(self, output: Tensor, batch: Batch) -> Tensor:
        return nn.functional.cross_entropy(output, batch.labels["target"], reduction="none")

    def predict(self, output: Tensor, batch: Batch) -> list[dict[str, Any]]:
        return [{"label": self.classes[index]} for index in output.argmax(1).tolist()]


def bands(schema: Mapping[str, Any] | None = None) -> BandsModel:
    """A fresh model of the toy task."""
    return BandsModel(Bands(schema or {"classes": CLASSES}))


class Gain(FrontEnd):
    """One trainable gain; the statistics of an idle batch norm show whether it ran in training mode."""

    def __init__(self, start: float = 0.5) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(float(start)))
        self.norm = nn.BatchNorm1d(1, affine=False)

    def forward(self, audio: Tensor) -> Tensor:
        self.norm(audio)
        return audio * self.gain


class TwoEars(FrontEnd):
    """Needs both ears at once: subtracts a trainable share of the other ear from each."""

    channels = None

    def __init__(self) -> None:
        super().__init__()
        self.share = nn.Parameter(torch.tensor(0.1))

    def forward(self, audio: Tensor) -> Tensor:
        return audio - self.share * audio.flip(1)


class HearingAid(FrontEnd):
    """Knows the listener: half of the hearing loss at 1 kHz is its gain, scaled by a control."""

    needs = frozenset({"listener"})
    controls = {"amount": 1.0}

    def process(self, heard: Heard, **controls: float) -> Enhanced:
        amount = controls.get("amount", self.controls["amount"])
        assert heard.listener is not None
        loss = heard.listener[..., AUDIOGRAM_HZ.index(1000)]
        return Enhanced(heard.audio * 10 ** (amount * 0.5 * loss / 20)[..., None])


class Quiet(FrontEnd):
    """Trained without references: its loss is the power of its own output."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(1.0))

    def forward(self, audio: Tensor) -> Tensor:
        return audio * self.gain

    def loss(self, enhanced: Enhanced, batch: Batch) -> Tensor:
        return enhanced.audio.square().mean((1, 2))


class Shortener(FrontEnd):
    """Faulty: drops the last samples."""

    def forward(self, audio: Tensor) -> Tensor:
        return audio[..., :-7]


class NotANumber(FrontEnd):
    """Faulty: its output is not a number."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(1.0))

    def forward(self, audio: Tensor) -> Tensor:
        return audio * self.gain * float("nan")


def batch_of(task: Task | TaskModel, rows: Sequence[Mapping[str, Any]], heard: Heard = SILENCE) -> Batch:
    """A batch of rows with the labels of a task, or of a model's task; silence is heard unless audio is given."""
    asked = task.task if isinstance(task, TaskModel) and not isinstance(task, SignalTask) else task
    return Batch([], heard, None, asked.collate(rows), rows)


def learn(model: TaskModel, audio: Tensor, rows: Sequence[Mapping[str, Any]], steps: int = 40) -> list[dict[str, Any]]:
    """Train a task model on clips, (batch, channels, time), by hand; its predictions for them."""
    known = batch_of(model, rows, Heard(audio, torch.full((len(audio),), audio.shape[-1])))
    optimiser = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(steps):
        optimiser.zero_grad()
        model.loss(model(*known.heard[:2]), known).mean().backward()
        optimiser.step()
    return model.predict(model(*known.heard[:2]), known)


def toy_recipe(folder: Path, **changes: Any) -> Path:
    """Write a recipe with the toys, which runs in seconds; `changes` replace top-level keys."""
    import yaml

    here = Path(__file__)
    recipe = {
        "seeds": [1],
        "front_ends": {"identity": None, "gain": {f"{here}:Gain": {}}},
        "tasks": {
            "bands": {"task": f"{here}:Bands", "targets": {f"{here}:Tones": {}}, "interferers": {f"{here}:Hiss": {}}}
        },
        "schemes": {
            "clean": None,
            "noisy": None,
            "frozen": None,
            "joint": None,
            "sample_importance": None,
            "alternating": None,
        },
        "train": {
            "validation_scenes": 6,
            **{
                phase: {"steps": 8, "batch": 4, "lr": 0.05, "validations": 2}
                for phase in ("pretrain", "stock", "adapt")
            },
        },
        "score": {"snr": ["clean", 0, -5], "scenes": 6},
        **changes,
    }
    path = folder / "toy.yaml"
    path.write_text("# A toy recipe\n" + yaml.safe_dump(recipe))
    return path
