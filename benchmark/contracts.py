"""The classes that components are derived from, and the data that they exchange.

Audio is float32 at 16 kHz, (batch, channels, time), where an rms of 1.0 stands for 100 dB SPL (FULL_SCALE_DB_SPL).
Examples of a batch are padded with zeros behind their `lengths`, in samples. This module is a leaf: it imports torch,
numpy and pandas alone.
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

PROTOCOL = 2  # version of docs/reference/protocol.md; every record carries it
SAMPLE_RATE = 16_000  # Hz, of all audio inside the engine
FULL_SCALE_DB_SPL = 100.0  # of an rms of 1.0, in training and scoring; scenes set the level, the engine never rescales
AUDIOGRAM_HZ = (250, 375, 500, 750, 1000, 1500, 2000, 3000, 4000, 6000)  # where a listener's thresholds are given
SPLITS = ("train", "validation", "test")
FRONT_END = "front_end"  # the name of this part of a system; task models go by the labels of their tasks
MODEL = "model"  # how schemes, which know no labels, name the task model of a row
WET = "wet"  # a control that every front-end has: the share of its output in the mix with its input, 0 to 1
Values = Mapping[str, float | str]


@dataclass(frozen=True)
class Spec:
    """A component as recipes and cells specify it: registered name, version, configuration with every default."""

    name: str
    version: int = 1
    config: Mapping[str, Any] = field(default_factory=dict)
    members: tuple[tuple[str, int], ...] = ()  # class and version of each component inside a composite one
    reads: tuple[tuple[str, str], ...] = ()  # name and digest of each file that its constructor reads


class Role(NamedTuple):
    """What a corpus is used for in a scene."""

    purpose: str
    kinds: frozenset[str] | None = None  # the kinds of corpus that can have it; None: any
    required: bool = False
    labelled: bool = False  # the training split must hold every class of the other two
    folded: bool = False  # the folds of a task are folds of this corpus
    by_group: bool = False  # splits must not share a group (speaker, room) either


ROLES: Mapping[str, Role] = {
    "targets": Role("what the task is about", required=True, labelled=True, folded=True, by_group=True),
    "interferers": Role("what is added to the target at an SNR"),
    "rooms": Role("the room in which both sound", frozenset({"room"}), by_group=True),
}


class Figure(NamedTuple):
    """How to read the values of a figure: which are good, what a failure counts as, and the unit.

    Better is towards `best`. A figure whose `best` equals its `floor`, such as a level, has no better and worse.
    """

    best: float  # a perfect score
    floor: float  # what a failed utterance gets
    worst: float | None = None  # the value that nothing can fall below; None: there is no such value
    by_condition: bool = False  # a column for each condition even where it is not the primary figure
    unit: str = ""

    @property
    def sign(self) -> int:
        """+1 where higher is better, -1 where lower is."""
        return 1 if self.best > self.floor else -1

    @property
    def bounds(self) -> tuple[float, float]:
        """The lowest and the highest possible value; infinite where there is no better and worse."""
        if self.best == self.floor:
            return -math.inf, math.inf
        worst = -self.sign * math.inf if self.worst is None else self.worst
        return min(worst, self.best), max(worst, self.best)

    @property
    def differences(self) -> tuple[float, float]:
        """The lowest and the highest possible difference of two values."""
        least, most = self.bounds
        return least - most, most - least


class Corpus(ABC):
    """Recordings with a licence, a version, splits and groups, read from a folder as their owner distributes it.

    `rows(split)` returns a `datasets.Dataset` with these columns:

    - `id`: unique within the corpus, stable across machines (a relative path without its suffix, as a rule)
    - `group`: speaker or site; splits keep groups apart, and the bootstrap resamples them
    - `audio`: path of a file that libsndfile reads, or {"path": …, "bytes": …}

    and the labels that `schema` describes: `label` (one of schema["classes"]), `text`, `tracks` (the path of a .npy
    file), … A corpus of kind "pairs" (noisy and clean, mixed by its owner) adds `clean`, the path of the clean signal,
    and `conditions`, a mapping such as {"snr": 5.0}.
    """

    version: str = "1"
    kind: Literal["speech", "noise", "ambience", "room", "pairs"]
    licence: ClassVar[str]
    source: ClassVar[str]  # where to get it
    size: ClassVar[str]  # on disk, as distributed
    folders: ClassVar[tuple[str, ...]] = ()  # names that its folder may have under --data, tried in turn
    synthetic: ClassVar[bool] = False
    without: frozenset[str] = frozenset()  # ids of recordings that a recipe leaves out
    verified: ClassVar[bool] = True  # False: this reader has never been run on the real corpus

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def schema(self) -> Mapping[str, Any]:
        """What tasks and their models are built from: classes (in order), alphabet, variables."""
        return {}

    def prepare(self) -> None:
        """Generate what is missing on disk, with a progress bar. Corpora of recordings have nothing to do."""

    @abstractmethod
    def rows(self, split: str) -> Any:
        """The rows of one split as a `datasets.Dataset`. Raises EarmarkError where the folder is not the corpus."""


@dataclass(frozen=True)
class Scene:
    """One noisy signal, mixed by the suite or recorded as it is.

    It is seeded by the target's id and the protocol, but neither by the SNR nor by the listener: a target has the same
    interferer under all conditions, and scores are paired across them.
    """

    id: str  # of the base scene under its conditions
    base: str  # the scene without its conditions; the bootstrap keeps all conditions of a base together
    target: str
    interferers: tuple[str, ...] = ()
    conditions: Values = field(default_factory=dict)  # those that belong to the scene: snr
    group: str = ""  # the unit that the bootstrap resamples
    rooms: tuple[str, ...] = ()  # ids of the room responses of target and interferer


class Heard(NamedTuple):
    """What a front-end hears, and all that it may know."""

    audio: Tensor  # (batch, channels, time)
    lengths: Tensor  # (batch,), in samples
    listener: Tensor | None = None  # (batch, channels, 10), thresholds in dB HL at AUDIOGRAM_HZ
    names: tuple[str, ...] = ()  # opaque names of the scenes, for front-ends that work on files


@dataclass
class Batch:
    """Scenes as tensors."""

    scenes: Sequence[Scene]
    heard: Heard
    clean: Tensor | None  # the reference, like heard.audio; None where there is none
    labels: Mapping[str, Any]  # made by Task.collate
    rows: Sequence[Mapping[str, Any]] = ()  # of the target corpus, for Task.reference

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
    """What a front-end returns."""

    audio: Tensor  # like heard.audio
    shared: Tensor | None = None  # (batch, frames, features), for task models that share the front-end's encoder
    intermediates: Mapping[str, Tensor] = {}  # what its own loss needs besides: masks, the output of a first stage

    def detach(self) -> "Enhanced":
        """The same values without a gradient."""
        shared = None if self.shared is None else self.shared.detach()
        intermediates = {name: tensor.detach() for name, tensor in self.intermediates.items()}
        return Enhanced(self.audio.detach(), shared, intermediates)


class FrontEnd(nn.Module):
    """From noisy audio to enhanced audio of the same shape.

    A subclass defines `forward(audio)`, or `process` where it needs more than audio.
    """

    version: ClassVar[int] = 1  # raise it when the same configuration gives other numbers
    sample_rate: int = SAMPLE_RATE  # Hz; the engine resamples input and output
    channels: int | None = 1  # 1: the engine folds ears into the batch; None: any number
    needs: frozenset[str] = frozenset()  # some of "listener" and, for its loss, "clean"
    controls: Mapping[str, float] = {}  # settings that need no retraining, with their defaults
    dropped_in_only: bool = False  # for files and programs: nothing can be trained on their output
    opaque: bool = False  # computes outside PyTorch, where parameters and operations cannot be counted
    # Its output was made elsewhere, from exported scenes. Clean scenes are never exported, so it is not scored on them.
    exported: bool = False
    # The data that it was trained on before. Such rows are in the open track, never ranked with those trained here.
    pretrained_on: str = ""

    def process(self, heard: Heard, **controls: float) -> Enhanced:
        """Enhance what was heard; `controls` override the defaults in `self.controls`."""
        return Enhanced(self(heard.audio))

    def loss(self, enhanced: Enhanced, batch: Batch) -> Tensor:
        """The front-end's own loss of each example, (batch,).

        By default it is the negative SNR of the output against the clean signal, in units of 30 dB, where it is softly
        bounded. Schemes add it to a task's loss, so it should be of the order of 1.
        """
        if batch.clean is None:
            raise ValueError("the default loss needs a clean reference")
        signal = batch.clean.square().sum((1, 2))
        noise = (batch.clean - enhanced.audio).square().sum((1, 2))
        return -torch.log10((signal + 1e-8) / (noise + 1e-3 * signal + 1e-8)) / 3


class Undefined(ValueError):
    """A metric has no value on these signals; `fault` tells whether the reference or the estimate is to blame."""

    def __init__(self, reason: str, fault: Literal["reference", "estimate"]) -> None:
        super().__init__(reason)
        self.fault = fault


class Signals(NamedTuple):
    """What a metric may use of one utterance: (time,) each, unpadded; (2, time) for a metric that needs both ears."""

    audio: Tensor  # the output to be measured
    clean: Tensor | None = None  # the reference
    noisy: Tensor | None = None  # the scene before the front-end
    listener: Tensor | None = None  # (10,) in dB HL at AUDIOGRAM_HZ; (2, 10) for both ears

    def at(self, index: int) -> "Signals":
        """One ear, or one scene of a batch: every signal at this index."""
        return Signals._make(None if signal is None else signal[index] for signal in self)


class Metric(nn.Module, ABC):
    """A measure of the audio of one utterance. benchmark/metrics/ holds one a file.

    It is a module so that a learned metric can have weights.
    """

    version: ClassVar[int] = 1  # raise it when the same signals get other values
    figures: Mapping[str, Figure]  # what it measures, by name
    needs: frozenset[str] = frozenset()  # besides the output, some of "clean", "noisy", "listener", "both ears"
    sample_rate: int = SAMPLE_RATE  # Hz; signals are resampled to it
    source: ClassVar[str]  # the paper or standard that defines it

    def __init__(self) -> None:
        super().__init__()

    @abstractmethod
    def measure(self, signals: Signals) -> Mapping[str, float]:
        """The value of each figure. Raises Undefined where there is none."""


class Task(ABC):
    """What is asked of audio: labels, scores and figures. A task model answers.

    The constructor takes the schema of the target corpus, then the task's own options. Predictions and references are
    plain JSON values, stored for each scene. Scores are columns that add up over scenes, and every figure is a function
    of their sums; with a better text normaliser, stored predictions are scored again without a model.
    """

    version: ClassVar[int] = 1  # raise it when the same rows get other labels or references
    score_version: ClassVar[int] = 1  # raise it when the same predictions get other scores
    model: ClassVar[str | None] = None  # the default task model; None: a signal task
    asks: ClassVar[str] = ""  # "classes", "text" or "tracks", as in TaskModel.answers
    needs: ClassVar[frozenset[str]] = frozenset({"labels"})  # some of "clean", "labels", "listener"
    whole: ClassVar[bool] = False  # labels describe whole recordings: training scenes are never cut to a segment
    figures: Mapping[str, Figure]  # every figure that summarise returns; the first is the primary metric
    axes: ClassVar[tuple[str, ...]] = ("snr",)  # the axes of its conditions, in order; names in conditions.AXES
    # The conditions that make up the score, of those that a board has: {"listener": ("N3",)}; none: all noisy ones.
    headline: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    # A front-end, as recipes write it, that follows every front-end which does not know the listener.
    prescription: Any = None

    def __init__(self, schema: Mapping[str, Any]) -> None:
        super().__init__()
        self.schema = schema

    @classmethod
    def figures_of(cls, options: Mapping[str, Any]) -> Mapping[str, Figure]:
        """The figures that a task has with these constructor options, the primary one first."""
        return cls.figures

    def check(self, row: Mapping[str, Any]) -> None:
        """Raise ValueError if the label of a row cannot be used, such as an empty transcript.

        It is called for every row before anything is trained or scored.
        """

    def collate(self, rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
        """The labels of a batch (`Batch.labels`), made from rows of the target corpus."""
        return {}

    def reference(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """What the prediction for this row is scored against."""
        return {}

    @abstractmethod
    def score(self, predictions: pd.DataFrame, references: pd.DataFrame) -> pd.DataFrame:
        """Additive columns, one row for each scene: errors, words, hits, sums."""

    @abstractmethod
    def floor(self, references: pd.DataFrame) -> pd.DataFrame:
        """The columns of utterances on which the system failed."""

    @staticmethod
    @abstractmethod
    def summarise(sums: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Figures from sums of the columns, of any shape; NaN where nothing was summed."""


