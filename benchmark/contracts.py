"""The words that every part shares. A leaf: it imports torch, numpy and pandas alone.

Audio is float32 at 16 kHz, (batch, channels, time), where rms 1.0 is 100 dB SPL (FULL_SCALE_DB_SPL). Padding is zeros
behind `lengths` samples.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

PROTOCOL = 2  # of docs/protocol.md; every record carries it
SAMPLE_RATE = 16_000  # Hz, inside the engine
FULL_SCALE_DB_SPL = 100.0  # of rms 1.0, in training and in scoring; scenes set the level and the engine never rescales
AUDIOGRAM_HZ = (250, 375, 500, 750, 1000, 1500, 2000, 3000, 4000, 6000)  # where a listener's thresholds stand
SPLITS = ("train", "validation", "test")
FRONT_END = "front_end"  # as a part of a system, beside its tasks by label
WET = "wet"  # the control that every front-end has: the share of its output; the rest is the input
Values = Mapping[str, float | str]


class Spec(NamedTuple):
    """A component: its registered name, its version, its full configuration with defaults filled in."""

    name: str
    version: int
    config: Mapping[str, Any]


class Figure(NamedTuple):
    """What a metric's values mean: a perfect score, what a failed utterance gets, and the value that nothing can fall
    below. Better is towards `best`.
    """

    best: float
    floor: float
    worst: float | None = None  # None: there is no such value
    by_condition: bool = False  # beside the primary metric: a column for each condition, too
    unit: str = ""

    @property
    def sign(self) -> int:
        """+1 where more is better, -1 where less is."""
        return 1 if self.best > self.floor else -1

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the greatest value that there can be; where nothing is better, as of a level, there are
        none.
        """
        if self.best == self.floor:
            return -math.inf, math.inf
        worst = -self.sign * math.inf if self.worst is None else self.worst
        return min(worst, self.best), max(worst, self.best)

    @property
    def differences(self) -> tuple[float, float]:
        """The least and the greatest difference of two values."""
        least, most = self.bounds
        return least - most, most - least


class Corpus(ABC):
    """Recordings with a licence, a version, splits and groups, read from the folder as its owner distributes it.

    `rows(split)` returns a `datasets.Dataset` with the columns
      id      unique within the corpus, stable across machines (a relative path without its suffix, as a rule)
      group   speaker or site: what splits keep apart and the bootstrap resamples
      audio   path of a file that libsndfile reads, or {"path": …, "bytes": …}
    and the labels that `schema` speaks of: `label` (one of schema["classes"]), `text`, `tracks` (the path of a .npy
    file), …  A corpus of kind "pairs" (mixed by its owner) adds `clean`, the path of the clean signal, and
    `conditions`, a mapping such as {"snr": 5.0}.
    """

    version: str = "1"
    kind: Literal["speech", "noise", "ambience", "pairs"]
    licence: ClassVar[str]
    source: ClassVar[str]  # where anyone gets it
    size: ClassVar[str]  # on disk, as distributed
    folders: ClassVar[tuple[str, ...]] = ()  # the names of its folder under --data, tried in turn
    synthetic: ClassVar[bool] = False
    verified: ClassVar[bool] = True  # False: no real file has ever been read with this reader

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def schema(self) -> Mapping[str, Any]:
        """What a task builds its head from: classes (in order), alphabet, variables."""
        return {}

    def prepare(self) -> None:
        """Generate what is missing on disk, with a progress bar; nothing to do for recordings."""

    @abstractmethod
    def rows(self, split: str) -> Any:
        """The rows of one split as a `datasets.Dataset`; EarmarkError where the folder is not the corpus."""


@dataclass(frozen=True)
class Scene:
    """One signal, mixed or recorded. Target id and protocol seed it, SNR and listener do not, so that curves are
    paired.
    """

    id: str  # base scene and conditions
    base: str  # the scene whatever its conditions: the bootstrap keeps all conditions of a base together
    target: str
    interferers: tuple[str, ...] = ()
    conditions: Values = field(default_factory=dict)  # what the scene owns: snr
    group: str = ""  # the unit that the bootstrap resamples


class Heard(NamedTuple):
    """All that a front-end may know."""

    audio: Tensor  # (batch, channels, time)
    lengths: Tensor  # (batch,) in samples
    listener: Tensor | None = None  # (batch, channels, 10) in dB HL at AUDIOGRAM_HZ
    names: tuple[str, ...] = ()  # opaque file names, for front-ends that live in files


@dataclass
class Batch:
    """Scenes as tensors. `labels` is made by Task.collate; `clean` is like heard.audio, or None where no reference
    exists.
    """

    scenes: Sequence[Scene]
    heard: Heard
    clean: Tensor | None
    labels: Mapping[str, Any]
    rows: Sequence[Mapping[str, Any]] = ()  # of the target corpus, for references

    def to(self, device: torch.device) -> "Batch":
        """The same batch on another device."""
        heard = self.heard._replace(
            audio=self.heard.audio.to(device),
            lengths=self.heard.lengths.to(device),
            listener=None if self.heard.listener is None else self.heard.listener.to(device),
        )
        clean = None if self.clean is None else self.clean.to(device)
        labels = {key: value.to(device) if isinstance(value, Tensor) else value for key, value in self.labels.items()}
        return Batch(self.scenes, heard, clean, labels, self.rows)


