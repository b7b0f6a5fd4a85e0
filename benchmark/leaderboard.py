"""Leaderboards: CSV files that are a pure function of the summaries of finished cells.

`leaderboards/<recipe>/summaries.jsonl` holds one sealed line for each front-end, scheme, task, seed and fold; `build` writes beside it one board a task,
`overall.csv` and `costs.csv`. Equal summaries give equal bytes.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmark import statistics
from benchmark.board import Board, Row, boards_of, change, overall, place, pooled, together
from benchmark.contracts import Figure
from benchmark.store import write_text

# The columns of costs.csv: costs with their decimals, then updates.
COSTS = {"parameters": 0, "macs_per_second": 0, "real_time_factor": 4, "latency_ms": 2, "peak_memory_mb": 0, "train_seconds": 1, "score_seconds": 1}
UPDATES = {"front_end": "front_end_updates", "task": "task_updates", "audio_seconds": "audio_seconds"}
# Columns that `render` shows unless told: the gist of a board, of overall.csv and of costs.csv.
BRIEF = (
    *("rank", "front_end", "scheme", "task", "metric", "score", "score_low", "score_high", "change", "p", "reduction", "reduction_low", "reduction_high"),
    *("worst_task", "worst_reduction", "mean_rank", "parameters", "macs_per_second", "real_time_factor", "latency_ms"),
    *("compares", "synthetic"),
)
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # what a spreadsheet takes for the start of a formula


def build(folder: Path) -> list[Path]:
    """Write the boards of one recipe from its summaries and remove the CSV files that belong to none of its tasks any more.

    Args:
        folder: leaderboards/<recipe>, where summaries.jsonl lies
    Returns:
        the files written: <task>.csv for each task, overall.csv, costs.csv
    Raises:
        EarmarkError: no summaries, or damaged, doubled or contradictory ones; no file is touched then
    """
    boards = boards_of(folder)
    frames = {board.task: _task_frame(board) for board in boards} | {"overall": _overall_frame(boards), "costs": _costs_frame(boards)}
    written = [folder / f"{name}.csv" for name in frames]
    for path, frame in zip(written, frames.values(), strict=True):
        write_text(path, frame.to_csv(index=False, lineterminator="\n"))
    for path in set(folder.glob("*.csv")).difference(written):
        if path.read_bytes().startswith((b"rank,front_end,scheme,", b"front_end,scheme,task,")):  # a board, and nobody's own table
            path.unlink()
    return written


def render(path: Path, columns: Sequence[str] | None = BRIEF) -> str:
    """A CSV file as an aligned Markdown table, which reads well in a terminal too; columns that the file lacks are passed over, None: all it has."""
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    shown = [column for column in (frame.columns if columns is None else columns) if column in frame.columns]
    cells = [[re.sub(r"\s+", " ", cell).replace("|", "\\|") for cell in row] for row in [shown, *frame[shown].to_numpy().tolist()]]
    widths = [max(3, *map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in cells]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]) + "\n"


def _task_frame(board: Board) -> pd.DataFrame:
    lines = []
    scored, changed = board.designs()
    for row in sorted(board.rows, key=lambda row: place(row, board.sign)):
        first = row.lines[0]
        values = row.figures[board.metric]
        changed_by = change(row, board.baseline)
        secondary = [name for name in board.figures if name != board.metric]
        lines.append(
            {"rank": _number(row.rank, 0), "front_end": _text(row.name[0]), "scheme": _text(row.name[1]), "metric": _text(board.metric)}
            | _estimate("score", (row.score, row.by_seed), scored._replace(seeds=len(row.seeds)), board.figures[board.metric])
            | {_text(condition): _number(value) for condition, value in zip(board.conditions, values, strict=True)}
            | _estimate("change", changed_by, changed._replace(seeds=len(row.seeds)))
            | {"p": _p(None if changed_by is None else board.p.get(row.name))}
            | {_text(name): _number(row.figures[name][board.noisy].mean() if board.noisy else None) for name in secondary if name in row.figures}
            | {
                "coverage": f"{row.present.sum()} of {(~board.left_out | board.excluded).sum() * len(row.seeds)}",
                "failed": str(row.failed.sum()),
                "excluded": str(board.excluded.sum() * len(row.seeds)),
                "seeds": str(len(row.seeds)),
                "training_data": _text(first["training_data"]),
                "track": row.track,
                "protocol": str(first["protocol"]),
                "corpora": _text("; ".join(first["corpora"])),
                "compares": _compares([row]),
                "synthetic": "yes" if first["synthetic"] else "no",
            }
        )
    return pd.DataFrame(lines, dtype=str)


def _overall_frame(boards: Sequence[Board]) -> pd.DataFrame:
    lines = []
    rows = overall(boards)
    design = pooled(together(boards), [row for row in rows if row.rank is not None])
    for row in rows:
        own = list(row.rows.values())
        worst = None if any(one.baseline for one in own) else min(row.reductions, key=lambda task: row.reductions[task][0][0], default=None)
        ranks = [one.rank for one in own if one.rank is not None]
        lines.append(
            {"rank": _number(row.rank, 0), "front_end": _text(row.name[0]), "scheme": _text(row.name[1])}
            | _estimate("reduction", (row.score, row.by_seed), design._replace(seeds=len(row.seeds)))
            | {"worst_task": worst or "", "worst_reduction": _number(row.reductions[worst][0][0] if worst else None)}
            | {"mean_rank": _number(np.mean(ranks) if ranks else None, 2)}
            | {board.task: _number(row.rows[board.task].score[0] if board.task in row.rows else None) for board in boards}
            | {"coverage": f"{sum(one.complete for one in own)} of {len(boards)}", "track": row.track, "compares": _compares(own)}
            | {"synthetic": "yes" if any(one.lines[0]["synthetic"] for one in own) else "no"}
        )
    return pd.DataFrame(lines, dtype=str)


def _costs_frame(boards: Sequence[Board]) -> pd.DataFrame:
    """Means over seeds and folds; what could not be measured is empty, or says so."""
    rows = {(*row.name, board.task): row.lines for board in boards for row in board.rows}
    lines = []
    for name, own in sorted(rows.items()):
        line = dict(zip(("front_end", "scheme", "task"), map(_text, name), strict=True))
        line |= {key: _mean([one["costs"].get(key) for one in own], decimals) for key, decimals in COSTS.items()}
        line |= {column: _mean([one["updates"].get(key) for one in own], 0) for key, column in UPDATES.items()}
        lines.append(line)
    return pd.DataFrame(lines, dtype=str)


def _compares(rows: Sequence[Row]) -> str:
    return "these weights" if min(len(row.seeds) for row in rows) < 3 else "these methods"


def _estimate(name: str, values: tuple[np.ndarray, np.ndarray] | None, design: statistics.Design, figure: Figure | None = None) -> dict[str, str]:
    """The cells of a value and its interval, from (1 + replicates,) and the same by seed; a metric's interval ends where it is perfect."""
    if values is None:
        return dict.fromkeys((name, f"{name}_low", f"{name}_high"), "")
    low, high = statistics.interval(values[0], values[1], design)
    if figure is not None:
        low, high = (low, min(high, figure.best)) if figure.sign > 0 else (max(low, figure.best), high)
    return {name: _number(values[0][0]), f"{name}_low": _number(low), f"{name}_high": _number(high)}


def _p(value: float | None) -> str:
    """A p value as it is printed: never less than 0.0001, which is as good as certain."""
    return _number(None if value is None else max(value, 0.0001))


def _mean(values: Sequence[Any], decimals: int) -> str:
    texts = [value for value in values if isinstance(value, str)]
    numbers = [value for value in values if isinstance(value, int | float)]
    return _text(texts[0]) if texts else _number(np.mean(numbers) if numbers else None, decimals)


def _number(value: float | np.floating[Any] | None, decimals: int = 4) -> str:
    """Fixed decimals, never a negative zero; empty where there is no value."""
    return "" if value is None or not np.isfinite(value) else f"{round(float(value), decimals) + 0.0:.{decimals}f}"


def _text(value: str) -> str:
    """Text from outside on one line, made safe for spreadsheets: an apostrophe before what would start a formula."""
    return re.sub(r"[\r\n]", " ", f"'{value}" if value.startswith(FORMULA) else value)
