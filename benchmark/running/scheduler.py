"""Run the cells that a plan lacks, each after those that it needs, on any engine."""

import json
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from benchmark import registry
from benchmark.contracts import Engine
from benchmark.errors import EarmarkError
from benchmark.front_end_description import foreign
from benchmark.planning.cells import Cell, Job
from benchmark.planning.plan import Plan
from benchmark.processes import IMPORTED_ONCE
from benchmark.running.progress import Display
from benchmark.running.timings import Forecast, Timings
from benchmark.store import Store, Workspace

ORDER = ("train", "measure", "enhance", "score")  # those that others wait for come first
INTERVAL = 0.5  # seconds between two looks at the running cells


def find_engine(name: str) -> type[Engine]:
    """The class of the engine registered as `name`, or of the one at `path/to/file.py:Class`."""
    found = registry.load("engines", name)
    if not issubclass(found, Engine):
        raise EarmarkError(f"--engine: {found.__name__} is no Engine; derive it from that class")
    return found


def open_engine(name: str, jobs: int, plan: Plan) -> Engine:
    """An engine for the cells of a plan."""
    return find_engine(name)(jobs, _imported_once(plan))


def missing_cells(plan: Plan, store: Store) -> list[Cell]:
    """The cells of a plan that are still to be run.

    Enhanced audio may be deleted once it is scored: it is missing only where a missing scoring needs it.
    """
    missing = {cell.key: cell for cell in plan.cells.values() if not store.exists(cell.shelf, cell.key)}
    wanted = {key for cell in missing.values() if cell.kind == "score" for key in cell.needs}
    return [cell for cell in missing.values() if cell.kind != "enhance" or cell.key in wanted]


def run_cells(plan: Plan, cells: list[Cell], workspace: Workspace, engine: Engine) -> list[str]:
    """Run cells, each after those that it needs, at most `engine.jobs` at a time.

    Returns:
        why cells failed, a line for each; the others are run all the same
    """
    store = Store(workspace.runs)
    waiting = {cell.key: cell for cell in cells}
    running: dict[str, tuple[Cell, float]] = {}
    failed: dict[str, str] = {}
    try:
        if not cells:
            return []
        forecast = Forecast(Timings(plan.recipe.name, store, workspace.boards).expected(cells))
        with Display(cells, forecast, engine.jobs) as display:
            while waiting or running:
                for cell in _ready(plan, waiting, running, failed, store)[: engine.jobs - len(running)]:
                    engine.start(cell.key, _write_job(waiting.pop(cell.key), plan, workspace, store))
                    running[cell.key] = cell, time.monotonic()
                    display.started(cell)
                if not running:
                    break  # the rest needs cells that failed
                for key, status in engine.wait(INTERVAL).items():
                    cell, started = running.pop(key)
                    done = store.exists(cell.shelf, key)
                    if done:
                        shutil.rmtree(store.root / "work" / key, ignore_errors=True)
                    else:
                        failed[key] = _reason(store, status, cell)
                    display.finished(cell, time.monotonic() - started, done)
                display.update({key: _progress(store.root / "work" / key) for key in running})
    finally:
        engine.stop()
    count = f"{len(waiting)} cell{'s' * (len(waiting) > 1)}"
    skipped = [f"{count} not run, as what they need failed"] if waiting else []
    return [*dict.fromkeys(failed.values()), *skipped]


def _ready(
    plan: Plan,
    waiting: Mapping[str, Cell],
    running: Mapping[str, tuple[Cell, float]],
    failed: Mapping[str, str],
    store: Store,
) -> list[Cell]:
    """The cells whose needs are in the store, in the order to start them; trainings that many wait for come first."""

    def met(key: str) -> bool:
        return key not in running and key not in failed and store.exists(plan.cells[key].shelf, key)

    able = [cell for cell in waiting.values() if all(key not in waiting and met(key) for key in cell.needs)]
    needed = {key: sum(key in other.needs for other in waiting.values()) for key in waiting}
    return sorted(able, key=lambda cell: (ORDER.index(cell.kind), -needed[cell.key]))


def _write_job(cell: Cell, plan: Plan, workspace: Workspace, store: Store) -> Path:
    """Write the job of a cell into its work folder, and forget why it failed before."""
    (store.root / "errors" / f"{cell.key}.reason").unlink(missing_ok=True)
    path = store.work(cell.key) / "cell.json"
    Job(cell.key, cell.kind, cell, workspace, plan.recipe.trainer).write(path)
    return path


def _imported_once(plan: Plan) -> list[str]:
    """Modules that cells need, for engines that can import them once for all."""
    named = [
        ("tasks", {entry.task for entry in plan.recipe.tasks.values()}),
        ("task_models", {entry.model.name for entry in plan.recipe.tasks.values() if entry.model is not None}),
        ("front_ends", {spec.name for spec in plan.recipe.front_ends.values() if not foreign(spec.name, spec.config)}),
    ]
    known = [(registry.names(kind), names) for kind, names in named]
    components = [
        modules[name].partition(":")[0] for modules, names in known for name in sorted(names) if name in modules
    ]
    return [*IMPORTED_ONCE, *components]


def _progress(folder: Path) -> tuple[int, int] | None:
    try:
        done, total = json.loads((folder / "progress.json").read_text(encoding="utf-8"))
        return int(done), int(total)
    except (OSError, ValueError):
        return None


def _reason(store: Store, status: int, cell: Cell) -> str:
    file = store.root / "errors" / f"{cell.key}.reason"
    if file.is_file():
        reason = file.read_text(encoding="utf-8").strip()
        file.unlink()
        return reason
    what = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
    return f"{cell.label}: its process {what}; if memory ran out, lower --jobs, then run again"
