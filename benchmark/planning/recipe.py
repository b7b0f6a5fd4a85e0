"""Recipes: from YAML to validated dataclasses with every default filled in.

A recipe may name one `base:`. Its `train` and `score` are merged into those of the base key by key; its `front_ends`,
`tasks` and `schemes` list the rows, and an entry without a value is taken from the base. There is no interpolation. The
only class paths are those of a user's own files: `path/to/file.py:Class`, relative to the recipe's folder, else to the
current one. Front-ends and schemes are built once here, so that errors show before anything is trained.
"""

import inspect
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError
from torch import nn

from benchmark import registry
from benchmark.catalogue import corpus_spec
from benchmark.contracts import FRONT_END, PROTOCOL, ROLES, Scheme, Spec, Task, TaskModel
from benchmark.errors import EarmarkError, unknown
from benchmark.front_end_description import describe
from benchmark.options import bind, named, reported
from benchmark.planning.recipe_file import find, merged, overlaid, title
from benchmark.settings import Score, Set, Strict, Train, Trainer

MOST_SEEDS = 1000  # more would be planned for minutes, and trained for ever
LABEL = r"\w[\w-]{0,63}"  # ASCII; labels become file names, keys and table cells
TAKEN: Mapping[str, frozenset[str]] = {
    "front_ends": frozenset({"reference"}),  # the row that every plan adds
    # names of other boards, and those that torch allows for no module
    "tasks": frozenset({"overall", "costs", FRONT_END, "all", *dir(nn.ModuleDict())}),
    "schemes": frozenset(),
}
KINDS: Mapping[str, type] = {"tasks": Task, "task_models": TaskModel, "schemes": Scheme}


class TaskEntry(Strict):
    """One task of a recipe: its component and model, its corpora, and its own training and scoring."""

    task: str
    roles: dict[str, Any]  # corpora by role: targets, interferers, …
    # Values of the target corpus's option `fold`; every fold is trained and scored.
    folds: Set[str | int | None] = (None,)
    model: Any = None  # a Spec once the recipe is loaded; None: a signal task
    options: dict[str, Any] = Field(default_factory=dict)  # of the task's constructor
    train: Train
    score: Score


class _Document(Strict):
    """A recipe as it is written, merged with its base."""

    front_ends: dict[str, Any] = Field(min_length=1)
    tasks: dict[str, Any] = Field(min_length=1)
    schemes: dict[str, Any] = Field(min_length=1)
    seeds: Annotated[Set[Annotated[int, Field(ge=0, lt=2**32)]], Field(max_length=MOST_SEEDS)] = (1,)
    together: dict[str, Annotated[Set[str], Field(min_length=2)]] = Field(default_factory=dict)
    train: Train = Train()
    score: Score = Score()
    trainer: Trainer = Trainer()


@dataclass(frozen=True)
class Recipe:
    """A recipe, fully resolved."""

    name: str
    title: str
    seeds: tuple[int, ...]
    front_ends: Mapping[str, Spec]
    tasks: Mapping[str, TaskEntry]
    schemes: Mapping[str, Spec]
    # By scheme: the tasks that train one front-end together.
    together: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    train: Train = field(default_factory=Train)  # for tasks that are trained together
    trainer: Trainer = field(default_factory=Trainer)
    protocol: int = PROTOCOL


def load_recipe(
    name: str | Path, added: Mapping[str, Mapping[str, Any]] | None = None, hidden: Sequence[Path] = ()
) -> Recipe:
    """Read a recipe.

    Args:
        name: of a file, or of a recipe in recipes/
        added: further front-ends, {name: options} by label
        hidden: folders that front-ends from outside cannot read while they are described
    Raises:
        EarmarkError: anything wrong in it; the message names the key
    """
    path = find(name)
    raw, where = merged(path), path.name
    if added:  # a label that is a registered name is followed by options alone
        raw["front_ends"] = {
            **(raw.get("front_ends") or {}),
            **{label: entry.get(label, entry) for label, entry in added.items()},
        }
    document = _validated(_Document, raw, f"{where}: ")
    if not re.fullmatch(LABEL, path.stem, re.ASCII):
        raise EarmarkError(
            f"{where}: a recipe's name becomes a folder; name the file with letters, digits, _ and -, as in "
            "my_recipe.yaml"
        )
    for kind, taken in TAKEN.items():
        for label in getattr(document, kind):
            if kind != "tasks" and label in registry.names(kind) and not re.fullmatch(LABEL, label, re.ASCII):
                raise EarmarkError(
                    f"{where}: {kind}: '{label}' is a component, not a label; write my_label: "
                    f"{{{label}: {{option: value}}}}"
                )
            if not re.fullmatch(LABEL, label, re.ASCII):
                raise EarmarkError(
                    f"{where}: {kind}: '{label}' is not a label; write up to 64 letters, digits, _ and -, as in "
                    f"my_label: {{name: options}}"
                )
            if label in taken:
                raise EarmarkError(
                    f"{where}: {kind}: '{label}' means something else in the suite; choose another label"
                )
    front_ends = {
        label: _component(f"{where}: front_ends.{label}", "front_ends", label, value, hidden)
        for label, value in document.front_ends.items()
    }
    schemes = {
        label: _component(f"{where}: schemes.{label}", "schemes", label, value)
        for label, value in document.schemes.items()
    }
    tasks = {label: _task(f"{where}: tasks.{label}", label, value, raw) for label, value in document.tasks.items()}
    _check_together(where, document.together, schemes, tasks)
    return Recipe(
        path.stem,
        title(path),
        document.seeds,
        front_ends,
        tasks,
        schemes,
        document.together,
        document.train,
        document.trainer,
    )


