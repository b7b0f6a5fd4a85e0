"""Run one cell: `python -m benchmark.running.worker cell.json` is what any engine can call.

A cell runs in its own process with one thread. Its result goes into the store. A line of JSON in its work folder tells
how far it is; if it fails, a line of text in the store's folder errors/ tells why.
"""

import fcntl
import json
import os
import resource
import shutil
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import lightning as L
import torch

from benchmark.contracts import FRONT_END, Task
from benchmark.data import SceneData, collate
from benchmark.errors import EarmarkError, printable
from benchmark.front_end_description import foreign, paths_in
from benchmark.planning.cells import Enhancing, Job, Measuring, Scoring, Training, read_job, to_json
from benchmark.processes import ENDED, Ended
from benchmark.results.manifests import read_manifest
from benchmark.results.records import PREDICTIONS
from benchmark.running import systems
from benchmark.running.enhanced_audio import AUDIO, INDEX, EnhancedAudio, writing
from benchmark.running.evaluation import (
    Hear,
    check_any_success,
    clean,
    count_heard,
    evaluate,
    heard_scenes,
    stored,
)
from benchmark.running.front_end_process import FrontEndProcess
from benchmark.running.kept_audio import KeptAudio
from benchmark.sandbox import Confinement, SandboxedProcess
from benchmark.sandbox.process import Answer, Handler
from benchmark.scenes import Mixer
from benchmark.settings import ScoredScenes
from benchmark.store import Store, canonical, full_disk, write_text
from benchmark.training.fit import fit, fit_gain
from benchmark.training.schemes import build_scheme
from benchmark.training.system import System

PARTS = "parts"  # the folder of trained parts in a work folder
REPORTED = ("front_end", "task", "audio_seconds")  # of a training: updates, and what was heard
SECONDS_BETWEEN_REPORTS = 0.5
# A front-end that has failed on all scenes so far is given up after this: one that hangs would take hours.
HOPELESS_SECONDS, HOPELESS_SCENES = 180.0, 3


