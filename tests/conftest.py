"""One thread for every test, as in a cell, and fixtures over the toys."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, settings
from toys import CLASSES, Bands, BandsModel, Hiss, Tones, bands

from benchmark.contracts import Batch, Scheme, Task
from benchmark.data import Source, collate
from benchmark.training.system import System

torch.set_num_threads(1)
# a neighbour at work is no failure
settings.register_profile("busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy machine")


LONG = (
    "test_submit.py",
    "test_run.py",
    "test_one_file_each.py",
    "test_docs.py",
)  # they start processes, which import all anew


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first: a long one that begins last would keep one worker waiting for the other."""
    items.sort(key=lambda item: item.path.name not in LONG)


def pytest_runtest_teardown() -> None:
    """Remove SpeechBrain's lazy modules.

    They import themselves when Hypothesis inspects all modules, and fail where an optional package is missing.
    """
    for name, module in list(sys.modules.items()):
        if type(module).__module__ == "speechbrain.utils.importutils":
            del sys.modules[name]


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    root = tmp_path_factory.mktemp("toys")
    tones = Tones(root / "Tones")
    tones.prepare()
    return Source({"targets": tones, "interferers": Hiss(root / "Hiss")})


@pytest.fixture(scope="session")
def batch(source: Source) -> Batch:
    mixer = source.mixer("train")
    return collate([mixer.draw((0, i), (-5, 5), (60, 70), None) for i in range(6)], Bands({"classes": CLASSES}))


@pytest.fixture
def model() -> BandsModel:
    torch.manual_seed(0)
    return bands()


@pytest.fixture
def task(model: BandsModel) -> Task:
    """The task of the toy model."""
    assert model.task is not None
    return model.task


@pytest.fixture
def step() -> Callable[[System, Scheme, Mapping[str, Batch]], list[frozenset[str]]]:
    """One step of a scheme in bare PyTorch, as System.training_step does it with Lightning; what each update moved."""

    def run(system: System, scheme: Scheme, batches: Mapping[str, Batch]) -> list[frozenset[str]]:
        moved = []
        for update in scheme.updates(system, batches, 0):
            parameters = [p for name in update.moves for p in system.part(name).parameters()]
            gradients = torch.autograd.grad(update.loss, parameters, allow_unused=True)
            with torch.no_grad():
                for parameter, gradient in zip(parameters, gradients, strict=True):
                    if gradient is not None:
                        parameter -= 0.01 * gradient
            moved.append(update.moves)
        return moved

    return run


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to run recipes in, with a cache of its own."""
    monkeypatch.setenv("EARMARK_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path
