"""Running a plan on this machine: what is missing, each cell in a process of its own, some beside each other; then the
boards.
"""

import dataclasses
import json
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from benchmark import registry
from benchmark.catalogue import Corpora
from benchmark.errors import EarmarkError
from benchmark.planning.cells import Cell, Plan
from benchmark.planning.planner import make_plan
from benchmark.planning.recipe import Recipe
from benchmark.processes import stop
from benchmark.results.summaries import is_baseline, kept_summaries, summarise, write_boards
from benchmark.running.progress import Display
from benchmark.running.timings import Timings
from benchmark.store import Store

# Of cells: one thread; and freed memory is used again by the same cell, where glibc would give it back and get it anew
# at every step of a training.
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "MALLOC_MMAP_THRESHOLD_": str(1 << 30), "MALLOC_TRIM_THRESHOLD_": str(1 << 30)}


@dataclass(frozen=True)
class Places:
    """Where a run reads and writes."""

    data: Path | None
    cache: Path
    runs: Path
    boards: Path  # the folder of one recipe's leaderboard


def run(recipe: Recipe, places: Places, jobs: int, accept_changed_code: bool = False) -> list[Path]:
    """Run what is missing of a recipe and rebuild its boards; the files written. Finished cells are kept whatever
    happens.
    """
    if recipe.trainer.fast_dev_run:
        with tempfile.TemporaryDirectory() as scratch:
            _fast_dev_run(recipe, dataclasses.replace(places, runs=Path(scratch)), jobs)
        return []
    store = Store(places.runs)
    with store.locked():
        plan = make_plan(recipe, Corpora(places.data, places.cache))
        check_code(plan, store, accept_changed_code)
        if not any(is_baseline(plan, row) for row in plan.rows):
            print(
                f"earmark: {recipe.name} has no row identity under noisy, so its boards compare nothing and "
                "overall.csv stays empty",
                file=sys.stderr,
            )
        failures = run_cells(plan, missing_cells(plan, store), store, places, jobs)
        written = publish(plan, store, places.boards)
    if failures:
        raise EarmarkError("\nearmark: ".join(failures))
    return written


def missing_cells(plan: Plan, store: Store) -> list[Cell]:
    """The cells of a plan that were not run yet."""
    return [cell for cell in plan.cells.values() if not store.exists(cell.shelf, cell.key)]


def publish(plan: Plan, store: Store, boards: Path, only: str | None = None) -> list[Path]:
    """Write the summaries of a plan's finished rows, and the boards; the files written.

    Args:
        only: the front-end that the plan is about; the rows of others stay on the boards as they are
    """
    summaries = summarise(plan, store, boards)
    for task, reason in {
        summary["task"]: summary["excluded"][0]["reason"] for summary in summaries if not _any_left(summary)
    }.items():
        print(f"earmark: {task}: no scene could be scored, so its board is empty; the first: {reason}", file=sys.stderr)
    return write_boards(summaries + kept_summaries(plan, boards, only), boards) if summaries else []


def _any_left(summary: Mapping[str, Any]) -> bool:
    return not summary["excluded"] or len(summary["excluded"]) < len(summary["scenes"]) * len(summary["conditions"])


def _fast_dev_run(recipe: Recipe, places: Places, jobs: int) -> None:
    """One batch of every training and one scene of every scoring, in a folder that goes away: no weights, no record, no
    board.
    """
    plan = make_plan(recipe, Corpora(places.data, places.cache))
    failures = run_cells(plan, list(plan.cells.values()), Store(places.runs), places, jobs)
    if failures:
        raise EarmarkError("\nearmark: ".join(failures))


def check_code(plan: Plan, store: Store, accept: bool) -> None:
    """EarmarkError where a component's code changed under an unchanged version since a cell was run: its numbers may no
    longer be this code's.
    """
    for cell in plan.cells.values():
        if accept or not store.exists(cell.shelf, cell.key):
            continue
        before = store.manifest(cell.shelf, cell.key)["sources"]
        for component, now in cell.sources.items():
            if before.get(component, now) != now:
                raise EarmarkError(
                    f"{component}: its code changed but its version did not, and {store.root} holds results of the old "
                    "code; "
                    "raise `version` in the class, or say --accept-changed-code where the numbers cannot differ"
                )