class Enhanced(NamedTuple):
    """What a front-end gives back."""

    audio: Tensor  # like heard.audio
    shared: Tensor | None = None  # (batch, frames, features) for tasks that share the front-end's encoder
    parts: Mapping[str, Tensor] = {}  # what the front-end's own loss needs: denoised, compensated, masks

    def detach(self) -> "Enhanced":
        """The same values behind a stop-gradient."""
        shared = None if self.shared is None else self.shared.detach()
        return Enhanced(self.audio.detach(), shared, {key: value.detach() for key, value in self.parts.items()})


class FrontEnd(nn.Module):
    """From noisy audio to enhanced audio of the same shape. A subclass writes `forward(audio)`, or `process` where it
    needs more than audio.
    """

    version: ClassVar[int] = 1  # raised when an equal configuration gives other numbers
    sample_rate: int = SAMPLE_RATE  # the engine resamples on the way in and out
    channels: int | None = 1  # 1: the engine folds ears into the batch; None: any
    needs: frozenset[str] = frozenset()  # of listener; and of clean, for its loss
    controls: Mapping[str, float] = {}  # settings that need no retraining, with defaults
    dropped_in_only: bool = False  # files and external commands: nothing can be trained on their output
    opaque: bool = False  # computes outside of PyTorch, where neither parameters nor arithmetic can be counted
    # its output was made elsewhere from exported scenes; clean input is never exported, and so not scored
    exported: bool = False
    # the data that it comes trained on; such rows are the open track, and are never ranked with those trained here
    pretrained_on: str = ""

    def process(self, heard: Heard, **controls: float) -> Enhanced:
        """Enhance what was heard; `controls` override the defaults of `self.controls`."""
        return Enhanced(self(heard.audio))

    def loss(self, enhanced: Enhanced, batch: Batch) -> Tensor:
        """Per example, (batch,): here the negative signal-to-noise ratio of the output against the clean signal, in
        units of 30 dB, where it is softly bounded.

        Schemes add it to a task's loss, so that it should be of the order of 1.
        """
        if batch.clean is None:
            raise ValueError("the default loss needs a clean reference")
        signal = batch.clean.square().sum((1, 2))
        noise = (batch.clean - enhanced.audio).square().sum((1, 2))
        return -torch.log10((signal + 1e-8) / (noise + 1e-3 * signal + 1e-8)) / 3


class Undefined(ValueError):
    """A metric has no value on these signals; `fault` says whether the reference or the output is to blame."""

    def __init__(self, reason: str, fault: Literal["reference", "estimate"]) -> None:
        super().__init__(reason)
        self.fault = fault


class Signals(NamedTuple):
    """What a metric may look at: (time,) each, without padding; (2, time) for a metric that needs both ears."""

    audio: Tensor  # the output that is measured
    clean: Tensor | None = None  # the reference
    noisy: Tensor | None = None  # the scene before the front-end
    listener: Tensor | None = None  # (10,) in dB HL at AUDIOGRAM_HZ; (2, 10) for both ears

    def at(self, index: int) -> "Signals":
        """One ear of two, or one scene of a batch."""
        return Signals._make(None if signal is None else signal[index] for signal in self)


class Metric(nn.Module, ABC):
    """A measure of audio, of one utterance at a time. benchmark/metrics/ holds one a file.

    It is a module, so that a learned metric has its weights where every part has them.
    """

    version: ClassVar[int] = 1  # raised when equal signals get other values
    figures: Mapping[str, Figure]  # by name, what its values mean
    needs: frozenset[str] = frozenset()  # beside the output: of clean, noisy, listener, both ears
    sample_rate: int = SAMPLE_RATE  # Hz; signals are resampled to it
    source: ClassVar[str]  # the paper or standard that defines it

    def __init__(self) -> None:
        super().__init__()

    @abstractmethod
    def measure(self, signals: Signals) -> Mapping[str, float]:
        """The value of each figure; Undefined where there is none."""


