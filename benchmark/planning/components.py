"""The components of a recipe, built once: how cells specify them, and whether they fit together."""

from pathlib import Path
from typing import Any

from benchmark import provenance, registry
from benchmark.catalogue import Corpora, CorpusSpec, corpus_spec
from benchmark.contracts import ROLES, FrontEnd, SignalTask, Spec, Task, TaskModel
from benchmark.errors import EarmarkError
from benchmark.front_end_description import describe
from benchmark.frontends import build_front_end, front_ends
from benchmark.hearing.audiograms import Audiogram, audiogram
from benchmark.options import reported
from benchmark.planning.cells import IDENTITY, TaskSpec
from benchmark.planning.recipe import Recipe, TaskEntry
from benchmark.training.schemes import build_scheme

OFFERED = frozenset({"clean", "labels"})  # by the scenes of every task; a listener only where the task needs one


class Components:
    """The components of a recipe, by label. Raises EarmarkError where one cannot be built or lacks what it needs."""

    def __init__(self, recipe: Recipe, corpora: Corpora) -> None:
        self.recipe = recipe
        self.corpora = corpora
        hidden = [path for path in (corpora.data, corpora.cache) if path is not None]
        self.front_ends = {
            label: describe({spec.name: dict(spec.config)}, hidden) for label, spec in recipe.front_ends.items()
        }
        self.schemes = {label: build_scheme(spec) for label, spec in recipe.schemes.items()}
        self.tasks = {label: self._task(label, entry) for label, entry in recipe.tasks.items()}
        self.models = {label: self._model(label, entry) for label, entry in recipe.tasks.items()}
        self.schemas = {label: task.schema for label, task in self.tasks.items()}
        self.prescriptions = {
            label: self._prescription(label, task)
            for label, task in self.tasks.items()
            if task.prescription is not None
        }
        self._check_needs()
        # Of every task once: a digest takes a tenth of a second, and many cells share it.
        self._task_code = {label: self._code_of_task(label) for label in self.tasks}

    def _task(self, label: str, entry: TaskEntry) -> Task:
        first = roles_of(entry, label, entry.folds[0])["targets"]
        with reported(f"tasks.{label} on {first.name}"):
            task: Task = registry.load("tasks", entry.task)(self.corpora.open(first).schema, **entry.options)
        return task

    def _model(self, label: str, entry: TaskEntry) -> TaskModel:
        task = self.tasks[label]
        if isinstance(task, SignalTask):
            return task
        with reported(f"tasks.{label}.model"):
            model: TaskModel = registry.load("task_models", entry.model.name)(task, **entry.model.config)
        return model

    def _prescription(self, label: str, task: Task) -> FrontEnd:
        with reported(f"tasks.{label}: prescription"):
            prescription = build_front_end(task.prescription)
        if trainable(prescription) or not prescription.needs <= self.offered(label):
            raise EarmarkError(
                f"tasks.{label}: prescription: {type(prescription).__name__} cannot be one; name a front-end that "
                "works untrained, from the listener alone, as nal_r"
            )
        return prescription

    def _check_needs(self) -> None:
        """Raise EarmarkError where a component needs what no scene has, or a corpus cannot have its role."""
        for label, entry in self.recipe.tasks.items():
            for role, corpus in roles_of(entry, label, entry.folds[0]).items():
                kinds, kind = ROLES[role].kinds, self.corpora.open(corpus).kind
                if kinds is not None and kind not in kinds:
                    wanted = " or ".join(sorted(kinds))
                    raise EarmarkError(f"tasks.{label}.{role}: {corpus.name} is of kind {kind}; name one of {wanted}")
            phases = [entry.train.stock, entry.train.adapt] + [self.recipe.train.adapt] * any(
                label in partners for partners in self.recipe.together.values()
            )
            if self.tasks[label].whole and any(phase.segment for phase in phases):
                raise EarmarkError(
                    f"tasks.{label}.train: segment: the labels of {entry.task} belong to whole recordings; leave it out"
                )
            if missing := sorted(self.tasks[label].needs - OFFERED - {"listener"}):
                raise EarmarkError(
                    f"tasks.{label}: it needs {', '.join(missing)}, which scenes do not have; leave it out"
                )
        for name, front_end in self.front_ends.items():
            if not any(front_end.needs <= self.offered(label) for label in self.recipe.tasks):
                missing = sorted(front_end.needs - frozenset().union(*map(self.offered, self.recipe.tasks)))
                raise EarmarkError(
                    f"front_ends.{name}: it needs {', '.join(missing)}, which no task of this recipe has; add "
                    "hearing_loss, or leave it out"
                )

    def offered(self, task: str) -> frozenset[str]:
        """What the scenes of a task have to offer."""
        return OFFERED | (self.tasks[task].needs & {"listener"})

    def listeners(self, task: str) -> dict[str, Audiogram]:
        """Thresholds by the listener's name. Of a file of listeners the name keeps the file, not its folder."""
        with reported(f"tasks.{task}.score.listeners"):
            # floats, as JSON gives them back: a cell that is read again has the same key
            listeners = {
                Path(name).name: tuple(map(float, audiogram(name))) for name in self.recipe.tasks[task].score.listeners
            }
        if spaced := [name for name in listeners if len(name.split()) != 1]:
            raise EarmarkError(
                f"tasks.{task}.score.listeners: '{spaced[0]}' holds a space, which parts the words of a condition; "
                "rename the file, or the listener"
            )
        if len(listeners) < len(self.recipe.tasks[task].score.listeners):
            raise EarmarkError(
                f"tasks.{task}.score.listeners: two of them share a name ({', '.join(listeners)}); rename a file of "
                "listeners"
            )
        return listeners

    # How cells specify them.

    def task_spec(self, label: str) -> TaskSpec:
        """A task with its model and prescription."""
        entry = self.recipe.tasks[label]
        prescription = None
        if label in self.prescriptions:
            built = self.prescriptions[label]
            members = tuple((type(member).__name__, member.version) for member in front_ends(built)[1:])
            prescription = Spec(type(built).__name__, built.version, members=members)
        task = self.tasks[label]
        measured = tuple((type(metric).__name__, metric.version) for metric in getattr(task, "metrics", ()))
        return TaskSpec(Spec(entry.task, type(task).version, entry.options, measured), entry.model, prescription)

    def front_end_spec(self, label: str | None) -> Spec:
        """A front-end; None: identity, behind which stock models are trained even where the recipe has no such row."""
        if label is None:
            return IDENTITY
        return self.front_ends[label].spec(self.recipe.front_ends[label].name)

    def front_end_code(self, label: str | None) -> dict[str, str]:
        """The digests of a front-end's code, by class."""
        return {} if label is None else dict(self.front_ends[label].code)

    def task_code(self, label: str) -> dict[str, str]:
        """The digests of the code of a task, its model and its prescription, by class."""
        return dict(self._task_code[label])

    def _code_of_task(self, label: str) -> dict[str, str]:
        code = {f"task {type(self.tasks[label]).__name__}": provenance.source_digest(type(self.tasks[label]))}
        code |= provenance.code_of(self.models[label], "task model")
        if label in self.prescriptions:
            code |= provenance.code_of(self.prescriptions[label], "front-end")
        return code


def roles_of(entry: TaskEntry, label: str, fold: Any = None) -> dict[str, CorpusSpec]:
    """The corpora of a task by role, in the order of ROLES."""
    return {
        role: corpus_spec(entry.roles[role], f"tasks.{label}.{role}", fold if meaning.folded else None)
        for role, meaning in ROLES.items()
        if role in entry.roles
    }


def trainable(module: Any) -> bool:
    """Whether there is anything to train."""
    return any(parameter.requires_grad for parameter in module.parameters())