def _loaded(where: str, kind: str, name: str) -> Any:
    with reported(where):
        cls = registry.load(kind, name)
    if not issubclass(cls, KINDS[kind]):
        raise EarmarkError(f"{where}: {cls.__name__} is not a {KINDS[kind].__name__}; derive it from that class")
    return cls


def _component(where: str, kind: str, label: str, value: Any, hidden: Sequence[Path] = ()) -> Spec:
    """Read `label: {options}` if the label is a registered name, else `label: name` or `label: {name: options}`."""
    if label in registry.names(kind):
        value = {label: value}
    elif value is None:
        value = label  # which is unknown, and reported as such
    if kind == "front_ends":
        return describe(value, hidden, where).spec(next(iter(value)) if isinstance(value, dict) else value)
    name, options = named(where, value)
    cls = _loaded(where, kind, name)
    config = bind(where, cls, options)
    with reported(where):
        cls(**config)
    return Spec(name, getattr(cls, "version", 1), config)


def _check_together(
    where: str, groups: Mapping[str, tuple[str, ...]], schemes: Mapping[str, Spec], tasks: Mapping[str, TaskEntry]
) -> None:
    for scheme, partners in groups.items():
        place = f"{where}: together.{scheme}"
        if scheme not in schemes:
            raise EarmarkError(f"{place}: {unknown('scheme', scheme, schemes)}")
        component: Any = registry.load("schemes", schemes[scheme].name)
        if FRONT_END not in component.moves:
            raise EarmarkError(
                f"{place}: {schemes[scheme].name} trains no front-end; choose joint or sample_importance"
            )
        for task in partners:
            if task not in tasks:
                raise EarmarkError(f"{place}: {unknown('task', task, tasks)}")
            if len(tasks[task].folds) > 1:
                raise EarmarkError(f"{place}: {task} has several folds; only tasks with one can be trained together")


def _task(where: str, label: str, value: Any, raw: Mapping[str, Any]) -> TaskEntry:
    if not isinstance(value, dict | None):
        raise EarmarkError(f"{where}: {value!r} is not a task; write a mapping with targets and interferers")
    given = {"task": label} | {key: own for key, own in (value or {}).items() if own is not None}
    if not isinstance(given["task"], str):
        raise EarmarkError(f"{where}.task: Input should be a valid string (it says {given['task']!r}); name a task")
    cls = _loaded(f"{where}.task", "tasks", given["task"])
    keys = {*TaskEntry.model_fields} - {"roles", "options"}
    entry = {key: own for key, own in given.items() if key in keys and key != "model"}
    entry["roles"] = {role: given[role] for role in ROLES if role in given}
    entry["options"] = {key: own for key, own in given.items() if key not in keys | ROLES.keys()}
    for part in ("train", "score"):
        entry[part] = overlaid(raw.get(part, {}), entry.get(part, {}))
    allowed = [name for name in inspect.signature(cls).parameters if name != "schema"]
    for key in entry["options"]:
        if key not in allowed:
            raise EarmarkError(f"{where}: {unknown('key', key, [*keys, *ROLES, *allowed])}")
    for role, meaning in ROLES.items():
        if meaning.required and role not in given:
            raise EarmarkError(f"{where}.{role}: Field required; see docs/reference/recipe_keys.md")
    task = _validated(TaskEntry, entry, f"{where}.")
    if None in task.folds and len(task.folds) > 1:
        raise EarmarkError(f"{where}.folds: null cannot be one fold among others; leave it out")
    for role in task.roles:
        for fold in task.folds if ROLES[role].folded else (None,):
            corpus_spec(task.roles[role], f"{where}.{role}", fold)
    options = bind(where, cls, task.options, given=1)
    return task.model_copy(update={"options": options, "model": _model(f"{where}.model", cls, given.get("model"))})


def _model(where: str, task: type[Task], value: Any) -> Spec | None:
    """Read `name`, `{name: options}`, or options of the task's default model."""
    if task.model is None:
        if value:
            raise EarmarkError(f"{where}: {task.__name__} measures the audio itself and has no model; leave it out")
        return None
    first = next(iter(value), "") if isinstance(value, dict) else value
    if value is None or (
        isinstance(value, dict) and not (first in registry.names("task_models") or ".py:" in str(first))
    ):
        value = {task.model: value}
    name, options = named(where, value)
    cls = _loaded(where, "task_models", name)
    if cls.answers != task.asks:
        raise EarmarkError(
            f"{where}: {name} answers with {cls.answers}, but {task.__name__} asks for {task.asks}; name another model"
        )
    return Spec(name, cls.version, bind(where, cls, options, given=1))


def _validated(model: type[Strict], value: Any, where: str) -> Any:
    """Validate a value strictly: '8' and true are not numbers. `where` begins the message of an error."""
    try:
        return model.model_validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        place, last = where + ".".join(map(str, first["loc"])), first["loc"][-1]
        if first["type"] == "extra_forbidden":
            place = (where + ".".join(map(str, first["loc"][:-1]))).rstrip(".")
            raise EarmarkError(f"{place}: {unknown('key', str(last), _fields(model, first['loc'][:-1]))}") from error
        got = "" if first["type"] == "missing" else f" (it says {first['input']!r})"
        raise EarmarkError(
            f"{place}: {first['msg'].removeprefix('Value error, ')}{got}; see docs/reference/recipe_keys.md"
        ) from error


def _fields(model: Any, keys: tuple[Any, ...]) -> list[str]:
    for key in keys:
        model = model.model_fields[key].annotation
    return list(model.model_fields)


def fast_dev_run(recipe: Recipe) -> Recipe:
    """The recipe with Lightning's fast_dev_run, which runs one batch of each training: for trying a front-end."""
    return replace(recipe, trainer=recipe.trainer.model_copy(update={"fast_dev_run": True}))
