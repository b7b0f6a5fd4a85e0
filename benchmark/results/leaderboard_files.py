"""Leaderboards: CSV files that are a pure function of the summaries of finished cells.

`leaderboards/<recipe>/summaries.jsonl` holds one sealed line for each front-end, scheme, task, seed and fold; `build`
writes beside it one board a task, `overall.csv` and `costs.csv`. Equal summaries give equal bytes.
"""

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmark import statistics
from benchmark.results.array_cache import Cache
from benchmark.results.board import REDUCTION, Board, Overall, Row, boards_of, change, overall, place, pooled, together
from benchmark.store import write_text

# The columns of costs.csv: costs with their decimals, then updates.
COSTS = {
    "parameters": 0,
    "macs_per_second": 0,
    "real_time_factor": 4,
    "latency_ms": 2,
    "peak_memory_mb": 0,
    "train_seconds": 1,
    "score_seconds": 1,
}
UPDATES = {"front_end": "front_end_updates", "task": "task_updates", "audio_seconds": "audio_seconds"}
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


def build(folder: Path, cache: Cache | None = None) -> list[Path]:
    """Write the boards of one recipe from its summaries and remove the CSV files that belong to none of its tasks any
    more.

    Args:
        folder: leaderboards/<recipe>, where summaries.jsonl lies
        cache: of what earlier boards worked out of the same lines; it saves time and changes no byte
    Returns:
        the files written: <task>.csv for each task, overall.csv, costs.csv
    Raises:
        EarmarkError: no summaries, or damaged, doubled or contradictory ones; no file is touched then
    """
    boards = boards_of(folder, cache)
    rows = overall(boards)
    frames = {board.task: _task_frame(board) for board in boards} | {
        "overall": _overall_frame(boards, rows),
        "costs": _costs_frame(boards, rows),
    }
    written = [folder / f"{name}.csv" for name in frames]
    for path, frame in zip(written, frames.values(), strict=True):
        write_text(path, frame.to_csv(index=False, lineterminator="\n"))
    for path in set(folder.glob("*.csv")).difference(written):
        # a board, and nobody's own table
        if path.read_bytes().startswith((b"rank,front_end,scheme,", b"front_end,scheme,task,")):
            path.unlink()
    return written


