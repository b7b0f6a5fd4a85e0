"""What a run would do: the cells as a graph, what is done, and an estimate of the time from runs of the same cells before."""

from pathlib import Path

from benchmark.cells import Cell, Plan
from benchmark.run import Places
from benchmark.store import Store
from benchmark.summary_file import SUMMARIES, read_summaries


def describe(plan: Plan, places: Places, jobs: int) -> str:
    """Lines for people."""
    store = Store(places.runs)
    known = _known_timings(plan, store, places)
    lines = [f"{plan.recipe.name}: {plan.recipe.title}"]
    total, unknown = 0.0, 0
    for cell in plan.cells.values():
        if store.exists(cell.shelf, cell.key):
            state = "done"
        else:
            seconds = known.get(cell.label)
            total, unknown = total + (seconds or 0), unknown + (seconds is None)
            state = f"to do, about {seconds:.0f} s" if seconds is not None else "to do"
        lines.append(f"  {cell.kind:<5}  {cell.label}  [{state}]{_needs(cell, plan)}")
    todo = sum(not store.exists(cell.shelf, cell.key) for cell in plan.cells.values())
    lines.append(f"{len(plan.cells)} cells, {todo} to do, {len(plan.rows)} rows; every corpus is in place")
    if todo:
        about = f"about {total / jobs / 60:.1f} minutes with {jobs} at a time, judged by earlier runs" if total else "no earlier run to judge the time by"
        lines.append(about + (f"; {unknown} cells were never timed" if unknown and total else ""))
    return "\n".join(lines)


def _needs(cell: Cell, plan: Plan) -> str:
    return f"  after {'; '.join(plan.cells[key].label for key in cell.needs)}" if cell.needs else ""


def _known_timings(plan: Plan, store: Store, places: Places) -> dict[str, float]:
    timings: dict[str, float] = {}
    own = Path(__file__).resolve().parent.parent / "leaderboards" / plan.recipe.name / SUMMARIES
    for path in (own, places.boards / SUMMARIES):
        if path.is_file():
            for summary in read_summaries(path):
                timings |= summary.get("timings", {})
    for shelf in ("weights", "records"):
        for key in store.list(shelf):
            manifest = store.manifest(shelf, key)
            timings[manifest["label"]] = manifest["seconds"]
    return timings
