"""Run a recipe: plan it, run the cells that are missing, then write its boards."""

import dataclasses
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmark.catalogue import Corpora
from benchmark.errors import EarmarkError
from benchmark.planning.cells import Scoring
from benchmark.planning.plan import Plan
from benchmark.planning.planner import make_plan
from benchmark.planning.recipe import Recipe
from benchmark.results.manifests import read_manifest
from benchmark.results.summaries import is_baseline, kept_summaries, summarise, write_boards
from benchmark.running.integrity import watched
from benchmark.running.scheduler import find_engine, missing_cells, open_engine, run_cells
from benchmark.store import Store, Workspace, clear_leftovers


def run(
    recipe: Recipe, workspace: Workspace, jobs: int, accept_changed_code: bool = False, engine: str = "local"
) -> list[Path]:
    """Run what a recipe still lacks, and rebuild its boards. Finished cells are kept whatever happens.

    Args:
        workspace: where it reads and writes
        jobs: how many cells run at a time
        accept_changed_code: keep results of components whose code changed but whose version did not
        engine: where the cells run: a registered name, or `path/to/file.py:Class`
    Returns:
        the files written
    Raises:
        EarmarkError: the recipe cannot be planned, code changed, or cells failed; one line for each
    """
    find_engine(engine)  # a wrong name is told before anything is planned
    if recipe.trainer.fast_dev_run:
        with tempfile.TemporaryDirectory(prefix=f"earmark-{os.getpid()}-") as scratch:
            _fast_dev_run(recipe, dataclasses.replace(workspace, runs=Path(scratch)), jobs, engine)
        return []
    store = Store(workspace.runs)
    with store.locked():
        clear_leftovers(workspace)
        plan = make_plan(recipe, Corpora(workspace.data, workspace.cache))
        check_code(plan, store, accept_changed_code)
        if not any(is_baseline(plan, row) for row in plan.rows):
            print(
                f"earmark: {recipe.name} has no row identity under noisy, so its boards compare nothing and "
                "overall.csv stays empty",
                file=sys.stderr,
            )
        with watched(plan, store, workspace.boards):
            failures = run_missing(plan, workspace, jobs, engine)
        written = publish(plan, store, workspace.boards)
    if failures:
        raise EarmarkError("\nearmark: ".join(failures))
    return written


def run_missing(plan: Plan, workspace: Workspace, jobs: int, engine: str = "local") -> list[str]:
    """Run the missing cells of a plan. Return why cells failed, a line for each."""
    return run_cells(plan, missing_cells(plan, Store(workspace.runs)), workspace, open_engine(engine, jobs, plan))


def publish(plan: Plan, store: Store, boards: Path, only: str | None = None) -> list[Path]:
    """Write the summaries of a plan's finished rows, and the boards.

    Args:
        only: the front-end that the plan is about; the rows of others stay on the boards as they are
    Returns:
        the files written
    """
    summaries = summarise(plan, store, boards)
    for task, reason in {
        summary["task"]: summary["excluded"][0]["reason"] for summary in summaries if not _any_left(summary)
    }.items():
        print(f"earmark: {task}: no scene could be scored, so its board is empty; the first: {reason}", file=sys.stderr)
    return write_boards(summaries + kept_summaries(plan, boards, only), boards) if summaries else []


def _any_left(summary: Mapping[str, Any]) -> bool:
    return not summary["excluded"] or len(summary["excluded"]) < len(summary["scenes"]) * len(summary["conditions"])


def _fast_dev_run(recipe: Recipe, workspace: Workspace, jobs: int, engine: str) -> None:
    """Run one batch of every training and one scene of every scoring, in a temporary folder."""
    plan = make_plan(recipe, Corpora(workspace.data, workspace.cache))
    if failures := run_missing(plan, workspace, jobs, engine):
        raise EarmarkError("\nearmark: ".join(failures))


def check_code(plan: Plan, store: Store, accept: bool) -> None:
    """Raise EarmarkError where a component's code, but not its version, changed since a cell was run.

    The code of today might give other numbers.
    """
    for cell in plan.cells.values():
        if accept or not store.exists(cell.shelf, cell.key):
            continue
        manifest = read_manifest(store, cell.shelf, cell.key)
        before = {**manifest.get("enhanced", {}).get("code", {}), **manifest["code"]}
        behind = plan.cells.get(cell.work.enhanced or "") if isinstance(cell.work, Scoring) else None
        for component, now in {**(behind.code if behind else {}), **cell.code}.items():
            if before.get(component, now) != now:
                raise EarmarkError(
                    f"{component}: its code changed but its version did not, and {store.root} holds results of the "
                    "old code; raise `version` in the class, or say --accept-changed-code where the numbers cannot "
                    "differ"
                )
