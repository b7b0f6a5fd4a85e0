"""Leaderboards: CSV files that are a pure function of the summaries of finished cells.

`leaderboards/<recipe>/summaries.jsonl` holds one sealed line for each front-end, scheme, task, seed and fold; `build` writes beside it one board a task,
`overall.csv` and `costs.csv`. Equal summaries give equal bytes.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmark import registry, statistics
from benchmark.contracts import Figure, primary
from benchmark.errors import EarmarkError
from benchmark.store import canonical, write_text

SUMMARIES = "summaries.jsonl"
FIELDS = (
    *("protocol", "task", "component", "front_end", "scheme", "seed", "fold", "baseline", "ranked", "track", "training_data", "corpora", "synthetic"),
    *("conditions", "scenes", "groups", "sums", "failed", "excluded", "updates", "costs"),
)
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
NAN = float("nan")
Summary = dict[str, Any]


def seal(summary: Mapping[str, Any]) -> Summary:
    """The summary with its "digest": SHA-256 of the canonical JSON of all the rest; ValueError where a number is not finite."""
    rest = {key: value for key, value in summary.items() if key != "digest"}
    return {**rest, "digest": hashlib.sha256(canonical(rest).encode()).hexdigest()}


def read_summaries(path: Path) -> list[Summary]:
    """All lines of a summaries file; EarmarkError names the file and the line that is cut, edited or lacks something."""
    if not path.is_file():
        raise EarmarkError(f"{path}: no such file; run the recipe first")
    remedy = "restore the file from version control, or delete the line and run the recipe again"
    summaries = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            summary = json.loads(line)
            intact = summary["digest"] == seal(summary)["digest"]
        except (ValueError, TypeError, KeyError, AttributeError):
            raise EarmarkError(f"{path} line {number}: the line is cut or not a summary; {remedy}") from None
        if not intact:
            raise EarmarkError(f"{path} line {number}: the line was edited, its digest does not match; {remedy}")
        if missing := [field for field in FIELDS if field not in summary]:
            raise EarmarkError(f"{path} line {number}: the summary lacks {', '.join(missing)}; {remedy}")
        summaries.append(summary)
    return summaries


def write_summaries(path: Path, summaries: Iterable[Mapping[str, Any]]) -> None:
    """Write sealed summaries, sorted by task, row, seed and fold, one a line; whole or not at all."""
    write_text(path, "".join(f"{canonical(seal(summary))}\n" for summary in sorted(summaries, key=_order)))


def build(folder: Path) -> list[Path]:
    """Write the boards of one recipe from its summaries and remove the CSV files that belong to none of its tasks any more.

    Args:
        folder: leaderboards/<recipe>, where summaries.jsonl lies
    Returns:
        the files written: <task>.csv for each task, overall.csv, costs.csv
    Raises:
        EarmarkError: no summaries, or damaged, doubled or contradictory ones; no file is touched then
    """
    summaries = sorted(read_summaries(folder / SUMMARIES), key=_order)
    if not summaries:
        raise EarmarkError(f"{folder / SUMMARIES}: the file is empty; run the recipe first")
    for order, count in Counter(map(_order, summaries)).items():
        if count > 1:
            task, front_end, scheme, seed, fold = order
            raise EarmarkError(
                f"{folder / SUMMARIES}: {task} of {front_end} under {scheme}, seed {seed}, fold {fold}, is there {count} times; delete all but one"
            )
    by_task: dict[str, list[Summary]] = {}
    for summary in summaries:
        by_task.setdefault(summary["task"], []).append(summary)
    universes = _universes({task: {group for line in lines for group in _groups(line)} for task, lines in by_task.items()})
    boards = [_Board(task, lines, universes[task]) for task, lines in by_task.items()]
    frames = {board.task: _task_frame(board) for board in boards} | {"overall": _overall_frame(boards), "costs": _costs_frame(summaries)}
    written = [folder / f"{name}.csv" for name in frames]
    for path, frame in zip(written, frames.values(), strict=True):
        write_text(path, frame.to_csv(index=False, lineterminator="\n"))
    for path in set(folder.glob("*.csv")).difference(written):
        path.unlink()
    return written


def render(path: Path, columns: Sequence[str] = BRIEF) -> str:
    """A CSV file as an aligned Markdown table, which reads well in a terminal too; columns that the file lacks are passed over."""
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    shown = [column for column in columns if column in frame.columns]
    cells = [[re.sub(r"\s+", " ", cell).replace("|", "\\|") for cell in row] for row in [shown, *frame[shown].to_numpy().tolist()]]
    widths = [max(3, *map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in cells]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]) + "\n"


@dataclass(eq=False)
class _Row:
    """One front-end under one scheme on one task: the scores of all its seeds and folds, put together."""

    name: tuple[str, str]  # front-end, scheme
    lines: list[Summary]
    seeds: list[int]
    sums: np.ndarray  # (columns, scenes, seeds, conditions), NaN where null, 0 where absent
    present: np.ndarray  # (scenes, seeds, conditions), bool
    failed: np.ndarray  # likewise
    score: np.ndarray = field(init=False)  # (1 + replicates,)
    by_seed: np.ndarray = field(init=False)  # likewise, where seeds alone are redrawn
    figures: dict[str, np.ndarray] = field(init=False)  # (conditions,) each, observed
    complete: bool = field(init=False)  # scored on every scene and condition that is not left out
    rank: int | None = None

    @property
    def track(self) -> str:
        return _track(line["track"] for line in self.lines)

    @property
    def baseline(self) -> bool:
        return all(line["baseline"] for line in self.lines)

    @property
    def ranked(self) -> bool:
        return all(line["ranked"] for line in self.lines)

    @property
    def records(self) -> tuple[str, ...]:
        """What was measured: rows of one record are one system under several names."""
        return tuple(sorted(line["keys"]["outputs"] for line in self.lines))


class _Board:
    """All rows of one task on the same scenes, with the same exclusions and the same draws of the bootstrap."""

    def __init__(self, task: str, lines: list[Summary], universe: Iterable[str]) -> None:
        if not re.fullmatch(r"\w[\w.-]*", task) or task in ("overall", "costs"):
            raise EarmarkError(f"task '{task}' cannot name a board; use letters, digits, '_', '-' and '.', and neither 'overall' nor 'costs'")
        for key in ("protocol", "component", "corpora"):
            if len(found := sorted({json.dumps(line[key]) for line in lines})) > 1:
                raise EarmarkError(f"task '{task}': one board cannot hold lines of different {key} ({' and '.join(found)}); run the older cells again")
        component: Any = registry.load("tasks", lines[0]["component"])
        self.task = task
        self.universe = universe
        self.metric = primary(component)
        self.figures: Mapping[str, Figure] = component.figures
        groups = {scene: group for line in lines for scene, group in zip(line["scenes"], _groups(line), strict=True)}
        self.scenes = sorted(groups)
        self.groups = [groups[scene] for scene in self.scenes]
        widest = sorted(lines, key=lambda line: len(line["conditions"]), reverse=True)
        self.conditions = list(dict.fromkeys(condition for line in widest for condition in line["conditions"]))
        self.columns = sorted(lines[0]["sums"])
        by_row: dict[tuple[str, str], list[Summary]] = {}
        for line in lines:
            by_row.setdefault((line["front_end"], line["scheme"]), []).append(line)
        self.rows = [self._assemble(name, own) for name, own in by_row.items()]
        # (scenes, conditions): what is null in any row is left out of all; excluded is what was planned and could not be scored.
        self.left_out = np.any([np.isnan(row.sums).any((0, 2)) for row in self.rows], 0)
        excluded = {(entry["scene"], entry["condition"]) for line in lines for entry in line["excluded"]}
        self.excluded = np.array([[(scene, condition) in excluded for condition in self.conditions] for scene in self.scenes]) & self.left_out
        self._score(component)
        self.baseline = next((row for row in self.rows if row.complete and row.baseline), None)
        self.p = _rank(self.entered, self.sign, self.baseline, self.design)

    @property
    def entered(self) -> list[_Row]:
        """The rows that are ranked."""
        return [row for row in self.rows if row.complete and row.ranked]

    @property
    def design(self) -> statistics.Design:
        """What a figure of this board stands on, seeds left open."""
        return statistics.Design(len(self.scenes), statistics.units(self.groups))

    def designs(self) -> tuple[statistics.Design, statistics.Design]:
        """The design of scores, and that of changes against the baseline, with what seeds do pooled over the board."""
        scores = _pooled(self.design, self.entered)
        return scores, scores if self.baseline is None else _pooled(self.design, self.entered, self.baseline.by_seed)

    @property
    def sign(self) -> int:
        return self.figures[self.metric].sign

    def _assemble(self, name: tuple[str, str], lines: list[Summary]) -> _Row:
        seeds = sorted({line["seed"] for line in lines})
        shape = len(self.scenes), len(seeds), len(self.conditions)
        sums, present, failed = np.zeros((len(self.columns), *shape)), np.zeros(shape, bool), np.zeros(shape, bool)
        position = {scene: index for index, scene in enumerate(self.scenes)}
        for line in lines:
            where = f"task '{self.task}', {line['front_end']} under {line['scheme']}, seed {line['seed']}, fold {line['fold']}"
            size = len(line["scenes"]), len(line["conditions"])
            try:
                values = np.array([_table(line["sums"][column], *size) for column in self.columns], np.float64)  # null becomes NaN
                flags = np.array(_table(line["failed"], *size), bool)
            except (KeyError, ValueError, TypeError):
                raise EarmarkError(f"{where}: the sums are not tables of the columns {', '.join(self.columns)}; run the cell again") from None
            if values.shape[1:] != size or flags.shape != size or len(set(line["scenes"])) != size[0]:
                raise EarmarkError(f"{where}: the tables are not {size[0]} different scenes by {size[1]} conditions; run the cell again")
            conditions = [self.conditions.index(condition) for condition in line["conditions"]]
            i, j, k = np.ix_([position[scene] for scene in line["scenes"]], [seeds.index(line["seed"])], conditions)
            if present[i, j, k].any():
                raise EarmarkError(f"{where}: another fold of the same seed holds some of its scenes; folds must be disjoint")
            sums[:, i, j, k], present[i, j, k], failed[i, j, k] = values[:, :, None], True, flags[:, None]
        return _Row(name, lines, seeds, sums, present, failed)

    def _score(self, component: Any) -> None:
        weights = statistics.scene_weights(self.scenes, self.groups, universe=self.universe)
        usable = [k for k in range(len(self.conditions)) if not self.left_out[:, k].all()]
        self.noisy = [k for k in usable if self.conditions[k].partition(" ")[0] != "clean"] or usable  # "clean N2" is clean for listener N2
        left_out = self.left_out[:, None]  # (scenes, 1, conditions)
        for row in self.rows:
            row.complete = bool((row.present | left_out).all())
            row.present &= ~left_out
            row.failed &= ~left_out
            row.sums = np.where(left_out, 0, row.sums)
            totals = np.tensordot(weights, row.sums, (1, 1))  # (1 + replicates, columns, seeds, conditions)
            shares = statistics.seed_weights(row.seeds, self.scenes)
            with np.errstate(divide="ignore", invalid="ignore"):
                figures = component.summarise({column: totals[:, index] for index, column in enumerate(self.columns)})
            noisy = figures[self.metric][:, :, self.noisy].mean(-1) if self.noisy else np.full((len(weights), len(row.seeds)), NAN)
            row.score, row.by_seed = (shares * noisy).sum(1), shares @ noisy[0]
            row.figures = {name: figures[name][0].mean(0) for name in self.figures if name in figures}  # some are measured on demand
            row.complete &= bool(np.isfinite(row.score[0]))


def _table(rows: Sequence[Any] | Mapping[str, Any], scenes: int, conditions: int) -> list[Any]:
    """As many rows of as many values: "*" stands for the scenes that a mapping does not name, one value for all conditions."""
    listed = [rows.get(str(index), rows["*"]) for index in range(scenes)] if isinstance(rows, Mapping) else rows
    return [row if isinstance(row, list) else [row] * conditions for row in listed]


def _groups(line: Summary) -> list[str]:
    """The groups of a line's scenes, by corpus: speaker 03 of one is not speaker 03 of another. The synthetic corpora share their voices."""
    family = line["corpora"][0].partition(" ")[0].partition("/")[0] if line["corpora"] else ""
    return [f"{family} {group}" for group in line["groups"]]


