"""What a front-end's controls do: a grid of settings, scored without training again, and maps of the figures."""

import io
import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Drawing
from rich.console import Console
from rich.progress import Progress

from benchmark import registry, statistics
from benchmark.catalogue import Corpora
from benchmark.contracts import WET, Batch, Figure
from benchmark.costs import one_thread
from benchmark.data import collate
from benchmark.errors import EarmarkError, unknown
from benchmark.front_end_description import describe, foreign
from benchmark.hearing.shadow_filtering import FIGURES, shadows
from benchmark.planning.cells import Enhancing, Scoring
from benchmark.planning.plan import Plan, PlannedRow
from benchmark.planning.planner import make_plan
from benchmark.planning.recipe import Recipe
from benchmark.results.board import Board
from benchmark.results.board_rows import BoardRow
from benchmark.results.summaries import fields_of, tables
from benchmark.running.evaluation import count_heard, evaluate, heard_scenes
from benchmark.running.front_end_process import FrontEndProcess
from benchmark.running.systems import enhancer_of, model_of, open_source
from benchmark.scenes import Mixer
from benchmark.settings import ScoredScenes
from benchmark.store import Store, Workspace, write_text

ACROSS = 3  # maps side by side
POINTS = 5  # values of a control that are tried by default, from 0 to its own default
Grid = Mapping[str, Sequence[float]]


def sweep(
    recipe: Recipe, workspace: Workspace, front_end: str, grid: Grid, scenes: int | None = None, seed: int | None = None
) -> list[Path]:
    """Evaluate a grid of a front-end's controls, on every task and under every scheme of a recipe that has been run.

    It takes the weights of one seed and of the first fold.

    Args:
        recipe: it must have been run, so that the weights are there
        front_end: its label in the recipe
        grid: values by control; empty: its own controls, from 0 to their defaults, or `wet` where it has none
        scenes: how many of each task; None: as in the recipe
        seed: of the weights; None: the recipe's first
    Returns:
        the files written below workspace.boards/controls: <front_end>.csv, and <front_end>_<scheme>_<task>.svg for
        each row; a seed that was asked for is part of the names
    Raises:
        EarmarkError: no such front-end, control or seed; the recipe was not run
    """
    plan, store = make_plan(recipe, Corpora(workspace.data, workspace.cache)), Store(workspace.runs)
    if seed not in (None, *recipe.seeds):
        raise EarmarkError(f"{recipe.name}: no seed {seed}; it has {', '.join(map(str, recipe.seeds))}")
    rows = _rows(plan, store, front_end, seed)
    spec = recipe.front_ends[front_end]
    grid = _grid(front_end, describe({spec.name: dict(spec.config)}, workspace.folders).controls, grid)
    console, out, frames = Console(stderr=True), workspace.boards / "controls", []
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress, one_thread():
        for row in rows:
            described = fields_of(plan, row, registry.load("tasks", row.component), store)
            frames.append(
                _evaluate_grid(workspace, plan.enhancing(row), plan.scoring(row), described, grid, scenes, progress)
            )
    stem = front_end if seed is None else f"{front_end}_seed_{seed}"
    table = out / f"{stem}.csv"
    write_text(table, pd.concat(frames).to_csv(index=False, lineterminator="\n", float_format="%.4f"))
    drawings = [out / f"{stem}_{row.scheme}_{row.task}.svg" for row in rows]
    for path, row, frame in zip(drawings, rows, frames, strict=True):
        known = registry.load("tasks", row.component).figures_of(recipe.tasks[row.task].options)  # type: ignore[attr-defined]
        write_text(path, _draw(frame, grid, row, known))
    return [table, *drawings]


def _rows(plan: Plan, store: Store, front_end: str, seed: int | None) -> list[PlannedRow]:
    """The first row of each scheme and task; of this seed, if it is given."""
    rows: dict[tuple[str, str], PlannedRow] = {}
    for row in plan.rows:
        if row.front_end == front_end and seed in (None, row.seed):
            rows.setdefault((row.scheme, row.task), row)
    if not rows:
        raise EarmarkError(str(unknown("front-end", front_end, plan.recipe.front_ends)))
    for row in rows.values():
        if not store.exists("records", row.record):
            raise EarmarkError(
                f"{store.root}: {front_end} under {row.scheme} on {row.task} was not run yet; run `earmark run "
                f"{plan.recipe.name}` first"
            )
    return list(rows.values())


def _grid(label: str, own: Mapping[str, float], given: Grid) -> Grid:
    controls = {**own, WET: 1.0}
    for name in given:
        if name not in controls:
            raise EarmarkError(f"{label}: {unknown('control', name, controls)}")
    grid = dict(given) or {
        name: [default * step / (POINTS - 1) for step in range(POINTS)] for name, default in own.items() or [(WET, 1.0)]
    }
    for name, values in grid.items():
        if len(set(values)) < max(len(values), 2) or not np.isfinite(values).all():
            raise EarmarkError(
                f"{label}: control {name}: an axis has two values or more, finite and no two alike; write "
                f"{name}=0,0.5,1"
            )
        if name == WET and not all(0 <= value <= 1 for value in values):
            raise EarmarkError(
                f"{label}: control {WET}: it is the share of the front-end's output, 0 to 1; write {WET}=0,0.5,1"
            )
    if len(grid) > 2:
        raise EarmarkError(
            f"{label}: {', '.join(grid)}: a map has one or two axes; choose which, as {next(iter(grid))}=0,0.5,1"
        )
    return grid


