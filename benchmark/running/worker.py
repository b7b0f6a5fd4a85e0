"""Running one cell: `python -m benchmark.running.worker cell.json` is the unit that any engine can call.

A cell runs in a process of its own with one thread. What it leaves is put into the store; a line of JSON in its work
folder tells how far it is.
"""

import fcntl
import json
import os
import resource
import sys
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import lightning as L
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from benchmark import registry
from benchmark.catalogue import open_corpus
from benchmark.contracts import FRONT_END, Task
from benchmark.costs import measure
from benchmark.data import SceneData, Source
from benchmark.errors import EarmarkError
from benchmark.frontends import build_front_end
from benchmark.planning.cells import IDENTITY, SHELVES
from benchmark.processes import ENDED, Ended, end_on_request, end_with
from benchmark.results.records import PREDICTIONS
from benchmark.running.evaluation import check_any_success, evaluate
from benchmark.running.kept_audio import Listening
from benchmark.settings import Phase, Score, Train, Trainer
from benchmark.store import Store, canonical, full_disk, write_text
from benchmark.training.fit import fit, fit_gain
from benchmark.training.schemes import build_scheme
from benchmark.training.system import System

SECONDS_BETWEEN_REPORTS = 0.5
# from which on a system that only failed so far is given up: a program that hangs would take hours
HOPELESS_SECONDS, HOPELESS_SCENES = 180.0, 3


class Job:
    """A cell with the places it works in."""

    def __init__(self, cell: Mapping[str, Any]) -> None:
        self.config: Mapping[str, Any] = cell["config"]
        self.kind: str = cell["kind"]
        self.shelf = SHELVES[self.kind]
        self.key: str = cell["key"]
        self.label: str = cell["label"]
        self.sources: Mapping[str, str] = cell["sources"]
        self.store = Store(Path(cell["runs"]))
        self.data = None if cell["data"] is None else Path(cell["data"])
        self.cache = Path(cell["cache"])
        self.workers = int(cell["workers"])
        self.trainer = Trainer(**cell["trainer"])
        self.folder = self.store.work(self.key)
        self.started = time.monotonic()
        self._reported = 0.0

    def progress(self, done: int, total: int) -> None:
        """Say how far the cell is, now and then."""
        now = time.monotonic()
        if done == total or now - self._reported > SECONDS_BETWEEN_REPORTS:
            self._reported = now
            write_text(self.folder / "progress.json", json.dumps([done, total]))

    def source(self, references: Mapping[str, Any]) -> Source:
        """The corpora that a cell's configuration names."""
        opened = {}
        for role in ("targets", "interferers"):
            entry = references[role]
            opened[role] = (
                None
                if entry is None
                else open_corpus(entry["name"], entry["options"], self.data, self.cache, entry["path"])
            )
        assert opened["targets"] is not None
        return Source(opened["targets"], opened["interferers"])

    def put(self, manifest: Mapping[str, Any], fill: Any) -> None:
        """Leave what was made in the store."""
        spent = {"seconds": round(time.monotonic() - self.started, 2), "peak_memory_mb": round(_peak_memory_mb(), 1)}
        self.store.put(
            self.shelf,
            self.key,
            {"label": self.label, "config": self.config, "sources": self.sources, **manifest, **spent},
            fill,
        )


