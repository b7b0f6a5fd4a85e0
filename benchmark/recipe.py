"""Recipes: YAML in, validated dataclasses out, with every default filled in.

A recipe may name one `base:`. `train` and `score` are merged into the base's key by key; `front_ends`, `tasks` and `schemes` say which rows there are, and an
entry without a value is the base's own. There is no interpolation and there are no class paths but for a user's own files: `path/to/file.py:Class`, from the
recipe's folder, else from the current one. Front-ends and schemes are built once here, so that one that cannot be built is told before anything is trained.
"""

import inspect
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator
from torch import nn

from benchmark import registry
from benchmark.contracts import PROTOCOL, Scheme, Spec, Task
from benchmark.corpora import reference
from benchmark.errors import EarmarkError, unknown
from benchmark.options import bind, named, reported
from benchmark.recipe_file import find, merged, overlaid, title

LABEL = r"\w[\w-]{0,63}"  # ASCII; labels become file names, keys, and cells of tables
TAKEN: Mapping[str, frozenset[str]] = {
    "front_ends": frozenset({"reference"}),  # the row that the evaluator adds
    "tasks": frozenset({"overall", "costs", "front_end", "all", *dir(nn.ModuleDict())}),  # other boards, and what torch calls no module
    "schemes": frozenset(),
}
KINDS: Mapping[str, type] = {"front_ends": nn.Module, "tasks": Task, "schemes": Scheme}


def _ordered(span: tuple[float, float]) -> tuple[float, float]:
    if span[0] > span[1]:
        raise ValueError("write [lowest, highest]")
    return span


def _distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(set(values)) < len(values):
        raise ValueError("write each value once")
    return values


def _snr(value: float | str) -> float | str:
    if isinstance(value, str) and value != "clean":
        raise ValueError(f"'{value}' is neither a number of dB nor 'clean'")
    return value


T = TypeVar("T")
Positive = Annotated[int, Field(gt=0)]
Rate = Annotated[float, Field(gt=0)]
Level = Annotated[float, Field(ge=0, le=120)]  # dB SPL
Set = Annotated[tuple[T, ...], Field(min_length=1), AfterValidator(_distinct)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, validate_default=True)