class TaskModel(nn.Module, ABC):
    """A model that answers a task, trained by the suite or elsewhere. tasks/models/ holds one a file.

    The constructor takes the task, then the model's own options. What lies behind an example's length never changes its
    output.
    """

    version: ClassVar[int] = 1  # raise it when the same configuration gives other numbers
    answers: ClassVar[str]  # "classes", "text" or "tracks": it can serve the tasks that ask for it
    differentiable: bool = True  # whether its loss has a gradient with respect to the audio, as joint training needs
    pretrained_on: str = ""  # the data that its weights were trained on; empty: the suite trains it

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
            lengths: (batch,), in samples
            shared: (batch, frames, features), of an encoder that the front-end shares with it, if there is one
        """

    @abstractmethod
    def loss(self, output: Any, batch: Batch) -> Tensor:
        """The loss of each example, (batch,), normalised by length; 0 or more, as schemes weight examples by it."""

    @abstractmethod
    def predict(self, output: Any, batch: Batch) -> list[dict[str, Any]]:
        """The prediction for each scene, a mapping of plain JSON values."""


class SignalTask(Task, TaskModel):
    """A task that measures the audio itself. It is its own model, with nothing to train."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        super().__init__(schema)

    def forward(self, audio: Tensor, lengths: Tensor, shared: Tensor | None = None) -> Tensor:
        """The audio as it is."""
        return audio


