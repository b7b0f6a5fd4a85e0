"""What a recipe is made of, built once: front-ends, schemes and tasks, how each stands in a cell's identity, and
whether they fit together.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmark import provenance, registry
from benchmark.catalogue import Corpora, reference
from benchmark.contracts import FrontEnd, Task
from benchmark.errors import EarmarkError
from benchmark.frontends import build_front_end, front_ends
from benchmark.hearing.audiograms import Audiogram, audiogram
from benchmark.options import reported
from benchmark.planning.cells import IDENTITY
from benchmark.planning.recipe import Recipe
from benchmark.training.schemes import build_scheme

OFFERED = frozenset({"clean", "labels"})  # by every scene, to front-ends and tasks; a listener where the task needs one


class Components:
    """The components of a recipe by label. Raises EarmarkError where one cannot be built, or needs what no scene
    has.
    """

    def __init__(self, recipe: Recipe, corpora: Corpora) -> None:
        self.recipe = recipe
        self.corpora = corpora
        self.front_ends = {
            label: build_front_end({spec.name: dict(spec.config)}) for label, spec in recipe.front_ends.items()
        }
        self.schemes = {label: build_scheme(spec) for label, spec in recipe.schemes.items()}
        self.task_classes: dict[str, type[Task]] = {
            label: registry.load("tasks", entry.task) for label, entry in recipe.tasks.items()
        }
        self.schemas = {label: self._schema(label) for label in recipe.tasks}
        tasks = {label: self._built(label) for label in recipe.tasks}
        self.has_model = {label: trainable(task) for label, task in tasks.items()}
        self.task_code = {label: provenance.code_of(task, "task") for label, task in tasks.items()}
        self.prescriptions = {
            label: self._prescription(label, task) for label, task in tasks.items() if task.prescription is not None
        }
        for label, prescription in self.prescriptions.items():
            self.task_code[label] |= provenance.code_of(prescription, "front-end")
        self._check_needs()

    def _built(self, label: str) -> Task:
        entry = self.recipe.tasks[label]
        with reported(f"tasks.{label} on {reference(entry.targets, label, entry.folds[0])['name']}"):
            return self.task_classes[label](self.schemas[label], **entry.model)

    def _prescription(self, label: str, task: Task) -> FrontEnd:
        with reported(f"tasks.{label}: prescription"):
            prescription = build_front_end(task.prescription)
        if trainable(prescription) or not prescription.needs <= self.offered(label):
            raise EarmarkError(
                f"tasks.{label}: prescription: {type(prescription).__name__} is none; name one that works untrained, "
                "by the listener alone, as nal_r"
            )
        return prescription

    def _check_needs(self) -> None:
        """EarmarkError where a component needs what no scene has."""
        for label, entry in self.recipe.tasks.items():
            phases = [entry.train.stock, entry.train.adapt] + [self.recipe.train.adapt] * any(
                label in partners for partners in self.recipe.together.values()
            )
            if self.task_classes[label].whole and any(phase.segment for phase in phases):
                raise EarmarkError(
                    f"tasks.{label}.train: segment: the labels of {entry.task} belong to whole recordings; leave it out"
                )
            if missing := sorted(self.task_classes[label].needs - OFFERED - {"listener"}):
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
        """What the scenes of a task have."""
        return OFFERED | (self.task_classes[task].needs & {"listener"})

    def listeners(self, task: str) -> dict[str, Audiogram]:
        """Thresholds by name; the folder of a file of listeners is left out."""
        with reported(f"tasks.{task}.score.listeners"):
            listeners = {Path(name).name: audiogram(name) for name in self.recipe.tasks[task].score.listeners}
        if len(listeners) < len(self.recipe.tasks[task].score.listeners):
            raise EarmarkError(
                f"tasks.{task}.score.listeners: two of them have one name ({', '.join(listeners)}); rename a file of "
                "listeners"
            )
        return listeners

    def task_config(self, label: str) -> dict[str, Any]:
        """A task in a cell's identity."""
        entry = self.recipe.tasks[label]
        config = {"name": entry.task, "version": getattr(self.task_classes[label], "version", 1), "config": entry.model}
        return config | ({"prescribed": self.prescriptions[label].version} if label in self.prescriptions else {})

    def front_end_config(self, label: str | None) -> dict[str, Any]:
        """A front-end in a cell's identity."""
        if label is None:  # stock models are trained behind identity, whether the recipe ranks it or not
            return IDENTITY._asdict()
        parts = front_ends(self.front_ends[label])
        spec = self.recipe.front_ends[label]._asdict()
        return spec | ({"parts": [[type(m).__name__, m.version] for m in parts[1:]]} if len(parts) > 1 else {})

    def front_end_code(self, label: str | None) -> dict[str, str]:
        """Digests of a front-end's code, by class."""
        if label is None:
            return {}
        return provenance.code_of(self.front_ends[label], "front-end")

    def _schema(self, label: str) -> Mapping[str, Any]:
        entry = self.recipe.tasks[label]
        return self.corpora.open(reference(entry.targets, f"tasks.{label}.targets", entry.folds[0])).schema


def trainable(module: Any) -> bool:
    """Whether there is anything to train."""
    return any(parameter.requires_grad for parameter in module.parameters())