def run_cell(cell: Mapping[str, Any]) -> None:
    """Run one cell to its end. Raises EarmarkError for what a user can mend."""
    torch.set_num_threads(1)
    job = Job(cell)
    L.seed_everything(int(job.config.get("seed", 0)), verbose=False)
    try:
        with (job.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # a child of a run that was killed lives on for a second
            if not job.store.exists(job.shelf, job.key):
                (_train if job.kind == "train" else _score)(job)
    except OSError as error:
        raise full_disk(error, job.store.root) from error


def _train(job: Job) -> None:
    config = job.config
    sources = {label: job.source(entry) for label, entry in config["sources"].items()}
    tasks = {label: _task(entry, sources[label]) for label, entry in config["tasks"].items()}
    phase = Phase(**config["phase"], workers=job.workers)
    system = System(_front_end(config["front_end"]), tasks, build_scheme(config["scheme"]), phase, config["seed"])
    for part, key in config["starts"].items():
        load_part(system, part, job.store.get("weights", key) / "model.safetensors")
    train = Train(**config["train"])
    data = SceneData(
        sources, tasks, train, phase, config["seed"], config["level"], config["noisy"], config.get("listeners", False)
    )
    for label, task in tasks.items():
        for mixer in (data.mixers["train"][label], data.mixers["validation"][label]):
            _check_rows(task, label, mixer.targets)
    report = fit(system, data, job.trainer, job.folder, job.progress)
    if not tasks:
        validation = data.val_dataloader().iterables["all"]  # type: ignore[index, call-overload]
        report["gain"] = fit_gain(system, validation)
    # safetensors holds no shared memory, tied weights do
    state = {name: tensor.clone().contiguous() for name, tensor in system.state_dict().items()}

    def fill(folder: Path) -> None:
        save_file(state, folder / "model.safetensors")
        log = job.folder / "metrics.csv"
        if log.is_file():
            (folder / "log.csv").write_bytes(log.read_bytes())

    job.put({"report": report}, fill)


def scored_system(config: Mapping[str, Any], source: Source, store: Store) -> System:
    """The trained front-end and task model that a scoring stands on, on its device."""
    label, keys = config["label"], config["weights"]
    system = System(
        _front_end(IDENTITY._asdict() if config["front_end"] is None else config["front_end"]),
        {label: _task(config["task"], source)},
    )
    for part, key in ((FRONT_END, keys["front_end"]), (label, keys["task"])):
        if key is not None:
            load_part(system, part, store.get("weights", key) / "model.safetensors")
    return system.to(_device(config["accelerator"]))


def _device(accelerator: str) -> torch.device:
    """What Lightning trains on under this flag."""
    here = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    wanted = (
        ("cuda",)
        if accelerator in ("gpu", "cuda")
        else ("mps",)
        if accelerator == "mps"
        else tuple(here)
        if accelerator == "auto"
        else ()
    )
    return torch.device(
        next((name for name in wanted if here[name]), "cpu" if accelerator in ("cpu", "auto") else wanted[0])
    )


def _score(job: Job) -> None:
    config = job.config
    source, label = job.source(config["source"]), config["label"]
    reference = config["front_end"] is None
    system = scored_system(config, source, job.store)
    score = Score(**config["score"])
    if job.trainer.fast_dev_run:
        score = score.model_copy(update={"scenes": 1})
    mixer = source.mixer("test")
    _check_rows(cast(Task, system.tasks[label]), job.label, mixer.targets)
    predictions, listening, hopeless = [], Listening(config["score"]["snr"]), True
    total = min(score.scenes, len(mixer.targets)) * len(score.snr) * len(config.get("listeners", [None]))
    started = time.monotonic()
    for prediction in evaluate(system, label, mixer, score, reference, config.get("listeners"), listen=listening.add):
        predictions.append(prediction)
        job.progress(len(predictions), total)
        hopeless = hopeless and bool(prediction["failed"])
        if hopeless and len(predictions) >= HOPELESS_SCENES and time.monotonic() - started > HOPELESS_SECONDS:
            check_any_success(predictions, job.label, given_up=True)
    check_any_success(predictions, job.label)
    costs = {} if reference else measure(system.front_end.cpu())
    lines = "".join(canonical(prediction) + "\n" for prediction in predictions)

    def fill(folder: Path) -> None:
        write_text(folder / PREDICTIONS, lines)
        listening.write(folder / "audio")

    job.put({"costs": costs}, fill)


def load_part(system: System, part: str, path: Path) -> None:
    """Load one part of a system (FRONT_END, or a task's label) from a file of weights; the front-end brings its
    gain.
    """
    stored = load_file(path)
    if part == FRONT_END:
        wanted = {
            name.removeprefix("front_end."): value for name, value in stored.items() if name.startswith("front_end.")
        }
        system.gain.copy_(stored["gain"])
    else:
        prefix = f"tasks.{part}."
        wanted = {name.removeprefix(prefix): value for name, value in stored.items() if name.startswith(prefix)}
    _load_exactly(system.part(part), wanted, path)


def _load_exactly(module: nn.Module, state: Mapping[str, torch.Tensor], path: Path) -> None:
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        raise EarmarkError(
            f"{path}: these weights do not fit {type(module).__name__}; raise its version, or delete {path.parent}"
        ) from error


def _front_end(spec: Mapping[str, Any]) -> Any:
    return build_front_end({spec["name"]: spec["config"]})


def _task(spec: Mapping[str, Any], source: Source) -> Task:
    return registry.load("tasks", spec["name"])(source.targets.schema, **spec["config"])


def _check_rows(task: Task, label: str, rows: Any) -> None:
    for row in rows:
        try:
            task.check(row)
        except ValueError as error:
            raise EarmarkError(f"{label}: {row['id']}: {error}") from error


def _peak_memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)


def guarded(cell: Mapping[str, Any], error_file: Path) -> None:
    """Run a cell as a child of a run: it ends when the run does, and leaves the reason of a failure in `error_file`."""
    end_on_request()
    end_with(int(cell["run_pid"]))
    try:
        run_cell(cell)
    except Ended:
        os._exit(ENDED)  # the run does, and asks for no reason
    except EarmarkError as error:
        text = str(error)
        write_text(error_file, text if text.startswith(str(cell["label"])) else f"{cell['label']}: {text}")
        os._exit(2)
    except BaseException as error:
        trace = Path(cell["runs"]) / "errors" / f"{cell['key']}.txt"
        write_text(trace, traceback.format_exc())
        write_text(
            error_file,
            f"{cell['label']}: {type(error).__name__}: {' '.join(str(error).split())}; the trace is in {trace}",
        )
        os._exit(1)


def main(arguments: list[str]) -> int:
    """Run the cell that a file describes."""
    if len(arguments) != 1 or arguments[0] in ("-h", "--help"):
        print("usage: python -m benchmark.running.worker cell.json", file=sys.stderr)
        return 2
    try:
        run_cell(json.loads(Path(arguments[0]).read_text(encoding="utf-8")))
    except EarmarkError as error:
        print(f"earmark: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