class RunningJob:
    """A job that runs: its store, its work folder and its progress."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.cell = job.cell
        self.label = job.cell.label
        self.store = Store(job.workspace.runs)
        self.folder = self.store.work(job.key)
        self.started = time.monotonic()
        self._reported = 0.0

    def progress(self, done: int, total: int) -> None:
        """Write how far the cell is, but not too often."""
        now = time.monotonic()
        if done == total or now - self._reported > SECONDS_BETWEEN_REPORTS:
            self._reported = now
            write_text(self.folder / "progress.json", json.dumps([done, total]))

    def put(self, manifest: Mapping[str, Any], fill: Callable[[Path], None]) -> None:
        """Put the result into the store: a manifest, and the files that `fill` writes."""
        spent = {
            "seconds": round(time.monotonic() - self.started, 2),
            "peak_memory_mb": round(_peak_memory_mb(), 1),
        }
        described = {"label": self.label, "work": to_json(self.cell.work), "code": dict(self.cell.code)}
        self.store.put(self.cell.shelf, self.job.key, {**described, **manifest, **spent}, fill)

    def scenes(self, scenes: ScoredScenes) -> ScoredScenes:
        """The test scenes; a single one in a fast_dev_run."""
        return scenes.model_copy(update={"scenes": 1}) if self.job.trainer.fast_dev_run else scenes


def run_cell(job: Job) -> None:
    """Run one cell to its end. Raises EarmarkError for what the user can fix."""
    torch.set_num_threads(1)
    run = RunningJob(job)
    work = job.cell.work
    L.seed_everything(work.seed if isinstance(work, Training) else 0, verbose=False)
    try:
        with (run.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # a child of a killed run may live on for a second
            if run.store.exists(job.cell.shelf, job.key):
                return
            if isinstance(work, Training):
                _train(run, work)
            elif isinstance(work, Measuring):
                _measure(run, work)
            elif isinstance(work, Enhancing):
                _enhance(run, work)
            else:
                _score(run, work)
    except OSError as error:
        raise full_disk(error, run.store.root) from error


def _train(run: RunningJob, work: Training) -> None:
    """Train here, or, where code from outside takes part, in a process that can write nowhere else."""
    apart = foreign(work.front_end.name, work.front_end.config)
    report = _trained_apart(run, work) if apart else train(run)

    def fill(folder: Path) -> None:
        for part in (run.folder / PARTS).iterdir():
            part.replace(folder / part.name)
        log = run.folder / "metrics.csv"
        if log.is_file():
            (folder / "log.csv").write_bytes(log.read_bytes())

    run.put({"report": report}, fill)


def _trained_apart(run: RunningJob, work: Training) -> dict[str, Any]:
    workspace = run.job.workspace
    corpora = [corpus.path for source in work.sources.values() for corpus in source.values() if corpus.path]
    folders = [run.store.get("weights", key) for key in work.starts.values()]
    starts = [str(path) for folder in folders for path in folder.iterdir()]
    named = paths_in(work.front_end.name, work.front_end.config)
    confinement = Confinement(
        readable=(os.getcwd(), *named, *corpora, *starts, *map(str, filter(None, (workspace.data, workspace.cache)))),
        writable=(str(run.folder), "/dev/shm"),
        hidden=(str(workspace.runs), str(workspace.boards)),
        memory_gib=None,
    )
    run.job.write(run.folder / "cell.json")
    argument = {"job": str(run.folder / "cell.json")}
    with SandboxedProcess(
        "benchmark.running.worker:serve_training", argument, confinement, work.front_end.name
    ) as process:
        report = dict(process.ask({}).values)
    parts = {path.name for path in (run.folder / PARTS).glob("*")}
    known = {f"{part}.safetensors" for part in (FRONT_END, *work.tasks, *work.others)}
    if not all(isinstance(report.get(name), int | float) for name in REPORTED):
        raise EarmarkError(f"{run.label}: its process answered with no report")
    if not parts or not parts <= known:
        raise EarmarkError(f"{run.label}: its process left {', '.join(sorted(parts)) or 'nothing'}, and no parts of it")
    return report


def serve_training(job: str) -> Handler:
    """In a process of its own: train on request."""
    return lambda request, arrays: Answer(train(RunningJob(read_job(Path(job)))))


def train(run: RunningJob) -> dict[str, Any]:
    """Train the cell of a job, and leave its parts in the work folder, one file each; return the report."""
    work = run.cell.work
    assert isinstance(work, Training)
    torch.set_num_threads(1)
    L.seed_everything(work.seed, verbose=False)
    sources = {label: systems.open_source(source, run.job.workspace) for label, source in work.sources.items()}
    built = {label: systems.build_task(spec, sources[label]) for label, spec in work.tasks.items()}
    tasks = {label: task for label, (task, _) in built.items()}
    phase = work.phase.model_copy(update={"workers": run.cell.workers})
    system = System(
        systems.front_end_of(work.front_end),
        {label: model for label, (_, model) in built.items()},
        build_scheme(work.scheme),
        phase,
        work.seed,
        {name: systems.build_part(spec) for name, spec in work.others.items()},
    )
    for part, key in work.starts.items():
        systems.load_part(system, part, run.store.get("weights", key))
    data = SceneData(
        sources,
        tasks,
        work.mixing,
        phase,
        work.seed,
        work.validation_level,
        work.noisy,
        work.listeners,
    )
    for label, task in tasks.items():
        for split in ("train", "validation"):
            _check_rows(task, label, data.mixers[split][label])
    report = fit(system, data, run.job.trainer, run.folder, run.progress)
    if not tasks and FRONT_END in system.moved:
        validation = data.val_dataloader().iterables["all"]  # type: ignore[index, call-overload]
        report["gain"] = fit_gain(system, validation)
    shutil.rmtree(run.folder / PARTS, ignore_errors=True)
    (run.folder / PARTS).mkdir()
    systems.save_parts(system, system.moved, run.folder / PARTS)
    return report


def _measure(run: RunningJob, work: Measuring) -> None:
    with FrontEndProcess(work, run.job.workspace) as process:
        costs = process.costs()
    run.put({"costs": costs}, lambda folder: None)


def _enhance(run: RunningJob, work: Enhancing) -> None:
    source = systems.open_source(work.source, run.job.workspace)
    mixer, scenes = source.mixer("test"), run.scenes(work.scenes)
    total = count_heard(mixer, scenes, work.listeners)
    reasons: list[str | None] = []
    started = time.monotonic()
    folders = [corpus.root for corpus in source.roles.values()]
    with writing(run.folder) as writer, FrontEndProcess(work, run.job.workspace, folders) as process:
        for mixture, listener in heard_scenes(mixer, scenes, work.listeners):
            output = process.hear(collate([mixture], None))
            writer.add(mixture.scene.id, listener, output)
            reasons.append(output.failed)
            run.progress(len(reasons), total)
            late = len(reasons) >= HOPELESS_SCENES and time.monotonic() - started > HOPELESS_SECONDS
            if late and all(reasons):
                check_any_success(reasons, run.label, given_up=True)
    check_any_success(reasons, run.label)

    def fill(folder: Path) -> None:
        for name in (AUDIO, INDEX):
            (run.folder / name).replace(folder / name)

    run.put({}, fill)


def _score(run: RunningJob, work: Scoring) -> None:
    source = systems.open_source(work.source, run.job.workspace)
    system = systems.model_of(work, source, run.store)
    mixer, scenes = source.mixer("test"), run.scenes(work.scenes)
    _check_rows(system.tasks[work.label], run.label, mixer)
    hear: Hear = clean
    behind: dict[str, Any] = {}
    if work.enhanced is not None:
        hear = stored(EnhancedAudio(run.store.get("enhanced", work.enhanced)), not work.prescribed)
        behind = read_manifest(run.store, "enhanced", work.enhanced)
    kept = KeptAudio(work.scenes.snr)
    total = count_heard(mixer, scenes, work.listeners)
    predictions = []
    for prediction in evaluate(system, work.label, mixer, scenes, hear, work.listeners, keep=kept.add):
        predictions.append(prediction)
        run.progress(len(predictions), total)
    lines = "".join(canonical(prediction) + "\n" for prediction in predictions)

    def fill(folder: Path) -> None:
        write_text(folder / PREDICTIONS, lines)
        kept.write(folder / "audio")

    # The enhanced audio may be deleted once it is scored; what it was made by is kept here.
    kept_of = {name: behind[name] for name in ("label", "seconds", "peak_memory_mb", "work", "code") if name in behind}
    run.put({"enhanced": kept_of}, fill)


def _check_rows(task: Task, label: str, mixer: Mixer) -> None:
    for row in mixer.targets:
        try:
            task.check(row)
        except ValueError as error:
            raise EarmarkError(f"{label}: {row['id']}: {error}") from error


def _peak_memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)


def reason_file(store: Store, key: str) -> Path:
    """The file in which a failed cell says why, in one line."""
    return store.root / "errors" / f"{key}.reason"


def run_reported(job: Job) -> int:
    """Run a job; if it fails, write why. Return the exit status: 0, 2 for what the user can fix, 1 for all else."""
    store = Store(job.workspace.runs)
    try:
        run_cell(job)
    except Ended:
        return ENDED  # the run itself was ended, and needs no reason
    except EarmarkError as error:
        text = str(error)
        _tell(reason_file(store, job.key), text if text.startswith(job.cell.label) else f"{job.cell.label}: {text}")
        return 2
    except BaseException as error:
        trace = store.root / "errors" / f"{job.key}.txt"
        _tell(trace, traceback.format_exc())
        what = printable(error)
        reason = f"{job.cell.label}: {type(error).__name__}: {what}; the trace is in {trace}"
        _tell(reason_file(store, job.key), reason)
        return 1
    return 0


def _tell(path: Path, text: str) -> None:
    """Write why a cell failed, or print it where the disk is full."""
    try:
        write_text(path, text)
    except EarmarkError:
        print(f"earmark: {text}", file=sys.stderr)


def run_file(path: Path) -> tuple[int, str]:
    """Run the job of a cell.json; the exit status of `run_reported`, and the reason of a failure."""
    try:
        job = read_job(path)
    except EarmarkError as error:
        folder = path.resolve().parent  # runs/work/<key>, where a run puts it
        if folder.parent.name == "work":
            _tell(reason_file(Store(folder.parents[1]), folder.name), str(error))
        return 2, str(error)
    status = run_reported(job)
    file = reason_file(Store(job.workspace.runs), job.key)
    return status, file.read_text(encoding="utf-8") if status and file.is_file() else ""


def main(arguments: list[str]) -> int:
    """Run the cell in a file; the exit status is that of `run_reported`."""
    if len(arguments) != 1 or arguments[0] in ("-h", "--help"):
        print("usage: python -m benchmark.running.worker cell.json", file=sys.stderr)
        return 2
    status, reason = run_file(Path(arguments[0]))
    if reason:
        print(f"earmark: {reason}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
