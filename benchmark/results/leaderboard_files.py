"""Leaderboards as CSV files, a pure function of the summaries of finished cells.

`leaderboards/<recipe>/summaries.jsonl` holds one sealed line for each front-end, scheme, task, seed and fold;
`write_leaderboard` writes one board a task beside it, `overall.csv` and `costs.csv`. Equal summaries give equal bytes.
"""

import math
import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from benchmark import statistics
from benchmark.results.array_cache import Cache
from benchmark.results.board import boards_of
from benchmark.results.cost_columns import COSTS, UPDATES
from benchmark.results.view import Cost, Estimate, LeaderboardView, TaskResult, TaskView, Who, view_of
from benchmark.store import full_disk, write_text

# Columns that `render` shows unless told: the gist of a board, of overall.csv and of costs.csv.
BRIEF = (
    *(
        "rank",
        "front_end",
        "scheme",
        "task",
        "metric",
        "score",
        "score_low",
        "score_high",
        "change",
        "p",
        "reduction",
        "reduction_low",
        "reduction_high",
    ),
    *("worst_task", "worst_reduction", "mean_rank", "parameters", "macs_per_second", "real_time_factor", "latency_ms"),
    *("compares", "synthetic"),
)
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # what a spreadsheet takes for the start of a formula


def write_leaderboard(folder: Path, cache: Cache | None = None) -> list[Path]:
    """Write the boards of one recipe from its summaries, and remove those of tasks that it has no more.

    Args:
        folder: leaderboards/<recipe>, where summaries.jsonl lies
        cache: of the scores that earlier boards worked out; it saves time and changes no byte
    Returns:
        the files written: <task>.csv for each task, overall.csv, costs.csv
    Raises:
        EarmarkError: summaries are missing, damaged, doubled or contradict each other; no file is touched then
    """
    view = view_of(boards_of(folder, cache))
    frames = {task.name: _task_frame(task) for task in view.tasks} | {
        "overall": _overall_frame(view),
        "costs": _costs_frame(view),
    }
    written = [folder / f"{name}.csv" for name in frames]
    for path, frame in zip(written, frames.values(), strict=True):
        write_text(path, frame.to_csv(index=False, lineterminator="\n"))
    try:
        for path in set(folder.glob("*.csv")).difference(written):
            # A board, and nobody's own table.
            if path.read_bytes().startswith((b"rank,front_end,scheme,", b"front_end,scheme,task,")):
                path.unlink()
    except OSError as error:
        raise full_disk(error, folder) from error
    return written


def render(path: Path, columns: Sequence[str] | None = BRIEF) -> str:
    """A CSV file as an aligned Markdown table, which also reads well in a terminal.

    Columns that the file lacks are skipped; None: all that it has.
    """
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    shown = [column for column in (frame.columns if columns is None else columns) if column in frame.columns]
    return aligned(shown, frame[shown].to_numpy().tolist())


def aligned(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """An aligned Markdown table."""
    cells = [[re.sub(r"\s+", " ", cell).replace("|", "\\|") for cell in row] for row in [columns, *rows]]
    widths = [max(3, *map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in cells
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]) + "\n"


def _task_frame(task: TaskView) -> pd.DataFrame:
    return pd.DataFrame([_task_cells(task, row) for row in task.rows], dtype=str)


def _task_cells(task: TaskView, row: TaskResult) -> dict[str, str]:
    cells = _who(row.who) | {"metric": safe(task.metric)} | _estimate("score", row.score)
    cells |= _by_condition("", task.conditions, row.figures[task.metric])
    cells |= _estimate("change", row.change) | {"p": _p(row.p)}
    cells |= {safe(name): _number(row.means[name]) for name in task.others}
    for name in task.others:
        if task.figures[name].by_condition:
            values = row.figures.get(name, [math.nan] * len(task.conditions))
            cells |= _by_condition(f"{name} ", task.conditions, values)
    return cells | {
        "coverage": f"{row.present} of {row.expected}",
        "failed": str(row.failed),
        "excluded": str(row.excluded),
        "seeds": str(row.who.seeds),
        "training_data": safe(row.training_data),
        "track": row.who.track,
        "protocol": str(row.protocol),
        "corpora": safe("; ".join(row.corpora)),
        "compares": _compares(row.who),
        "synthetic": _yes(row.synthetic),
    }


def _overall_frame(view: LeaderboardView) -> pd.DataFrame:
    lines = [
        _who(row.who)
        | _estimate("reduction", row.reduction)
        | {
            "worst_task": row.worst or "",
            "worst_reduction": _number(row.reductions[row.worst] if row.worst else None),
            "mean_rank": _number(row.mean_rank, 2),
        }
        | {task.name: _number(row.scores.get(task.name)) for task in view.tasks}
        | {
            "coverage": f"{row.complete} of {len(view.tasks)}",
            "failed": str(row.failed),
            "track": row.who.track,
            "compares": _compares(row.who),
            "synthetic": _yes(row.synthetic),
        }
        for row in view.rows
    ]
    return pd.DataFrame(lines, dtype=str)


def _costs_frame(view: LeaderboardView) -> pd.DataFrame:
    """Means over seeds and folds; a cost that is not known is empty, or says why. The last columns are Pareto marks."""
    overall = {row.who.name: row.pareto for row in view.rows}
    rows = {(*row.who.name, task.name): row for task in view.tasks for row in task.rows}
    lines = [
        dict(zip(("front_end", "scheme", "task"), map(safe, name), strict=True))
        | {name: _cost(row.costs[name], column.decimals) for name, column in COSTS.items()}
        | {column: _cost(row.updates[name], 0) for name, column in UPDATES.items()}
        | {"pareto": row.pareto, "pareto_overall": overall[row.who.name]}
        for name, row in sorted(rows.items(), key=lambda item: item[0])
    ]
    return pd.DataFrame(lines, dtype=str)


def _who(who: Who) -> dict[str, str]:
    return {"rank": _number(who.rank, 0), "front_end": safe(who.front_end), "scheme": safe(who.scheme)}


def _estimate(name: str, estimate: Estimate | None) -> dict[str, str]:
    cells = ["", "", ""] if estimate is None else [_number(value) for value in estimate]
    return dict(zip((name, f"{name}_low", f"{name}_high"), cells, strict=True))


def _by_condition(start: str, conditions: Sequence[str], values: Sequence[float]) -> dict[str, str]:
    return {safe(start + name): _number(value) for name, value in zip(conditions, values, strict=True)}


def _compares(who: Who) -> str:
    return "these methods" if who.is_method else "these weights"


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _p(value: float | None) -> str:
    """A p value as it is printed: never less than LEAST_P."""
    return _number(None if value is None else max(value, statistics.LEAST_P))


def _cost(value: Cost, decimals: int) -> str:
    return safe(value) if isinstance(value, str) else _number(value, decimals)


def _number(value: float | None, decimals: int = 4) -> str:
    """Fixed decimals, never a negative zero; empty where there is no value."""
    return "" if value is None or not math.isfinite(value) else f"{round(float(value), decimals) + 0.0:.{decimals}f}"


def safe(value: str) -> str:
    """Text from outside on one line, made safe for spreadsheets: an apostrophe before what would start a formula."""
    return re.sub(r"[\r\n]", " ", f"'{value}" if value.startswith(FORMULA) else value)