def render(path: Path, columns: Sequence[str] | None = BRIEF) -> str:
    """A CSV file as an aligned Markdown table, which reads well in a terminal too; columns that the file lacks are
    passed over, None: all it has.
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


def _task_frame(board: Board) -> pd.DataFrame:
    lines = []
    rows = sorted(board.rows, key=lambda row: place(row, board.sign))
    secondary = [name for name in board.figures if name != board.metric]
    spread = [name for name in secondary if board.figures[name].by_condition]
    expected = (~board.left_out | board.excluded).sum()
    changes = [change(row, board.baseline) for row in rows]
    seeds = [len(row.seeds) for row in rows]
    scored, changed = board.designs()
    metric = board.figures[board.metric]
    scores = _estimates("score", [(row.score, row.by_seed) for row in rows], scored, seeds, metric.bounds)
    for row, score, changed_by, gain in zip(
        rows, scores, changes, _estimates("change", changes, changed, seeds, metric.differences), strict=True
    ):
        first = row.lines[0]
        values = row.figures[board.metric]
        lines.append(
            {
                "rank": _number(row.rank, 0),
                "front_end": safe(row.name[0]),
                "scheme": safe(row.name[1]),
                "metric": safe(board.metric),
            }
            | score
            | {safe(condition): _number(value) for condition, value in zip(board.conditions, values, strict=True)}
            | gain
            | {"p": _p(None if changed_by is None else board.p.get(row.name))}
            | {
                safe(name): _number(row.figures[name][board.noisy].mean() if board.noisy else None)
                for name in secondary
                if name in row.figures
            }
            | {
                safe(f"{name} {condition}"): _number(value)
                for name in spread
                if name in row.figures
                for condition, value in zip(board.conditions, row.figures[name], strict=True)
            }
            | {
                "coverage": f"{row.present.sum()} of {expected * len(row.seeds)}",
                "failed": str(row.failed.sum()),
                "excluded": str(board.excluded.sum() * len(row.seeds)),
                "seeds": str(len(row.seeds)),
                "training_data": safe(first["training_data"]),
                "track": row.track,
                "protocol": str(first["protocol"]),
                "corpora": safe("; ".join(first["corpora"])),
                "compares": _compares([row]),
                "synthetic": "yes" if first["synthetic"] else "no",
            }
        )
    return pd.DataFrame(lines, dtype=str)


def _overall_frame(boards: Sequence[Board], rows: Sequence[Overall]) -> pd.DataFrame:
    lines = []
    design = pooled(together(boards), [row for row in rows if row.rank is not None])
    design = design.over(statistics.Counted(*np.array([row.counted for row in rows]).T))
    reductions = _estimates(
        "reduction",
        [(row.score, row.by_seed) for row in rows],
        design,
        [len(row.seeds) for row in rows],
        REDUCTION.bounds,
    )
    for row, reduction in zip(rows, reductions, strict=True):
        own = list(row.rows.values())
        worst = (
            None
            if any(one.baseline for one in own)
            else min(row.reductions, key=lambda task: row.reductions[task][0][0], default=None)
        )
        ranks = [one.rank for one in own if one.rank is not None]
        lines.append(
            {"rank": _number(row.rank, 0), "front_end": safe(row.name[0]), "scheme": safe(row.name[1])}
            | reduction
            | {"worst_task": worst or "", "worst_reduction": _number(row.reductions[worst][0][0] if worst else None)}
            | {"mean_rank": _number(np.mean(ranks) if ranks else None, 2)}
            | {
                board.task: _number(row.rows[board.task].score[0] if board.task in row.rows else None)
                for board in boards
            }
            | {
                "coverage": f"{sum(one.complete for one in own)} of {len(boards)}",
                "failed": str(sum(one.failed.sum() for one in own)),
            }
            | {"track": row.track, "compares": _compares(own)}
            | {"synthetic": "yes" if any(one.lines[0]["synthetic"] for one in own) else "no"}
        )
    return pd.DataFrame(lines, dtype=str)


def _costs_frame(boards: Sequence[Board], together: Sequence[Overall]) -> pd.DataFrame:
    """Means over seeds and folds; what could not be measured is empty, or says so. The last columns mark what no other
    row of its track beats.
    """
    rows = {(*row.name, board.task): row.lines for board in boards for row in board.rows}
    on_task = {(*name, board.task): mark for board in boards for name, mark in pareto(board.rows, board.sign).items()}
    on_all = pareto(together, 1)
    lines = []
    for name, own in sorted(rows.items()):
        line = dict(zip(("front_end", "scheme", "task"), map(safe, name), strict=True))
        line |= {key: _mean([one["costs"].get(key) for one in own], decimals) for key, decimals in COSTS.items()}
        line |= {column: _mean([one["updates"].get(key) for one in own], 0) for key, column in UPDATES.items()}
        line |= {"pareto": on_task.get(name, ""), "pareto_overall": on_all.get(name[:2], "")}
        lines.append(line)
    return pd.DataFrame(lines, dtype=str)


def pareto(rows: Sequence[Row] | Sequence[Overall], sign: int) -> dict[tuple[str, str], str]:
    """By name of the ranked rows whose costs are known: "no" where another of the track scores no less, costs no more,
    and is better in one of these.
    """
    known = [(row, costs) for row in rows if row.rank is not None and (costs := _spent(row)) is not None]
    if not known:
        return {}
    values = np.array([(-sign * row.score[0], *costs) for row, costs in known])
    best = undominated(values, [row.track for row, _ in known])
    return {row.name: "yes" if kept else "no" for (row, _), kept in zip(known, best, strict=True)}


def undominated(values: np.ndarray, tracks: Sequence[str]) -> np.ndarray:
    """Of rows (rows, values), all of which are to be low: whether no other of the track is as low in all and lower in
    one, (rows,).
    """
    no_worse, better = (values[:, None] <= values).all(-1), (values[:, None] < values).any(-1)
    same = np.array(tracks)[:, None] == np.array(tracks)
    return np.asarray(~(no_worse & better & same).any(0))


def _spent(row: Row | Overall) -> list[float] | None:
    """The costs that no machine moves, the most that any task of a row has; a latency that is not known counts as
    endless. None where another is not known.
    """
    lines = [line["costs"] for own in (row.rows.values() if isinstance(row, Overall) else [row]) for line in own.lines]
    costs = [[line.get(name) for line in lines] for name in ("parameters", "macs_per_second", "latency_ms")]
    costs[2] = [np.inf if latency is None else latency for latency in costs[2]]
    return (
        [max(values) for values in costs]
        if all(isinstance(value, int | float) for values in costs for value in values)
        else None
    )


def _compares(rows: Sequence[Row]) -> str:
    return "these weights" if min(len(row.seeds) for row in rows) < 3 else "these methods"


def _estimates(
    name: str,
    values: Sequence[tuple[np.ndarray, np.ndarray] | None],
    design: statistics.Design,
    seeds: Sequence[int],
    bounds: tuple[float, float],
) -> list[dict[str, str]]:
    """The cells of values and their intervals, from (1 + replicates,) and the same by seed; intervals end where values
    do.
    """
    there = [index for index, value in enumerate(values) if value is not None]
    cells = [dict.fromkeys((name, f"{name}_low", f"{name}_high"), "") for _ in values]
    if not there:
        return cells
    given, by_seed = (np.array([value[part] for value in values if value is not None]) for part in (0, 1))
    ends = statistics.intervals(given, by_seed, design._replace(seeds=np.array(seeds)[there]), bounds)
    for index, value, (low, high) in zip(there, given[:, 0], ends, strict=True):
        cells[index] = {name: _number(value), f"{name}_low": _number(low), f"{name}_high": _number(high)}
    return cells


def _p(value: float | None) -> str:
    """A p value as it is printed: never less than LEAST_P."""
    return _number(None if value is None else max(value, statistics.LEAST_P))


def _mean(values: Sequence[Any], decimals: int) -> str:
    texts = [value for value in values if isinstance(value, str)]
    numbers = [value for value in values if isinstance(value, int | float)]
    return safe(texts[0]) if texts else _number(sum(numbers) / len(numbers) if numbers else None, decimals)


def _number(value: float | np.floating[Any] | None, decimals: int = 4) -> str:
    """Fixed decimals, never a negative zero; empty where there is no value."""
    return "" if value is None or not math.isfinite(value) else f"{round(float(value), decimals) + 0.0:.{decimals}f}"


def safe(value: str) -> str:
    """Text from outside on one line, made safe for spreadsheets: an apostrophe before what would start a formula."""
    return re.sub(r"[\r\n]", " ", f"'{value}" if value.startswith(FORMULA) else value)
