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

PROTOCOL = 2  # of docs/reference/protocol.md; every record carries it
SAMPLE_RATE = 16_000  # Hz, inside the engine
FULL_SCALE_DB_SPL = 100.0  # of rms 1.0, in training and in scoring; scenes set the level and the engine never rescales
AUDIOGRAM_HZ = (250, 375, 500, 750, 1000, 1500, 2000, 3000, 4000, 6000)  # where a listener's thresholds stand
SPLITS = ("train", "validation", "test")
FRONT_END = "front_end"  # as a part of a system, beside its tasks by label
MODEL = "model"  # the task model of a row, in what schemes say of parts
WET = "wet"  # the control that every front-end has: the share of its output; the rest is the input
Values = Mapping[str, float | str]


@dataclass(frozen=True)
class Spec:
    """A component as recipes and cells name it: registered name, version, configuration with every default."""

    name: str
    version: int = 1
    config: Mapping[str, Any] = field(default_factory=dict)
    members: tuple[tuple[str, int], ...] = ()  # of a composite component: class and version of each


class Role(NamedTuple):
    """What a corpus is used for in a scene."""

    purpose: str
    kinds: frozenset[str] | None = None  # the kinds of corpus that can play it; None: any
    required: bool = False
    labelled: bool = False  # every class that is validated or tested must be there for training
    folded: bool = False  # the folds of a task are folds of this corpus
    by_group: bool = False  # splits must differ in groups too (speakers, rooms), not only in recordings


ROLES: Mapping[str, Role] = {
    "targets": Role("what the task is about", required=True, labelled=True, folded=True, by_group=True),
    "interferers": Role("what is added to the target at an SNR"),
    "rooms": Role("the room in which both sound", frozenset({"room"}), by_group=True),
}


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

    `rows(split)` returns a `datasets.Dataset` with these columns:

    - `id`: unique within the corpus, stable across machines (a relative path without its suffix, as a rule)
    - `group`: speaker or site, what splits keep apart and the bootstrap resamples
    - `audio`: path of a file that libsndfile reads, or {"path": …, "bytes": …}

    and the labels that `schema` speaks of: `label` (one of schema["classes"]), `text`, `tracks` (the path of a .npy
    file), …  A corpus of kind "pairs" (mixed by its owner) adds `clean`, the path of the clean signal, and
    `conditions`, a mapping such as {"snr": 5.0}.
    """

    version: str = "1"
    kind: Literal["speech", "noise", "ambience", "room", "pairs"]
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
    rooms: tuple[str, ...] = ()  # ids of room responses, of the target and of the interferer


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

    version: ClassVar[int] = 1  # raised when equal rows get other labels or references
    score_version: ClassVar[int] = 1  # raised when equal predictions get other scores
    model: ClassVar[str | None] = None  # the task model that recipes get unless they name one; None: a signal task
    asks: ClassVar[str] = (
        ""  # what it asks of a task model, matched with TaskModel.answers: "classes", "text", "tracks"
    )
    # of clean, labels, listener; checked when the cells are planned
    needs: ClassVar[frozenset[str]] = frozenset({"labels"})
    whole: ClassVar[bool] = False  # labels belong to whole recordings: training scenes are never cut to a segment
    figures: Mapping[str, Figure]  # every figure that summarise returns; the first is the primary metric
    axes: ClassVar[tuple[str, ...]] = ("snr",)  # of its conditions, in their order; names in conditions.AXES
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


@dataclass(frozen=True)
class Artefact:
    """A training whose result cells start from and no board ranks: a pre-trained front-end, a stock task model.

    An artefact without the row's task is trained on the scenes of all tasks of the recipe whose interferers are of the
    same kind; one with it, on the scenes of that task.
    """

    title: str  # for people, with {front_end} and {task}
    scheme: str  # how it is trained
    phase: Literal["pretrain", "stock", "adapt"]  # whose budget it gets
    front_end: bool = False  # whether it holds the row's front-end; False: identity
    task: bool = False  # whether it holds the row's task model
    noisy: bool = True  # False: on clean scenes
    starts: "Mapping[str, Artefact]" = field(default_factory=dict)  # by part: what it starts from itself
    others: Mapping[str, Spec] = field(default_factory=dict)  # further parts by name, as `path/to/file.py:Class`


PRETRAINED = Artefact("pretrain {front_end}", "pretraining", "pretrain", front_end=True)
STOCK_CLEAN = Artefact("{task}: stock clean", "frozen", "stock", task=True, noisy=False)
# It starts from the clean one and is trained as long as adapted models are, so that no scheme has seen more.
STOCK_NOISY = Artefact("{task}: stock noisy", "frozen", "adapt", task=True, starts={MODEL: STOCK_CLEAN})


# A model that adapts to a front-end which other tasks trained, as under `frozen`.
FOLLOWER = Artefact("{task}: behind {front_end}", "frozen", "adapt", front_end=True, task=True)


class Scheme:
    """How the parts of a system are trained together: a generator of updates. training/schemes/ holds one a file."""

    version: ClassVar[int] = 1
    moves: ClassVar[frozenset[str]] = frozenset()  # of FRONT_END, MODEL and its own parts; none: all are dropped in
    through_task: ClassVar[bool] = False  # whether a gradient of the task's loss goes back to the front-end
    period: int = 1  # batches after which a round of updates is whole
    follower: ClassVar[Artefact] = FOLLOWER  # how a task adapts that is not among those that train a front-end together

    def artefacts(self) -> Mapping[str, Artefact]:
        """By part (FRONT_END, MODEL or a name of its own): what it starts from."""
        return {FRONT_END: PRETRAINED, MODEL: STOCK_CLEAN}

    def validation(self, system: Any, batch: Batch) -> Tensor:
        """The loss, (batch,), by which the best weights are chosen where no task is trained: the front-end's own."""
        return system.front_end_loss(system.enhance(batch), batch)  # type: ignore[no-any-return]

    def updates(self, system: Any, batches: Mapping[str, Batch], step: int) -> Iterator[Update]:
        """The updates of one step, made lazily: each forward pass sees the parameters as the last update left them."""
        return iter(())


class Engine(ABC):
    """Where cells run. It starts jobs, waits for them and stops them, and knows nothing of what they are.

    A job is a file, cell.json, that `python -m benchmark.running.worker cell.json` runs to its end: it leaves its
    result, or the reason why there is none, in the store that the job names.
    """

    def __init__(self, jobs: int, imports: Sequence[str] = ()) -> None:
        """`jobs`: how many at a time; `imports`: modules that every job imports, for engines that can do so once."""
        self.jobs = jobs
        self.imports = imports

    @abstractmethod
    def start(self, key: str, job: Path) -> None:
        """Start the job of a file, under a key of its own."""

    @abstractmethod
    def wait(self, seconds: float) -> Mapping[str, int]:
        """Wait until a job has ended, at most so long; the exit status of those that ended, by key."""

    @abstractmethod
    def stop(self) -> None:
        """End what still runs, and leave nothing behind."""
