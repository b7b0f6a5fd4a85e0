"""Build what cells specify: corpora, tasks, task models, front-ends, and systems with their weights."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from benchmark import registry
from benchmark.catalogue import open_corpus
from benchmark.contracts import MODEL, FrontEnd, SignalTask, Spec, Task, TaskModel
from benchmark.data import Source
from benchmark.enhancer import Enhancer
from benchmark.errors import EarmarkError
from benchmark.frontends import build_front_end
from benchmark.planning import cells
from benchmark.planning.cells import Enhancing, Scoring, TaskSpec
from benchmark.store import Store, Workspace
from benchmark.training.system import System


def open_source(source: cells.SourceContent, workspace: Workspace) -> Source:
    """Open the corpora that a cell names, by role."""
    return Source(
        {
            role: open_corpus(corpus.name, corpus.options, workspace.data, workspace.cache, corpus.path)
            for role, corpus in source.items()
        }
    )


def build_task(spec: TaskSpec, source: Source) -> tuple[Task, TaskModel]:
    """Build a task for its target corpus, and its model; a signal task is its own."""
    task: Task = registry.load("tasks", spec.task.name)(source.targets.schema, **spec.task.config)
    if isinstance(task, SignalTask):
        return task, task
    assert spec.model is not None
    return task, registry.load("task_models", spec.model.name)(task, **spec.model.config)


def build_part(spec: Spec) -> nn.Module:
    """Build a further part of a system, from a class in a file of its own."""
    if ".py:" not in spec.name:
        raise EarmarkError(
            f'part {spec.name}: name it path/to/file.py:Class, as f"{{__file__}}:Judge" in the scheme\'s file'
        )
    return registry.load("parts", spec.name)(**spec.config)  # type: ignore[no-any-return]


def front_end_of(spec: Spec) -> FrontEnd:
    """Build a front-end."""
    return build_front_end({spec.name: spec.config})


def enhancer_of(work: Enhancing, store: Store) -> Enhancer:
    """Build the front-end of an enhancing with its weights, on its device."""
    system = System(front_end_of(work.front_end), {})
    _load_parts(system, work.weights, store)
    return system.enhancer.to(device_of(work.accelerator)).eval()


def model_of(work: Scoring, source: Source, store: Store) -> System:
    """Build the task model of a scoring with its weights, without a front-end, on its device."""
    _, model = build_task(work.task, source)
    system = System(front_end_of(cells.IDENTITY), {work.label: model}, prescribed=work.prescribed)
    _load_parts(system, work.weights, store, work.label)
    return system.to(device_of(work.accelerator)).eval()


def scored_system(enhancing: Enhancing | None, scoring: Scoring, source: Source, store: Store) -> System:
    """Build the front-end and the task model of a row with their weights; without an enhancing, behind identity."""
    _, model = build_task(scoring.task, source)
    front_end = front_end_of(cells.IDENTITY if enhancing is None else enhancing.front_end)
    system = System(front_end, {scoring.label: model}, prescribed=scoring.prescribed)
    weights = {**({} if enhancing is None else enhancing.weights), **scoring.weights}
    _load_parts(system, weights, store, scoring.label)
    return system.to(device_of(scoring.accelerator)).eval()


def save_parts(system: System, parts: Mapping[str, str] | list[str], folder: Path) -> None:
    """Write the weights of these parts, each into a file <part>.safetensors."""
    for part in parts:
        # Tied weights share memory, which safetensors refuses.
        state = {name: tensor.clone().contiguous() for name, tensor in system.part(part).state_dict().items()}
        save_file(state, folder / f"{part}.safetensors")


def _load_parts(system: System, weights: Mapping[str, str], store: Store, label: str = "") -> None:
    """Load each part's weights from the training of its key; MODEL is the part called `label`."""
    for part, key in weights.items():
        load_part(system, label if part == MODEL else part, store.get("weights", key))


def load_part(system: System, part: str, folder: Path) -> None:
    """Load a part's weights from the folder that a training left."""
    load_weights(system.part(part), folder / f"{part}.safetensors")


def load_weights(module: nn.Module, path: Path) -> None:
    """Load a module's weights from a file. Raises EarmarkError where they do not fit."""
    try:
        module.load_state_dict(load_file(path))
    except RuntimeError as error:
        name = type(module.front_end).__name__ if isinstance(module, Enhancer) else type(module).__name__
        raise EarmarkError(
            f"{path}: these weights do not fit {name}; raise its version, or delete {path.parent}"
        ) from error


def device_of(accelerator: str) -> torch.device:
    """The device that Lightning uses with this flag."""
    here = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if accelerator == "auto":
        return torch.device(next((name for name, there in here.items() if there), "cpu"))
    return torch.device({"gpu": "cuda"}.get(accelerator, accelerator))
