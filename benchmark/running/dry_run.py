"""What a run would do: its cells, which of them are done, and how long the others should take."""

import dataclasses

from benchmark.catalogue import Corpora
from benchmark.errors import EarmarkError
from benchmark.planning.cells import Cell
from benchmark.planning.plan import Plan
from benchmark.planning.planner import make_plan, missing_corpora
from benchmark.planning.recipe import Recipe
from benchmark.running.run import check_code
from benchmark.running.scheduler import missing_cells
from benchmark.running.timings import Timings
from benchmark.store import Store, Workspace


def preview(recipe: Recipe, corpora: Corpora, workspace: Workspace, jobs: int) -> tuple[str, list[str]]:
    """A text for people, and a line for each thing that is missing on disk.

    Where corpora are missing, the text is about the other tasks.
    """
    lacking = missing_corpora(recipe, corpora)
    missing = list(dict.fromkeys(error for errors in lacking.values() for error in errors))
    if not lacking:
        return _text(make_plan(recipe, corpora), workspace, jobs), missing
    rest = dataclasses.replace(
        recipe, tasks={label: entry for label, entry in recipe.tasks.items() if label not in lacking}
    )
    try:
        text = _text(make_plan(rest, corpora), workspace, jobs) if rest.tasks and not recipe.together else ""
    except EarmarkError as error:  # such as a front-end that needs one of the missing tasks
        text = f"the rest cannot be planned by itself: {error}"
    return f"{text}\nwithout {', '.join(lacking)}, whose corpora are missing".lstrip(), missing


def _text(plan: Plan, workspace: Workspace, jobs: int) -> str:
    store = Store(workspace.runs)
    timings = Timings(plan.recipe.name, store, workspace.boards)
    lines = [f"{plan.recipe.name}: {plan.recipe.title}"]
    total, unknown = 0.0, 0
    missing = {cell.key for cell in missing_cells(plan, store)}
    guessed = timings.expected(plan.cells[key] for key in missing)
    for cell in plan.cells.values():
        if cell.key not in missing:
            state = "done"
        else:
            seconds = timings.seconds(cell)
            total, unknown = total + guessed[cell.key], unknown + (seconds is None)
            state = f"to do, about {seconds:.0f} s" if seconds is not None else "to do"
        lines.append(f"  {cell.kind:<7}  {cell.label}  [{state}]{_needs(cell, plan)}")
    todo = len(missing)
    lines.append(f"{len(plan.cells)} cells, {todo} to do, {len(plan.rows)} rows")
    if todo:
        time = f"{total / jobs / 60:.1f} minutes" if total > 60 * jobs else f"{total / jobs:.0f} seconds"
        judged = "a guess, since nothing like it ran before" if unknown == todo else "judged by earlier runs"
        some = f"; {unknown} cells are unlike all that ran" if 0 < unknown < todo else ""
        lines.append(f"about {time} with {jobs} at a time, {judged}{some}")
    try:
        check_code(plan, store, accept=False)
    except EarmarkError as error:
        lines.append(f"a run will refuse to go on: {error}")
    return "\n".join(lines)


def _needs(cell: Cell, plan: Plan) -> str:
    return f"  after {'; '.join(plan.cells[key].label for key in cell.needs)}" if cell.needs else ""