class Task(ABC):
    """What is asked of audio: labels, scores and figures. What answers is a task model.

    The constructor takes the schema of the target corpus, then options of its own. Predictions and references are plain
    JSON values, stored for each scene. Scores are columns that add up over scenes: every figure is a function of sums,
    and a better text normaliser re-scores stored predictions without a model.
    """

    version: ClassVar[int] = 1  # raised when equal predictions get other scores
    model: ClassVar[str | None] = None  # the task model that recipes get unless they name one; None: a signal task
    asks: ClassVar[str] = (
        ""  # what it asks of a task model, matched with TaskModel.answers: "classes", "text", "tracks"
    )
    # of clean, labels, listener; checked when the cells are planned
    needs: ClassVar[frozenset[str]] = frozenset({"labels"})
    whole: ClassVar[bool] = False  # labels belong to whole recordings: training scenes are never cut to a segment
    figures: Mapping[str, Figure]  # every figure that summarise returns; the first is the primary metric
    columns: ClassVar[tuple[str, ...]] = ("snr",)  # the conditions that become columns of the board
    # values of conditions that alone make the score, where a board has any: {"listener": ("N3",)}
    headline: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    # the front-end, as recipes name it, that is chained behind one which does not know the listener
    prescription: Any = None

    def __init__(self, schema: Mapping[str, Any]) -> None:
        super().__init__()
        self.schema = schema

    @classmethod
    def figures_of(cls, options: Mapping[str, Any]) -> Mapping[str, Figure]:
        """The figures under some options of the constructor, the primary one first."""
        return cls.figures

    def check(self, row: Mapping[str, Any]) -> None:
        """Raise ValueError where a row's label cannot be used, such as an empty transcript.

        Called for every row before anything is trained or scored.
        """

    def collate(self, rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
        """The labels of a batch, made from rows of the corpus; they become `Batch.labels`."""
        return {}

    def reference(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """What the prediction for this row is scored against."""
        return {}

    @abstractmethod
    def score(self, predictions: pd.DataFrame, references: pd.DataFrame) -> pd.DataFrame:
        """Additive columns, one row a scene: errors, words, hits, sums."""

    @abstractmethod
    def floor(self, references: pd.DataFrame) -> pd.DataFrame:
        """The same columns for utterances that failed through the system's fault."""

    @staticmethod
    @abstractmethod
    def summarise(sums: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Figures as functions of sums, over any leading dimensions; NaN where nothing was summed."""


class TaskModel(nn.Module, ABC):
    """What answers a task: trained by the suite, or trained elsewhere. tasks/models/ holds one a file.

    The constructor takes the task, then options of its own. Padding behind `lengths` never changes an example's output.
    """

    version: ClassVar[int] = 1  # raised when an equal configuration gives other numbers
    answers: ClassVar[str]  # the kind of question, matched with Task.asks
    differentiable: bool = True  # whether a gradient of its loss reaches the audio; False: no joint training through it
    pretrained_on: str = ""  # the data that its weights come trained on; empty: the suite trains it

    def __init__(self, task: Task | None = None) -> None:
        super().__init__()
        self.task = task

    @property
    def trainable(self) -> bool:
        """Whether there is anything to train."""
        return any(parameter.requires_grad for parameter in self.parameters())

    @abstractmethod
    def forward(self, audio: Tensor, lengths: Tensor, shared: Tensor | None = None) -> Any:
        """From audio to the model's output.

        Args:
            audio: (batch, channels, time) at 16 kHz
            lengths: (batch,) samples
            shared: (batch, frames, features) of an encoder that the front-end shares with it, where there is one
        """

    @abstractmethod
    def loss(self, output: Any, batch: Batch) -> Tensor:
        """Loss of each example, (batch,), normalised by length; 0 or more, since schemes weigh examples by it."""

    @abstractmethod
    def predict(self, output: Any, batch: Batch) -> list[dict[str, Any]]:
        """One record of plain JSON values for each scene."""


class SignalTask(Task, TaskModel):
    """A task that measures the audio itself by metrics: it is its own model, with nothing to train."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        super().__init__(schema)

    def forward(self, audio: Tensor, lengths: Tensor, shared: Tensor | None = None) -> Tensor:
        """The audio as it is."""
        return audio


def primary(task: type[Task] | Task) -> str:
    """The name of a task's primary metric."""
    return next(iter(task.figures))


class Update(NamedTuple):
    """One optimiser step: scalar terms whose sum is minimised, and the names of the modules whose parameters it may
    move ("front_end", or a task's label).

    Terms go by the label of the task that they are the loss of, or weighed for; "front_end" is its own loss. Where
    terms of several tasks move the front-end, the cosines between the gradients of all terms on it are logged.
    """

    terms: Mapping[str, Tensor]
    moves: frozenset[str]

    @property
    def loss(self) -> Tensor:
        """The sum of the terms."""
        return torch.stack(tuple(self.terms.values())).sum()


class Scheme:
    """How front-end and task are trained together: a generator of updates. training/schemes/ holds one a file."""

    version: ClassVar[int] = 1
    moves: ClassVar[frozenset[str]] = frozenset()  # of front_end, tasks: what this scheme trains; neither: dropped in
    period: int = 1  # batches after which a round of updates is whole
    # the stock task model that it starts from, or is dropped in before
    stock: ClassVar[Literal["clean", "noisy"]] = "clean"

    def updates(self, system: Any, batches: Mapping[str, Batch], step: int) -> Iterator[Update]:
        """The updates of one step, made lazily: each forward pass sees the parameters as the last update left them."""
        return iter(())