def _evaluate_grid(
    workspace: Workspace,
    enhancing: Enhancing,
    scoring: Scoring,
    described: Mapping[str, Any],
    grid: Grid,
    scenes: int | None,
    progress: Progress,
) -> pd.DataFrame:
    """A line for each setting: its values, the score with its interval, other figures, and the score in each condition.

    A front-end with masks also has the figures of shadow filtering.
    """
    source = open_source(scoring.source, workspace)
    store = Store(workspace.runs)
    system = model_of(scoring, source, store)
    settings = [dict(zip(grid, map(float, values), strict=True)) for values in itertools.product(*grid.values())]
    scored = scoring.scenes if scenes is None else scoring.scenes.model_copy(update={"scenes": scenes})
    by_setting: dict[str, list[dict[str, Any]]] = {_name(setting): [] for setting in settings}
    mixer, listeners = source.mixer("test"), scoring.listeners
    total = count_heard(mixer, scored, listeners) * len(settings)
    folders = [corpus.root for corpus in source.roles.values()]
    with FrontEndProcess(enhancing, workspace, folders) as process:
        records = evaluate(system, scoring.label, mixer, scored, process.hear, listeners, settings)
        for record in progress.track(
            records, total, description=f"{described['front_end']} under {described['scheme']}, {described['task']}"
        ):
            setting = {name: record["conditions"].pop(name) for name in grid}
            by_setting[_name(setting)].append(record)
    task = system.tasks[scoring.label]
    lines = [
        {**described, "scheme": name, "keys": {"outputs": name}, **tables(task, records)}
        for name, records in by_setting.items()
    ]
    board = Board(scoring.label, lines, ())
    rows = {row.name[1]: row for row in board.rows}
    frame = pd.DataFrame(
        [
            {name: described[name] for name in ("front_end", "scheme", "task")}
            | setting
            | _figures(board, rows[_name(setting)])
            for setting in settings
        ]
    )
    if WET in grid or foreign(enhancing.front_end.name, enhancing.front_end.config):
        return frame
    front_end = enhancer_of(enhancing, store).front_end
    return (
        frame.join(shadows(front_end, batches(mixer, scored, listeners), settings))
        if hasattr(front_end, "shadow")
        else frame
    )


def batches(mixer: Mixer, scenes: ScoredScenes, listeners: Mapping[str, Sequence[float]] | None) -> Iterator[Batch]:
    """Every scene in which something was added to a clean signal, for each listener."""
    for mixture, _ in heard_scenes(mixer, scenes, listeners):
        if mixture.clean is not None and not np.array_equal(mixture.clean, mixture.noisy):
            yield collate([mixture], None)


def _figures(board: Board, row: BoardRow) -> dict[str, Any]:
    low, high = statistics.interval(row.score, None, board.design, board.figures[board.metric].bounds)
    others = {
        name: float(values[board.headline].mean()) for name, values in row.figures.items() if name != board.metric
    }
    conditions = dict(zip(board.conditions, row.figures[board.metric], strict=True))
    return {"metric": board.metric, "score": row.score[0], "score_low": low, "score_high": high, **others, **conditions}


def _name(setting: Mapping[str, float]) -> str:
    return " ".join(f"{name}={value:g}" for name, value in setting.items())


def _draw(frame: pd.DataFrame, grid: Grid, row: PlannedRow, known: Mapping[str, Figure]) -> str:
    """An SVG with a map of each figure over two controls, or a curve over one; that of the score has its interval."""
    primary, *others = (name for name in (*known, *FIGURES) if name == frame["metric"].iloc[0] or name in frame)
    figures = {primary: "score"} | {name: name for name in others}
    across, down = min(ACROSS, len(figures)), -(-len(figures) // ACROSS)
    drawing = Drawing(figsize=(4 * across, 3.4 * down), layout="constrained")
    drawing.suptitle(f"{row.front_end} under {row.scheme}, {row.task}")
    for place, (name, column) in enumerate(figures.items(), 1):
        axes: Any = drawing.add_subplot(down, across, place)
        names = list(grid)
        unit = known[name].unit if name in known else ""
        axes.set_title(FIGURES.get(name) or name.replace("_", " ") + (f", {unit}" if unit else ""), fontsize=11)
        axes.set_xlabel(names[-1])
        if len(names) == 1:
            axes.plot(frame[names[0]], frame[column], marker="o")
            if column == "score":
                axes.fill_between(frame[names[0]], frame["score_low"], frame["score_high"], alpha=0.2)
            continue
        table = frame.pivot(index=names[0], columns=names[1], values=column)
        image = axes.imshow(table, origin="lower", aspect="auto")
        drawing.colorbar(image, ax=axes)
        axes.set_ylabel(names[0])
        axes.set_xticks(range(len(table.columns)), [f"{value:g}" for value in table.columns])
        axes.set_yticks(range(len(table.index)), [f"{value:g}" for value in table.index])
        for (y, x), value in np.ndenumerate(table.to_numpy()):
            axes.text(
                x,
                y,
                f"{value:.2f}",
                ha="center",
                va="center",
                color="black" if image.norm(value) > 0.6 else "white",
                fontsize=8,
            )
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": row.record}):  # the same bytes from the same figures
        drawing.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()