def primary(task: type[Task] | Task) -> str:
    """The name of a task's primary metric."""
    return next(iter(task.figures))


class Update(NamedTuple):
    """One optimiser step: a loss, and the parts of the system that it may move.

    The loss is the sum of its terms. A term is named by the task whose loss it is, or whose scenes or weights it uses;
    FRONT_END names the front-end's own loss. Where terms of several tasks move the front-end, the cosines between the
    gradients of all terms with respect to it are logged.
    """

    terms: Mapping[str, Tensor]  # scalars
    moves: frozenset[str]  # names of parts: FRONT_END, labels of tasks

    @property
    def loss(self) -> Tensor:
        """The sum of the terms."""
        return torch.stack(tuple(self.terms.values())).sum()


@dataclass(frozen=True)
class Artefact:
    """A training that other cells start from and no board ranks: a pre-trained front-end, a stock task model.

    With the row's task it is trained on the scenes of that task; without, on the scenes of all tasks of the recipe
    whose interferers and rooms are of the same kinds.
    """

    title: str  # for people; it may hold {front_end} and {task}
    scheme: str  # the scheme that trains it
    phase: Literal["pretrain", "stock", "adapt"]  # whose budget it gets
    front_end: bool = False  # whether it contains the row's front-end; False: identity
    task: bool = False  # whether it contains the row's task model
    noisy: bool = True  # False: trained on clean scenes
    starts: "Mapping[str, Artefact]" = field(default_factory=dict)  # what each part starts from in turn
    others: Mapping[str, Spec] = field(default_factory=dict)  # further parts by name, as `path/to/file.py:Class`