def _universes(groups: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """By task: its groups, and those of all tasks that share some with it, directly or through others."""
    universes: list[set[str]] = []
    for own in groups.values():
        touching = [universe for universe in universes if universe & own]
        universes = [universe for universe in universes if universe not in touching] + [own.union(*touching)]
    return {task: next(universe for universe in universes if universe >= own) for task, own in groups.items()}


def _rank(rows: Sequence["_Row | _Overall"], sign: int, baseline: _Row | None, design: statistics.Design) -> dict[tuple[str, str], float]:
    """Rank rows within their tracks, by the name of each; returns the corrected p value of each against the baseline. Rows of one record count once."""
    if not rows:
        return {}
    records = list(dict.fromkeys(row.records for row in rows))
    first = [next(row for row in rows if row.records == record) for record in records]
    values, by_seed = (np.array([getattr(row, name) for row in first]) for name in ("score", "by_seed"))
    tracks = np.array([row.track for row in first])
    is_baseline = np.array([baseline is not None and row.records == baseline.records for row in first])
    together = tracks[:, None] == tracks
    design = design._replace(seeds=np.array([len(row.seeds) for row in first]))
    p = statistics.compare(values, by_seed, together | is_baseline[:, None] | is_baseline, design)
    ranks = statistics.ranks(sign * values[:, 0], np.where(together, p, NAN))
    for row in rows:
        row.rank = int(ranks[records.index(row.records)])
    return {row.name: float(p[records.index(row.records), is_baseline.argmax()]) for row in rows} if is_baseline.any() else {}


def _place(row: "_Row | _Overall", sign: int) -> tuple[Any, ...]:
    """Where a row stands: closed track, open track, unranked, reference; then by score and name."""
    block = 3 if not row.ranked else 2 if row.rank is None else int(row.track == "open")
    score = row.score[0]
    return block, np.inf if np.isnan(score) else -sign * score, row.name


def _task_frame(board: _Board) -> pd.DataFrame:
    lines = []
    scored, changed = board.designs()
    for row in sorted(board.rows, key=lambda row: _place(row, board.sign)):
        first = row.lines[0]
        values = row.figures[board.metric]
        changes = _changes(row, board.baseline)
        secondary = [name for name in board.figures if name != board.metric]
        lines.append(
            {"rank": _number(row.rank, 0), "front_end": _text(row.name[0]), "scheme": _text(row.name[1]), "metric": _text(board.metric)}
            | _estimate("score", (row.score, row.by_seed), scored._replace(seeds=len(row.seeds)), board.figures[board.metric])
            | {_text(condition): _number(value) for condition, value in zip(board.conditions, values, strict=True)}
            | _estimate("change", changes, changed._replace(seeds=len(row.seeds)))
            | {"p": _p(None if changes is None else board.p.get(row.name))}
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


def _pooled(design: statistics.Design, rows: Sequence["_Row | _Overall"], baseline: np.ndarray | float = 0.0) -> statistics.Design:
    """The design with the spread over seeds of the rows' distinct records, or of their distance to a baseline (1 + replicates,)."""
    first = list({row.records: row for row in rows}.values())
    distances = [(row.by_seed - baseline, len(row.seeds)) for row in first if (row.by_seed - baseline).any()]
    if not distances:
        return design
    by_seed, seeds = zip(*distances, strict=True)
    return design._replace(seeds=np.array(seeds)).pooled(np.array(by_seed), len(by_seed))


def _changes(row: _Row, baseline: _Row | None) -> tuple[np.ndarray, np.ndarray] | None:
    if baseline is None or not row.complete or row.records == baseline.records:
        return None
    return row.score - baseline.score, row.by_seed - baseline.by_seed


@dataclass(eq=False)
class _Overall:
    """One front-end under one scheme over all tasks; `score` is its mean relative error reduction."""

    name: tuple[str, str]
    rows: dict[str, _Row]  # by task
    reductions: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)  # by task, as score and by_seed of a row, where it is defined
    rank: int | None = None

    @property
    def score(self) -> np.ndarray:
        return np.mean([score for score, _ in self.reductions.values()] or [np.full(1 + statistics.REPLICATES, NAN)], 0)

    @property
    def by_seed(self) -> np.ndarray:
        return np.mean([by_seed for _, by_seed in self.reductions.values()] or [np.full(1 + statistics.REPLICATES, NAN)], 0)

    @property
    def seeds(self) -> list[int]:
        return min((row.seeds for row in self.rows.values()), key=len)

    @property
    def records(self) -> tuple[str, ...]:
        return tuple(sorted(record for row in self.rows.values() for record in row.records))

    @property
    def track(self) -> str:
        return _track(row.track for row in self.rows.values())

    @property
    def ranked(self) -> bool:
        return all(row.ranked for row in self.rows.values())


def _overall(boards: Sequence[_Board]) -> list[_Overall]:
    """The rows of all boards, with their relative error reduction 1 - error / error of the baseline, where error = |best - score|."""
    rows: dict[tuple[str, str], _Overall] = {}
    for board in boards:
        best = board.figures[board.metric].best
        for row in board.rows:
            overall = rows.setdefault(row.name, _Overall(row.name, {}))
            overall.rows[board.task] = row
            if board.baseline and row.complete:
                reduction = _reduction(row.score, board.baseline.score, best)
                if np.isfinite(reduction[0]):
                    overall.reductions[board.task] = reduction, _reduction(row.by_seed, board.baseline.by_seed, best)
    entered = [row for row in rows.values() if row.ranked and len(row.reductions) == len(boards)]
    _rank(entered, 1, None, _together(boards))
    return sorted(rows.values(), key=lambda row: _place(row, 1))


def _reduction(score: np.ndarray, baseline: np.ndarray, best: float) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        reduction = 1 - np.abs(best - score) / np.abs(best - baseline)
    return np.where(np.isfinite(reduction), reduction, NAN)  # undefined where the baseline makes no error


def _together(boards: Sequence[_Board]) -> statistics.Design:
    return statistics.Design(sum(len(board.scenes) for board in boards), min(statistics.units(board.groups) for board in boards))


def _overall_frame(boards: Sequence[_Board]) -> pd.DataFrame:
    lines = []
    rows = _overall(boards)
    design = _pooled(_together(boards), [row for row in rows if row.rank is not None])
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


def _costs_frame(summaries: Sequence[Summary]) -> pd.DataFrame:
    """Means over seeds and folds; what could not be measured is empty, or says so."""
    rows: dict[tuple[str, str, str], list[Summary]] = {}
    for summary in summaries:
        rows.setdefault((summary["front_end"], summary["scheme"], summary["task"]), []).append(summary)
    lines = []
    for name, own in sorted(rows.items()):
        line = dict(zip(("front_end", "scheme", "task"), map(_text, name), strict=True))
        line |= {key: _mean([one["costs"].get(key) for one in own], decimals) for key, decimals in COSTS.items()}
        line |= {column: _mean([one["updates"].get(key) for one in own], 0) for key, column in UPDATES.items()}
        lines.append(line)
    return pd.DataFrame(lines, dtype=str)


def _track(tracks: Iterable[str]) -> str:
    """The track of a whole; one open part opens it."""
    return found.pop() if len(found := set(tracks)) == 1 else "open"


def _compares(rows: Sequence[_Row]) -> str:
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


def _order(summary: Mapping[str, Any]) -> tuple[Any, ...]:
    return summary["task"], summary["front_end"], summary["scheme"], summary["seed"], str(summary["fold"])