class Phase(_Strict):
    """One training: how long, how fast, on what pieces."""

    steps: Positive = 600
    batch: Positive = 16
    lr: Rate = 1e-3  # of the task models; and of a front-end that is trained alone
    front_end_lr: Rate | None = None  # of a front-end trained beside a task model; None: lr
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    clip: Rate = 5.0  # norm of the gradient
    validations: Positive = 4  # how often the validation scenes are scored; the best weights are kept
    patience: Positive | None = None  # validations without a better score before stopping early; None: never
    segment: Annotated[float, Field(ge=0.1)] | None = None  # seconds that a scene is cut to; None: whole
    workers: Annotated[int, Field(ge=0)] = 0  # processes that mix scenes; the scenes do not depend on it

    @property
    def epoch(self) -> int:
        """Steps between two validations."""
        return -(-self.steps // self.validations)


class Train(_Strict):
    """How everything is trained. Front-ends are pre-trained, stock task models trained on clean audio, then pairs are adapted from there."""

    snr: Annotated[tuple[float, float], AfterValidator(_ordered)] = (-5, 20)  # dB, drawn uniformly
    level: Annotated[tuple[Level, Level], AfterValidator(_ordered)] = (55, 75)  # dB SPL of the target, drawn uniformly
    validation_scenes: Positive = 64
    pretrain: Phase = Phase()
    stock: Phase = Phase()
    adapt: Phase = Phase()


class Score(_Strict):
    """What is scored."""

    snr: Set[Annotated[float | str, AfterValidator(_snr)]] = ("clean", 20, 15, 10, 5, 0, -5)
    scenes: Positive = 60
    level: Level = 65.0  # of the target, P.56 active level for speech
    seed: Annotated[int, Field(ge=0)] | None = None  # of the test scenes; None: the public ones, which anyone can mix
    listeners: Set[str] = ("N3", "N4", "S3")  # profiles, or ears as path/to/listeners.json:L0001:left; for tasks that need a listener


class TaskEntry(_Strict):
    """One task of a recipe: its component, the corpora it stands on, and what it sets differently."""

    task: str
    targets: Any
    interferers: Any = None
    folds: Set[str | int | None] = (None,)  # values of the target corpus's option `fold`; every fold is trained and scored
    model: dict[str, Any] = Field(default_factory=dict)  # options of the task's constructor
    train: Train
    score: Score


class Trainer(_Strict):
    """Flags passed through to lightning.Trainer."""

    accelerator: Literal["cpu", "gpu", "cuda", "mps", "auto"] = "cpu"
    devices: Literal[1] = 1
    precision: Literal[16, 32, 64, "16", "32", "64", "bf16", "16-true", "32-true", "64-true", "bf16-true", "16-mixed", "bf16-mixed"] = "32-true"
    strategy: str = "auto"
    fast_dev_run: bool = False

    @field_validator("devices", mode="before")
    @classmethod
    def _one(cls, value: Any) -> Any:
        if value is True or value != 1:
            raise ValueError("write 1, for all of several devices would draw the same scenes; run cells beside each other with --jobs")
        return value

    @field_validator("strategy")
    @classmethod
    def _known(cls, value: str) -> str:
        if value != "auto":
            from lightning.pytorch.strategies import StrategyRegistry  # here, since importing it takes seconds

            if value not in StrategyRegistry:
                raise ValueError(str(unknown("strategy", value, ["auto", *StrategyRegistry])))
        return value


class _Document(_Strict):
    """A recipe as it is written, under its base."""

    front_ends: dict[str, Any] = Field(min_length=1)
    tasks: dict[str, Any] = Field(min_length=1)
    schemes: dict[str, Any] = Field(min_length=1)
    seeds: Set[Annotated[int, Field(ge=0, lt=2**32)]] = (1,)
    together: dict[str, Annotated[Set[str], Field(min_length=2)]] = Field(default_factory=dict)
    train: Train = Train()
    score: Score = Score()
    trainer: Trainer = Trainer()


@dataclass(frozen=True)
class Recipe:
    """A recipe with everything resolved."""

    name: str
    title: str
    seeds: tuple[int, ...]
    front_ends: Mapping[str, Spec]
    tasks: Mapping[str, TaskEntry]
    schemes: Mapping[str, Spec]
    together: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by scheme: tasks that train one front-end together
    train: Train = field(default_factory=Train)  # of tasks that are trained together
    trainer: Trainer = field(default_factory=Trainer)
    protocol: int = PROTOCOL


def load_recipe(name: str | Path, added: Mapping[str, Mapping[str, Any]] | None = None) -> Recipe:
    """Read a recipe: a file, or the name of one in recipes/. `added`: front-ends, {name: options} by label. EarmarkError names the key at fault."""
    path = find(name)
    raw, where = merged(path), path.name
    if added:  # a registered name as its own label stands before options alone
        raw["front_ends"] = {**(raw.get("front_ends") or {}), **{label: entry.get(label, entry) for label, entry in added.items()}}
    document = _validated(_Document, raw, f"{where}: ")
    if not re.fullmatch(LABEL, path.stem, re.ASCII):
        raise EarmarkError(f"{where}: a recipe's name becomes a folder; rename the file to letters, digits, _ and -, as in my_recipe.yaml")
    for kind, taken in TAKEN.items():
        for label in getattr(document, kind):
            if kind != "tasks" and label in registry.names(kind) and not re.fullmatch(LABEL, label, re.ASCII):
                raise EarmarkError(f"{where}: {kind}: '{label}' is a component, not a label; write my_label: {{{label}: {{option: value}}}}")
            if not re.fullmatch(LABEL, label, re.ASCII):
                raise EarmarkError(f"{where}: {kind}: '{label}' is no label; write up to 64 letters, digits, _ and -, as in my_label: {{name: options}}")
            if label in taken:
                raise EarmarkError(f"{where}: {kind}: '{label}' means something else in the suite; choose another label")
    front_ends = {label: _component(f"{where}: front_ends.{label}", "front_ends", label, value) for label, value in document.front_ends.items()}
    schemes = {label: _component(f"{where}: schemes.{label}", "schemes", label, value) for label, value in document.schemes.items()}
    tasks = {label: _task(f"{where}: tasks.{label}", label, value, raw) for label, value in document.tasks.items()}
    _check_together(where, document.together, schemes, tasks)
    return Recipe(path.stem, title(path), document.seeds, front_ends, tasks, schemes, document.together, document.train, document.trainer)


def _loaded(where: str, kind: str, name: str) -> Any:
    with reported(where):
        cls = registry.load(kind, name)
    if not issubclass(cls, KINDS[kind]):
        raise EarmarkError(f"{where}: {cls.__name__} is no {KINDS[kind].__name__}; derive it from that class")
    return cls


def _component(where: str, kind: str, label: str, value: Any) -> Spec:
    """`label: {options}` where the label is a registered name, else `label: name` or `label: {name: options}`."""
    if label in registry.names(kind):
        value = {label: value}
    elif value is None:
        value = label  # unknown, and answered so
    if isinstance(value, dict) and len(value) == 1 and isinstance(options := next(iter(value.values())), list):
        name = next(iter(value))  # chain: [spectral, unet] fills the first option
        value = {name: {next(iter(inspect.signature(_loaded(where, kind, name)).parameters), "options"): options}}
    name, options = named(where, value)
    cls = _loaded(where, kind, name)
    config = bind(where, cls, options)
    with reported(where):
        cls(**config)
    return Spec(name, getattr(cls, "version", 1), config)


def _check_together(where: str, groups: Mapping[str, tuple[str, ...]], schemes: Mapping[str, Spec], tasks: Mapping[str, TaskEntry]) -> None:
    for scheme, partners in groups.items():
        place = f"{where}: together.{scheme}"
        if scheme not in schemes:
            raise EarmarkError(f"{place}: {unknown('scheme', scheme, schemes)}")
        component: Any = registry.load("schemes", schemes[scheme].name)
        if "front_end" not in component.moves:
            raise EarmarkError(f"{place}: {schemes[scheme].name} trains no front-end; choose joint or sample_importance")
        for task in partners:
            if task not in tasks:
                raise EarmarkError(f"{place}: {unknown('task', task, tasks)}")
            if len(tasks[task].folds) > 1:
                raise EarmarkError(f"{place}: {task} has several folds; only tasks with one can be trained together")


def _task(where: str, label: str, value: Any, raw: Mapping[str, Any]) -> TaskEntry:
    if not isinstance(value, dict | None):
        raise EarmarkError(f"{where}: {value!r} is no task; write a mapping with targets and interferers")
    entry = {"task": label} | {key: own for key, own in (value or {}).items() if own is not None}
    for part in ("train", "score"):
        entry[part] = overlaid(raw.get(part, {}), entry.get(part, {}))
    task = _validated(TaskEntry, entry, f"{where}.")
    cls = _loaded(f"{where}.task", "tasks", task.task)
    if None in task.folds and len(task.folds) > 1:
        raise EarmarkError(f"{where}.folds: null is no fold among others; leave it out")
    for fold in task.folds:
        reference(task.targets, f"{where}.targets", fold)
    if task.interferers is not None:
        reference(task.interferers, f"{where}.interferers")
    return task.model_copy(update={"model": bind(f"{where}.model", cls, task.model, given=1)})


def _validated(model: type[_Strict], value: Any, where: str) -> Any:
    """The value as JSON has it, where '8' and true are no numbers; `where` begins the line that says what is wrong."""
    try:
        return model.model_validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        place, last = where + ".".join(map(str, first["loc"])), first["loc"][-1]
        if first["type"] == "extra_forbidden":
            place = (where + ".".join(map(str, first["loc"][:-1]))).rstrip(".")
            raise EarmarkError(f"{place}: {unknown('key', str(last), _fields(model, first['loc'][:-1]))}") from error
        got = "" if first["type"] == "missing" else f" (it says {first['input']!r})"
        raise EarmarkError(f"{place}: {first['msg'].removeprefix('Value error, ')}{got}; see docs/recipes.md") from error


def _fields(model: Any, parts: tuple[Any, ...]) -> list[str]:
    for part in parts:
        model = model.model_fields[part].annotation
    return list(model.model_fields)


def fast_dev_run(recipe: Recipe) -> Recipe:
    """The same recipe with Lightning's fast_dev_run: one batch of each training, for trying a front-end."""
    return replace(recipe, trainer=recipe.trainer.model_copy(update={"fast_dev_run": True}))