def run_cells(plan: Plan, cells: list[Cell], store: Store, places: Places, jobs: int) -> list[str]:
    """Run cells, at most `jobs` beside each other, each after those it needs; the reasons of those that failed. Others
    go on.
    """
    if not cells:
        return []
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_imported_once(plan))
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the server too, and would find it importing
    forkserver.ensure_running()
    signal.signal(signal.SIGINT, before)
    waiting = {cell.key: cell for cell in cells}
    running: dict[int, tuple[Any, Cell, float]] = {}
    failed: dict[str, str] = {}
    errors = Path(tempfile.mkdtemp(prefix="earmark-"))
    display = Display(Timings(plan.recipe.name, store, places.boards).expected(cells), jobs)
    try:
        with display:
            while waiting or running:
                for cell in _ready(waiting, running, failed, store)[: jobs - len(running)]:
                    process = context.Process(target=_child, args=(_job(cell, plan, places), str(errors / cell.key)))
                    process.start()
                    running[process.sentinel] = (process, waiting.pop(cell.key), time.monotonic())
                    display.started(cell)
                if not running:
                    break  # what waits needs a cell that failed
                for sentinel in wait(list(running), timeout=0.5):
                    process, cell, started = running.pop(sentinel)  # type: ignore[arg-type, call-overload]
                    process.join()
                    done = store.exists(cell.shelf, cell.key)
                    if not done:
                        failed[cell.key] = _reason(errors / cell.key, process.exitcode, cell)
                    else:
                        shutil.rmtree(store.root / "work" / cell.key, ignore_errors=True)
                    display.finished(cell, time.monotonic() - started, done)
                display.update({cell.key: _progress(store.root / "work" / cell.key) for _, cell, _ in running.values()})
    finally:
        stop(process for process, _, _ in running.values())
        shutil.rmtree(errors, ignore_errors=True)
    count = f"{len(waiting)} cell{'s' * (len(waiting) > 1)}"
    skipped = [f"{count} not run, for want of what failed"] if waiting else []
    return [*dict.fromkeys(failed.values()), *skipped]


def _imported_once(plan: Plan) -> list[str]:
    """Modules that every cell needs: imported by the process that all cells are forked from, which computes nothing
    itself.
    """
    named = [
        ("tasks", {entry.task for entry in plan.recipe.tasks.values()}),
        ("front_ends", {spec.name for spec in plan.recipe.front_ends.values()}),
    ]
    known = [(registry.names(kind), names) for kind, names in named]
    components = [
        modules[name].partition(":")[0] for modules, names in known for name in sorted(names) if name in modules
    ]
    return ["benchmark.running.worker", "benchmark.running.run", "datasets", *components]


def _child(job: Mapping[str, Any], error_file: str) -> None:
    from benchmark.running import worker

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the run decides what ends
    worker.guarded(job, Path(error_file))


def _ready(
    waiting: Mapping[str, Cell], running: Mapping[int, Any], failed: Mapping[str, str], store: Store
) -> list[Cell]:
    """Cells whose needs are in the store; trainings that others wait for come first."""
    busy = {cell.key for _, cell, _ in running.values()}
    able = [
        cell
        for cell in waiting.values()
        if not any(key in waiting or key in busy or key in failed for key in cell.needs)
        and all(store.exists("weights", key) for key in cell.needs)
    ]
    needed = {key: sum(key in other.needs for other in waiting.values()) for key in waiting}
    return sorted(able, key=lambda cell: (cell.kind != "train", -needed[cell.key]))


def _job(cell: Cell, plan: Plan, places: Places) -> dict[str, Any]:
    return {
        "kind": cell.kind,
        "key": cell.key,
        "label": cell.label,
        "config": json.loads(json.dumps(cell.config)),
        "sources": dict(cell.sources),
        "runs": str(places.runs),
        "data": None if places.data is None else str(places.data),
        "cache": str(places.cache),
        "workers": cell.workers,
        "trainer": plan.recipe.trainer.model_dump(),
        "run_pid": os.getpid(),
    }


def _progress(folder: Path) -> tuple[int, int] | None:
    try:
        done, total = json.loads((folder / "progress.json").read_text(encoding="utf-8"))
        return int(done), int(total)
    except (OSError, ValueError):
        return None


def _reason(file: Path, exitcode: int | None, cell: Cell) -> str:
    if file.is_file():
        return file.read_text(encoding="utf-8").strip()
    what = (
        f"was ended by signal {-exitcode}" if exitcode is not None and exitcode < 0 else f"ended with status {exitcode}"
    )
    return f"{cell.label}: its process {what}; if memory ran out, lower --jobs, then run again"
