"""Recipes: YAML in, validated dataclasses out, with every default filled in.

A recipe may name one `base:`. `train` and `score` are merged into the base's key by key; `front_ends`, `tasks` and `schemes` say which rows there are, and an
entry without a value is the base's own. There is no interpolation and there are no class paths but for a user's own files (`path/to/file.py:Class`).
"""

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from benchmark import registry
from benchmark.contracts import PROTOCOL, Spec
from benchmark.errors import EarmarkError, unknown
from benchmark.options import bind

RECIPES = Path(__file__).resolve().parent.parent / "recipes"
Positive = Annotated[int, Field(gt=0)]
Rate = Annotated[float, Field(gt=0)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


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
    segment: Rate | None = None  # seconds that a scene is cut to; None: whole
    workers: Annotated[int, Field(ge=0)] = 0  # processes that mix scenes; the scenes do not depend on it

    @property
    def epoch(self) -> int:
        """Steps between two validations."""
        return -(-self.steps // self.validations)


class Train(_Strict):
    """How everything is trained. Front-ends are pre-trained, stock task models trained on clean audio, then pairs are adapted from there."""

    snr: tuple[float, float] = (-5, 20)  # dB, drawn uniformly
    level: tuple[float, float] = (55, 75)  # dB SPL of the target, drawn uniformly
    validation_scenes: Positive = 64
    pretrain: Phase = Phase()
    stock: Phase = Phase()
    adapt: Phase = Phase()

    @model_validator(mode="after")
    def _ordered(self) -> "Train":
        for name in ("snr", "level"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name}: write [lowest, highest]")
        return self


class Score(_Strict):
    """What is scored."""

    snr: tuple[float | str, ...] = ("clean", 20, 15, 10, 5, 0, -5)
    scenes: Positive = 60
    level: float = 65.0  # dB SPL of the target, P.56 active level for speech

    @model_validator(mode="after")
    def _known(self) -> "Score":
        wrong = [value for value in self.snr if isinstance(value, str) and value != "clean"]
        if wrong:
            raise ValueError(f"snr: '{wrong[0]}' is neither a number of dB nor 'clean'")
        return self


class TaskEntry(_Strict):
    """One task of a recipe: its component, the corpora it stands on, and what it sets differently."""

    task: str
    targets: Any
    interferers: Any = None
    folds: tuple[str | int, ...] = (None,)  # type: ignore[assignment]  # values of the target corpus's option `fold`; every fold is trained and scored
    model: dict[str, Any] = Field(default_factory=dict)  # options of the task's constructor
    train: Train
    score: Score


class Trainer(_Strict):
    """Flags passed through to lightning.Trainer."""

    accelerator: str = "cpu"
    devices: int | str = 1
    precision: int | str = "32-true"
    strategy: str = "auto"
    fast_dev_run: bool = False


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


class _Loader(yaml.SafeLoader):
    """YAML 1.1 reads 1e-4 as a string and the words yes, no, on and off as truth values; people mean a number, and words, as YAML 1.2 does."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|false)$", re.IGNORECASE), list("tTfF"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"^[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789"))
_KEYS = ("base", "seeds", "front_ends", "tasks", "schemes", "together", "train", "score", "trainer")


def load_recipe(name: str | Path) -> Recipe:
    """Read a recipe: a file, or the name of one in recipes/. Raises EarmarkError that names the key at fault."""
    path = find(name)
    raw = _merged(path)
    where = path.name
    for key in ("front_ends", "tasks", "schemes"):
        if not isinstance(raw.get(key), dict) or not raw[key]:
            raise EarmarkError(f"{where}: {key}: give at least one, as a mapping")
    front_ends = {label: _front_end(f"{where}: front_ends.{label}", label, value) for label, value in raw["front_ends"].items()}
    schemes = {label: _component(f"{where}: schemes.{label}", "schemes", label, value) for label, value in raw["schemes"].items()}
    tasks = {label: _task(where, label, value or {}, raw) for label, value in raw["tasks"].items()}
    together = _together(where, raw.get("together") or {}, schemes, tasks)
    seeds = raw.get("seeds", [1])
    if not isinstance(seeds, list) or not seeds or not all(isinstance(seed, int) for seed in seeds):
        raise EarmarkError(f"{where}: seeds: write a list of whole numbers, such as [1, 2, 3]")
    trainer = _validated(Trainer, raw.get("trainer") or {}, f"{where}: trainer")
    title = next((line.lstrip("# ").strip() for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#")), "")
    train = _validated(Train, raw.get("train") or {}, f"{where}: train")
    return Recipe(path.stem, title, tuple(seeds), front_ends, tasks, schemes, together, train, trainer)


def find(name: str | Path) -> Path:
    """The file of a recipe given by path or by name."""
    given = Path(name)
    if given.suffix in (".yaml", ".yml"):
        if given.is_file():
            return given
        raise EarmarkError(f"no recipe {given}; known: {', '.join(sorted(known()))}")
    if str(name) in known():
        return known()[str(name)]
    raise unknown("recipe", str(name), known())


def known() -> dict[str, Path]:
    """The recipes that come with the suite, by name."""
    return {path.relative_to(RECIPES).with_suffix("").as_posix(): path for path in sorted(RECIPES.rglob("*.yaml"))}


def _merged(path: Path) -> dict[str, Any]:
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # a SafeLoader
    except yaml.YAMLError as error:
        raise EarmarkError(f"{path}: not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(raw, dict):
        raise EarmarkError(f"{path}: a recipe is a mapping with the keys {', '.join(_KEYS)}")
    for key in raw:
        if key not in _KEYS:
            raise EarmarkError(f"{path.name}: {unknown('key', key, _KEYS)}")
    if "base" not in raw:
        return raw
    name = str(raw.pop("base"))
    base_path = next((folder / name for folder in (path.parent, RECIPES) if (folder / name).is_file()), None)
    if base_path is None:
        raise EarmarkError(f"{path.name}: base: {name} is neither beside it nor a recipe of the suite; known: {', '.join(sorted(known()))}")
    base = _merged(base_path)
    for key, value in raw.items():
        if key in ("front_ends", "tasks", "schemes") and isinstance(value, dict):
            own = base.get(key) or {}
            base[key] = {label: _deep(own.get(label), entry) if entry is not None else own.get(label) for label, entry in value.items()}
        else:
            base[key] = _deep(base.get(key), value)
    return base


def _deep(base: Any, value: Any) -> Any:
    if isinstance(base, dict) and isinstance(value, dict):
        return base | {key: _deep(base.get(key), entry) for key, entry in value.items()}
    return value


def _component(where: str, kind: str, label: str, value: Any) -> Spec:
    """`label: {options}` where the label is a registered name, else `label: name` or `label: {name: options}`."""
    if label in registry.names(kind):
        name, options = label, value or {}
    elif isinstance(value, str):
        name, options = value, {}
    elif isinstance(value, dict) and len(value) == 1:
        name, options = next(iter(value.items()))
        options = options or {}
    elif value is None:
        raise EarmarkError(f"{where}: {unknown(kind.rstrip('s').replace('_', '-'), label, registry.names(kind))}")
    else:
        raise EarmarkError(f"{where}: write a registered name, or {{name: options}}")
    cls = registry.load(kind, name)
    if isinstance(options, list):  # chain: [spectral, unet] fills the first option
        options = {next(iter(inspect.signature(cls).parameters)): options}
    if not isinstance(options, dict):
        raise EarmarkError(f"{where}: options are a mapping")
    return Spec(name, getattr(cls, "version", 1), bind(where, cls, options))


def _front_end(where: str, label: str, value: Any) -> Spec:
    if label == "reference":
        raise EarmarkError(f"{where}: 'reference' is the row that the evaluator adds; choose another label")
    return _component(where, "front_ends", label, value)


def _together(where: str, value: Any, schemes: Mapping[str, Spec], tasks: Mapping[str, TaskEntry]) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict):
        raise EarmarkError(f"{where}: together: write a mapping from a scheme to the tasks that train one front-end")
    for scheme, partners in value.items():
        place = f"{where}: together.{scheme}"
        if scheme not in schemes:
            raise EarmarkError(f"{place}: {unknown('scheme', str(scheme), schemes)}")
        component: Any = registry.load("schemes", schemes[scheme].name)
        if "front_end" not in component.moves:
            raise EarmarkError(f"{place}: {schemes[scheme].name} trains no front-end; choose joint or sample_importance")
        if not isinstance(partners, list) or len(set(map(str, partners))) < 2:
            raise EarmarkError(f"{place}: write a list of two or more tasks of this recipe")
        for task in partners:
            if task not in tasks:
                raise EarmarkError(f"{place}: {unknown('task', str(task), tasks)}")
            if len(tasks[task].folds) > 1:
                raise EarmarkError(f"{place}: {task} has several folds; only tasks with one can be trained together")
    return {scheme: tuple(partners) for scheme, partners in value.items()}


def _task(where: str, label: str, value: Any, raw: Mapping[str, Any]) -> TaskEntry:
    where = f"{where}: tasks.{label}"
    if not isinstance(value, dict):
        raise EarmarkError(f"{where}: write a mapping with targets and interferers")
    entry = {"task": label} | value
    for phase in ("train", "score"):
        entry[phase] = _deep(raw.get(phase) or {}, entry.get(phase) or {})
    if entry["task"] not in registry.names("tasks") and ".py:" not in str(entry["task"]):
        raise EarmarkError(f"{where}: {unknown('task', entry['task'], registry.names('tasks'))}")
    task = _validated(TaskEntry, entry, where)
    cls = registry.load("tasks", task.task)
    return task.model_copy(update={"model": bind(f"{where}.model", cls, task.model, given=1)})


def _validated(model: type[_Strict], value: Any, where: str) -> Any:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise EarmarkError(f"{where}: {unknown('key', str(first['loc'][-1]), _fields(model, first['loc'][:-1]))}") from error
        got = "" if first["type"] == "missing" else f" (it says {first['input']!r})"
        raise EarmarkError(f"{where}{'.' if place else ''}{place}: {first['msg'].removeprefix('Value error, ')}{got}; see docs/recipes.md") from error


def _fields(model: Any, parts: tuple[Any, ...]) -> list[str]:
    for part in parts:
        model = model.model_fields[part].annotation
    return list(model.model_fields)


def fast_dev_run(recipe: Recipe) -> Recipe:
    """The same recipe with Lightning's fast_dev_run: one batch of each training, for trying a front-end."""
    return replace(recipe, trainer=recipe.trainer.model_copy(update={"fast_dev_run": True}))