PRETRAINED = Artefact("pretrain {front_end}", "pretraining", "pretrain", front_end=True)
STOCK_CLEAN = Artefact("{task}: stock clean", "frozen", "stock", task=True, noisy=False)
# It goes on from the clean one, for as long as adapted models are trained, so that no scheme has seen more data.
STOCK_NOISY = Artefact("{task}: stock noisy", "frozen", "adapt", task=True, starts={MODEL: STOCK_CLEAN})
# A task model that adapts, as under `frozen`, to a front-end that other tasks have trained.
FOLLOWER = Artefact("{task}: behind {front_end}", "frozen", "adapt", front_end=True, task=True)


class Scheme:
    """How the parts of a system are trained together, as a generator of updates. training/schemes/ holds one a file."""

    version: ClassVar[int] = 1
    moves: ClassVar[frozenset[str]] = frozenset()  # some of FRONT_END, MODEL and its own parts; none: it trains nothing
    through_task: ClassVar[bool] = False  # whether the gradient of the task's loss reaches the front-end
    period: int = 1  # batches that one round of updates takes
    follower: ClassVar[Artefact] = FOLLOWER  # how a task adapts to a front-end that other tasks trained together

    def artefacts(self) -> Mapping[str, Artefact]:
        """What each part starts from, by FRONT_END, MODEL and the names of its own parts."""
        return {FRONT_END: PRETRAINED, MODEL: STOCK_CLEAN}

    def validation(self, system: Any, batch: Batch) -> Tensor:
        """The loss, (batch,), that chooses the best weights where no task is trained: the front-end's own."""
        return system.front_end_loss(system.enhance(batch), batch)  # type: ignore[no-any-return]

    def updates(self, system: Any, batches: Mapping[str, Batch], step: int) -> Iterator[Update]:
        """The updates of one step. They are lazy: each forward pass sees the parameters that the last update left."""
        return iter(())


class Engine(ABC):
    """Where cells run: it starts jobs, waits for them and stops them, and does not know what they do.

    A job is a file, cell.json. `python -m benchmark.running.worker cell.json` runs it to its end and leaves the result,
    or the reason why there is none, in the store that the job names.
    """

    def __init__(self, jobs: int, imports: Sequence[str] = ()) -> None:
        """`jobs`: how many run at a time; `imports`: modules that every job needs, for engines that can import once."""
        self.jobs = jobs
        self.imports = imports

    @abstractmethod
    def start(self, key: str, job: Path) -> None:
        """Start the job in a file, under a key of its own."""

    @abstractmethod
    def wait(self, seconds: float) -> Mapping[str, int]:
        """Wait until a job ends, but no longer than this; return the exit statuses of those that ended, by key."""

    @abstractmethod
    def stop(self) -> None:
        """End all jobs that still run, and leave no process behind."""
