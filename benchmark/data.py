"""From scenes to batches: the training and validation data, as a LightningDataModule."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.utilities.combined_loader import CombinedLoader
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from benchmark.catalogue import rows_of
from benchmark.contracts import Batch, Corpus, Heard, Task
from benchmark.hearing import audiograms
from benchmark.scenes import Mixer, Mixture, generator, select
from benchmark.settings import Mixing, Phase


@dataclass(frozen=True)
class Source:
    """The corpora of one task, by role."""

    roles: Mapping[str, Corpus]

    @property
    def targets(self) -> Corpus:
        """The corpus of targets."""
        return self.roles["targets"]

    def mixer(self, split: str) -> Mixer:
        """A mixer over one split of all the corpora."""
        targets, interferers = self.targets, self.roles.get("interferers")
        recorded = targets.kind == "pairs"  # mixed already
        rows = {
            role: rows_of(corpus, split) for role, corpus in self.roles.items() if role == "targets" or not recorded
        }
        kin = interferers is not None and (type(targets), targets.root) == (type(interferers), interferers.root)
        return Mixer(
            rows["targets"], rows.get("interferers"), speech=targets.kind == "speech", kin=kin, rooms=rows.get("rooms")
        )


def collate(mixtures: Sequence[Mixture], task: Task | None) -> Batch:
    """One batch of mixtures, padded with zeros behind their lengths. Either all of them have a listener, or none."""
    lengths = torch.tensor([mixture.noisy.shape[-1] for mixture in mixtures])
    noisy = _padded([mixture.noisy for mixture in mixtures])
    clean = (
        None
        if any(mixture.clean is None for mixture in mixtures)
        else _padded([m.clean for m in mixtures if m.clean is not None])
    )
    thresholds = [mixture.listener for mixture in mixtures if mixture.listener is not None]
    listener = (
        torch.tensor(thresholds, dtype=torch.float32)[:, None].expand(-1, noisy.shape[1], -1) if thresholds else None
    )
    rows = [mixture.row for mixture in mixtures]
    labels = {} if task is None else task.collate(rows)
    scenes = [mixture.scene for mixture in mixtures]
    names = tuple(hashlib.sha256(scene.id.encode()).hexdigest()[:16] for scene in scenes)
    return Batch(scenes, Heard(noisy, lengths, listener, names), clean, labels, rows)


def _padded(signals: Sequence[np.ndarray]) -> Tensor:
    batch = np.zeros((len(signals), signals[0].shape[0], max(signal.shape[-1] for signal in signals)), np.float32)
    for row, signal in zip(batch, signals, strict=True):
        row[:, : signal.shape[-1]] = signal
    return torch.from_numpy(batch)


class TrainingScenes(Dataset):
    """Training scenes, drawn afresh in every epoch.

    The i-th scene of an epoch is seeded by `seed`, which holds the epoch, and i: so workers do not repeat one another,
    and a resumed run does not repeat itself.

    Args:
        mixers: taken in turn
        train: ranges of SNR and level
        noisy: False: clean scenes
        listeners: whether each scene has a listener with a hearing loss, drawn at random
    """

    def __init__(
        self,
        mixers: Sequence[Mixer],
        train: Mixing,
        phase: Phase,
        seed: tuple[Any, ...],
        noisy: bool,
        listeners: bool = False,
    ) -> None:
        self.mixers = mixers
        self.listeners = listeners
        self.snr = train.snr if noisy else None
        self.level = train.level
        self.phase = phase
        self.seed = seed

    def __len__(self) -> int:
        return self.phase.epoch * self.phase.batch

    def __getitem__(self, index: int) -> Mixture:
        mixer = self.mixers[index % len(self.mixers)]
        mixture = mixer.draw((*self.seed, index), self.snr, self.level, self.phase.segment)
        return (
            mixture._replace(listener=audiograms.drawn(generator("listener", *self.seed, index)))
            if self.listeners
            else mixture
        )


class ValidationScenes(Dataset):
    """Scenes like those of the test, of the validation split.

    Their SNRs are spread evenly over the range of training, and their listeners over the standard audiograms.
    """

    def __init__(
        self, mixers: Sequence[Mixer], train: Mixing, level: float, noisy: bool, listeners: bool = False
    ) -> None:
        per_mixer = -(-train.validation_scenes // len(mixers))
        self.items = [(mixer, row) for mixer in mixers for row in select(mixer.targets, per_mixer)]
        self.snrs = np.linspace(train.snr[0], train.snr[1], 6) if noisy else [None]
        self.level = level
        self.listeners = list(audiograms.PROFILES.values()) if listeners else [None]

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Mixture:
        mixer, row = self.items[index]
        mixture = mixer.scene(row, self.snrs[index % len(self.snrs)], self.level)
        return mixture._replace(listener=self.listeners[index % len(self.listeners)])


class SceneData(L.LightningDataModule):
    """Batches for a training: a stream for each task, or one stream of all sources if a front-end is trained alone.

    Args:
        sources: by task label
        tasks: by task label; empty: a front-end alone
        level: dB SPL of validation scenes
        noisy: False: clean scenes
        listeners: whether each scene has a listener with a hearing loss
    """

    def __init__(
        self,
        sources: Mapping[str, Source],
        tasks: Mapping[str, Task],
        train: Mixing,
        phase: Phase,
        seed: int,
        level: float = 65.0,
        noisy: bool = True,
        listeners: bool = False,
    ) -> None:
        super().__init__()
        self.streams = {label: [label] for label in sources} if tasks else {"all": list(sources)}
        self.mixers = {
            split: {label: source.mixer(split) for label, source in sources.items()}
            for split in ("train", "validation")
        }
        self.tasks = tasks
        self.train_options = train
        self.phase = phase
        self.seed = seed
        self.level = level
        self.noisy = noisy
        self.listeners = listeners

    def train_dataloader(self) -> CombinedLoader:
        """Batches of all streams side by side. Lightning asks anew in every epoch, whose number seeds the scenes."""
        epoch = self.trainer.current_epoch if self.trainer is not None else 0
        datasets = {
            stream: TrainingScenes(
                [self.mixers["train"][label] for label in labels],
                self.train_options,
                self.phase,
                (self.seed, stream, epoch),
                self.noisy,
                self.listeners,
            )
            for stream, labels in self.streams.items()
        }
        return CombinedLoader(
            {stream: self._loader(stream, dataset, self.phase.workers) for stream, dataset in datasets.items()},
            "min_size",
        )

    def val_dataloader(self) -> CombinedLoader:
        """Batches of one stream after the other."""
        datasets = {
            stream: ValidationScenes(
                [self.mixers["validation"][label] for label in labels],
                self.train_options,
                self.level,
                self.noisy,
                self.listeners,
            )
            for stream, labels in self.streams.items()
        }
        return CombinedLoader(
            {stream: self._loader(stream, dataset, 0) for stream, dataset in datasets.items()}, "sequential"
        )

    def _loader(self, stream: str, dataset: Dataset, workers: int) -> DataLoader:
        task = self.tasks.get(stream)
        # Forked, however this process was started: the rows of a large corpus are then shared, not copied.
        context = "fork" if workers else None
        return DataLoader(
            dataset,
            self.phase.batch,
            num_workers=workers,
            collate_fn=partial(collate, task=task),
            multiprocessing_context=context,
        )
