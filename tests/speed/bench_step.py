"""Time of a training step through the engine, against the same step in a bare PyTorch loop.

Front-end, task model, batch and optimiser are the same.
"""

import time
from itertools import count, pairwise

import lightning as L
import torch
from lightning.pytorch.utilities.combined_loader import CombinedLoader
from side_by_side import in_turns
from torch.utils.data import DataLoader

from benchmark.contracts import Batch
from benchmark.data import collate
from benchmark.frontends.unet import UNet
from benchmark.settings import Phase, Trainer
from benchmark.training.fit import fit
from benchmark.training.schemes.joint import Joint
from benchmark.training.system import System
from tasks.models.waveform_cnn import WaveformCNN
from tasks.speech_commands import SpeechCommands

STEPS, ROUNDS, LIMIT = 12, 7, 1.05


class OneBatch(L.LightningDataModule):
    """The same batch in every step."""

    def __init__(self, batch: Batch) -> None:
        super().__init__()
        self.batch = batch

    def _loader(self, steps: int) -> DataLoader:
        return DataLoader([self.batch] * steps, batch_size=None, collate_fn=lambda batch: batch)

    def train_dataloader(self):
        return CombinedLoader({"commands": self._loader(STEPS)}, "min_size")

    def val_dataloader(self):
        return CombinedLoader({"commands": self._loader(1)}, "sequential")


class Clock(L.Callback):
    """Records when each step began."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def on_train_batch_start(self, *_) -> None:
        self.times.append(time.perf_counter())


TASK = SpeechCommands({"classes": ["yes", "no"]})


def parts():
    """A front-end and a task model, always with the same weights."""
    torch.manual_seed(0)
    return UNet(), WaveformCNN(TASK)


def engine_steps(batch, folder, monkeypatch) -> list[float]:
    front_end, model = parts()
    system = System(front_end, {"commands": model}, Joint(), Phase(steps=STEPS, validations=1))
    clock = Clock()
    trainer = L.Trainer
    monkeypatch.setattr(L, "Trainer", lambda callbacks, **options: trainer(callbacks=[*callbacks, clock], **options))
    fit(system, OneBatch(batch), Trainer(), folder, lambda done, total: None)
    monkeypatch.setattr(L, "Trainer", trainer)
    return [later - earlier for earlier, later in pairwise(clock.times[1:])]


def bare_steps(batch) -> list[float]:
    front_end, model = parts()
    phase = Phase()
    optimizers = [
        torch.optim.AdamW(part.parameters(), lr=phase.lr, weight_decay=phase.weight_decay)
        for part in (front_end, model)
    ]
    times = []
    for _ in range(STEPS):
        times.append(time.perf_counter())
        front_end.train()
        model.train()
        enhanced = front_end.process(batch.heard)
        losses = model.loss(model(enhanced.audio, batch.heard.lengths), batch) + front_end.loss(enhanced, batch)
        for optimizer in optimizers:
            optimizer.zero_grad()
        losses.mean().backward()
        for part, optimizer in zip((front_end, model), optimizers, strict=True):
            torch.nn.utils.clip_grad_norm_(part.parameters(), phase.clip)
            optimizer.step()
    return [later - earlier for earlier, later in pairwise(times[1:])]


def test_a_step_through_the_engine_costs_what_a_bare_step_costs(benchmark, source, tmp_path, monkeypatch):
    mixer = source.mixer("train")
    drawn = [mixer.draw((i,), (0, 10), (65, 65), None) for i in range(16)]
    batch = collate([mixture._replace(row={"label": ("yes", "no")[i % 2]}) for i, mixture in enumerate(drawn)], TASK)
    batch.heard = batch.heard._replace(audio=batch.heard.audio.repeat(1, 1, 3), lengths=batch.heard.lengths * 3)
    batch.clean = batch.clean.repeat(1, 1, 3)
    turns = count()
    medians = in_turns(
        benchmark,
        lambda: engine_steps(batch, tmp_path / str(next(turns)), monkeypatch),
        lambda: bare_steps(batch),
        ROUNDS,
    )
    if medians:
        ratio = medians.ours / medians.theirs
        print(
            f"\na training step: {medians.ours * 1000:.2f} ms against {medians.theirs * 1000:.2f} ms, ratio "
            f"{ratio:.3f} (limit {LIMIT})"
        )
        assert medians.theirs > 0.05, "the step is too short to say anything; make the batch larger"
        assert ratio <= LIMIT
