"""Cells, the units of work: a training leaves weights, an enhancing audio, a scoring predictions, a measuring costs.

What a cell does is its identity; where it runs, with how many workers and with which code is provenance. Cells of the
same identity have the same key and are run once. Keys build on one another: the key of a scoring covers that of the
enhancing whose audio it takes, and that one the key of the training whose weights it uses. `cell.json` holds a `Job`:
a cell, and where it runs.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, TypeAdapter, ValidationError

from benchmark import provenance
from benchmark.catalogue import CorpusContent, CorpusSpec
from benchmark.contracts import PROTOCOL, Spec
from benchmark.errors import EarmarkError
from benchmark.hearing.audiograms import Audiogram
from benchmark.settings import Mixing, Phase, ScoredScenes, Strict, Trainer
from benchmark.store import Workspace, digest, write_text

REFERENCE = "reference"  # in place of a front-end, in rows that are scored on the clean signal
IDENTITY = Spec("identity")  # the front-end that stock models are trained behind
SourceContent = Mapping[str, CorpusContent]  # by role
Listeners = Mapping[str, Audiogram]  # by name


@dataclass(frozen=True)
class TaskSpec:
    """A task and its model, as cells specify them."""

    task: Spec
    model: Spec | None = None  # None: a signal task
    prescription: Spec | None = None


@dataclass(frozen=True)
class Training:
    """Train the parts of a system by a scheme, and keep the weights of those that the scheme moves."""

    shelf: ClassVar[str] = "weights"
    front_end: Spec
    tasks: Mapping[str, TaskSpec]  # by label; none: the front-end is trained alone
    sources: Mapping[str, SourceContent]  # by label; for a front-end alone, those of all tasks that share the training
    scheme: Spec
    phase: Phase
    mixing: Mixing
    validation_level: float  # dB SPL
    noisy: bool
    listeners: bool  # whether each scene has a listener with a hearing loss
    seed: int
    starts: Mapping[str, str]  # by part: the key of the training whose weights it starts from
    precision: str
    accelerator: str
    others: Mapping[str, Spec] = field(default_factory=dict)  # further parts by name
    protocol: int = PROTOCOL
    kind: Literal["train"] = "train"

    @property
    def needs(self) -> tuple[str, ...]:
        """The cells that must be finished before it."""
        return tuple(dict.fromkeys(self.starts.values()))

    @property
    def amount(self) -> Mapping[str, Any]:
        """The settings that determine its run time."""
        return self.phase.model_dump(mode="json")


@dataclass(frozen=True)
class Measuring:
    """Measure what a front-end costs, as it is built: once for all its rows."""

    shelf: ClassVar[str] = "costs"
    weights: ClassVar[Mapping[str, str]] = {}
    needs: ClassVar[tuple[str, ...]] = ()
    amount: ClassVar[Mapping[str, Any]] = {}
    front_end: Spec
    protocol: int = PROTOCOL
    kind: Literal["measure"] = "measure"

    @property
    def accelerator(self) -> str:
        """Costs are those of a CPU."""
        return "cpu"


@dataclass(frozen=True)
class Enhancing:
    """Enhance the test scenes by one front-end, for every scheme and task model that uses this output."""

    shelf: ClassVar[str] = "enhanced"
    front_end: Spec
    weights: Mapping[str, str]  # by part: the key of the training that left them; other parts are as they are built
    source: SourceContent
    scenes: ScoredScenes
    listeners: Listeners | None  # None: the front-end does not know the listener
    accelerator: str
    protocol: int = PROTOCOL
    kind: Literal["enhance"] = "enhance"

    @property
    def needs(self) -> tuple[str, ...]:
        """The cells that must be finished before it."""
        return tuple(dict.fromkeys(self.weights.values()))

    @property
    def amount(self) -> Mapping[str, Any]:
        """The settings that determine its run time."""
        return self.scenes.model_dump(mode="json")


@dataclass(frozen=True)
class Scoring:
    """Run a task model on the enhanced test scenes, and keep its raw predictions."""

    shelf: ClassVar[str] = "records"
    label: str
    task: TaskSpec
    enhanced: str | None  # the key of the enhancing whose audio it takes; None: the clean signal
    weights: Mapping[str, str]  # by part, as of an enhancing; MODEL is the task model
    prescribed: bool  # whether the task's prescription is applied before its model
    source: SourceContent
    scenes: ScoredScenes
    listeners: Listeners | None
    accelerator: str
    protocol: int = PROTOCOL
    kind: Literal["score"] = "score"

    @property
    def needs(self) -> tuple[str, ...]:
        """The cells that must be finished before it."""
        above = () if self.enhanced is None else (self.enhanced,)
        return (*above, *dict.fromkeys(self.weights.values()))

    @property
    def amount(self) -> Mapping[str, Any]:
        """The settings that determine its run time."""
        return self.scenes.model_dump(mode="json")


Work = Annotated[Training | Measuring | Enhancing | Scoring, Field(discriminator="kind")]
# Where what a cell leaves is, by kind.
SHELVES = {work.kind: work.shelf for work in (Training, Measuring, Enhancing, Scoring)}


@dataclass(frozen=True)
class Cell:
    """A unit of work: what is done, and what does not change the result."""

    label: str  # for people
    work: Work
    code: Mapping[str, str] = field(default_factory=dict)  # digests of its components' code
    workers: int = 0  # processes that mix scenes for a training

    @cached_property
    def key(self) -> str:
        """Hash of what the cell does."""
        return digest(identity(self.work))

    @property
    def kind(self) -> str:
        """train, measure, enhance or score."""
        return self.work.kind

    @property
    def shelf(self) -> str:
        """Where the store keeps what the cell leaves."""
        return self.work.shelf

    @property
    def needs(self) -> tuple[str, ...]:
        """Keys of the cells that must be finished before it."""
        return self.work.needs


@dataclass(frozen=True)
class Job:
    """A cell, where it runs and the flags of its trainer: the content of a cell.json."""

    key: str
    kind: str
    cell: Cell
    workspace: Workspace
    trainer: Trainer

    def write(self, path: Path) -> None:
        """Write it as cell.json."""
        write_text(path, _JOB.dump_json(self, indent=1).decode())


_JOB = TypeAdapter(Job)


def read_job(path: Path) -> Job:
    """Read a cell.json. Raises EarmarkError where it is not one, or was edited."""
    try:
        job = _JOB.validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise EarmarkError(f"{path}: cannot be read ({error.strerror}); give the cell.json of a run") from error
    except (ValidationError, UnicodeDecodeError) as error:
        reason = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "msg": "not UTF-8"}
        where = ".".join(map(str, reason["loc"]))
        raise EarmarkError(f"{path}: no cell: {where}: {reason['msg']}; let the run write it anew") from error
    if job.kind != job.cell.kind or job.key != job.cell.key:
        raise EarmarkError(f"{path}: what it says is not what its key was made of; let the run write it anew")
    return job


def to_json(work: Work) -> dict[str, Any]:
    """The work of a cell, as manifests keep it."""
    return _WORK.dump_python(work, mode="json")  # type: ignore[no-any-return]


def from_json(value: Any) -> Work:
    """The work that a manifest keeps. Raises EarmarkError where it is not that of a cell."""
    try:
        return _WORK.validate_python(value)  # type: ignore[no-any-return]
    except ValidationError as error:
        reason = error.errors()[0]
        where = ".".join(map(str, reason["loc"]))
        raise EarmarkError(f"a manifest holds no cell ({where}: {reason['msg']}); delete it and run again") from error


_WORK: TypeAdapter[Any] = TypeAdapter(Work)


def identity(value: Any) -> Any:
    """The part of a value that identifies it, as JSON.

    Where corpora and a user's own files lie does not count, but what is in them does: a file of code enters by its
    source, any other file or folder that an option names by its content.
    """
    if isinstance(value, Spec):
        name = _named(value.name)
        return {
            "name": name,
            "version": value.version,
            "config": portable(value.config, True),
            "members": value.members,
            "reads": value.reads,
        }
    if isinstance(value, CorpusSpec):
        # what is left out shows in the content
        options = {name: entry for name, entry in value.options.items() if name not in ("path", "without")}
        held = {item.name: getattr(value, item.name) for item in fields(value) if item.name not in ("path", "options")}
        return {name: portable(entry) for name, entry in {**held, "options": options}.items()}
    if isinstance(value, Strict):
        return {name: entry for name, entry in value.model_dump(mode="json").items() if entry is not None}
    if hasattr(value, "__dataclass_fields__"):
        return {item.name: identity(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {_base(key): identity(entry) for key, entry in value.items()}
    return [identity(entry) for entry in value] if isinstance(value, (list, tuple)) else value


def portable(value: Any, files: bool = False) -> Any:
    """Options without this machine's paths; with `files`, the digest of a file or folder replaces its path."""
    if isinstance(value, str):
        if ".py:" in value:
            return _named(value)
        there = files and ("/" in value or "." in value) and os.path.exists(os.path.expanduser(value))
        return _contents(value) if there else value
    if isinstance(value, Mapping):
        # an option called path is a file or folder whatever its text is; other words may happen to be the name of one
        return {
            portable(key): _contents(entry)
            if files and key == "path" and isinstance(entry, str) and os.path.exists(os.path.expanduser(entry))
            else portable(entry, files)
            for key, entry in value.items()
        }
    return [portable(entry, files) for entry in value] if isinstance(value, (list, tuple)) else value


def _contents(path: str) -> str:
    return f"contents {provenance.contents(os.path.expanduser(path))}"


def _named(name: str) -> str:
    """The name of a component; for a user's own, its class and the digest of its source."""
    if ".py:" not in name:
        return name
    path = os.path.expanduser(name.rpartition(":")[0])
    return f"{_base(name)} {_source(path, os.stat(path).st_mtime_ns)}"


@cache
def _source(path: str, _changed: int) -> str:
    """The digest of a user's own file; nothing is run."""
    return provenance.file_digest(path)


def _base(key: str) -> str:
    return key.rsplit("/", 1)[-1] if ".py:" in key else key
