"""What a leaderboard says: the rows of a task on the same scenes with one bootstrap, their ranks, and all tasks together.

From summaries to numbers; leaderboard.py writes them down.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmark import registry, statistics
from benchmark.contracts import Figure, primary
from benchmark.errors import EarmarkError
from benchmark.summary_file import SUMMARIES, Summary, order, read_summaries

NAN = float("nan")


@dataclass(eq=False)
class Row:
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
        """Closed, or open where any part came trained from elsewhere."""
        return _track(line["track"] for line in self.lines)

    @property
    def baseline(self) -> bool:
        """Whether all others are compared with this row."""
        return all(line["baseline"] for line in self.lines)

    @property
    def ranked(self) -> bool:
        """Whether the row competes; the reference does not."""
        return all(line["ranked"] for line in self.lines)

    @property
    def records(self) -> tuple[str, ...]:
        """What was measured: rows of one record are one system under several names."""
        return tuple(sorted(line["keys"]["outputs"] for line in self.lines))


class Board:
    """All rows of one task on the same scenes, with the same exclusions and the same draws of the bootstrap."""

    def __init__(self, task: str, lines: list[Summary], universe: Iterable[str]) -> None:
        if not re.fullmatch(r"\w[\w.-]*", task) or task in ("overall", "costs"):
            raise EarmarkError(f"task '{task}' cannot name a board; use letters, digits, '_', '-' and '.', and neither 'overall' nor 'costs'")
        for key in ("protocol", "component", "corpora"):
            if len(found := sorted({json.dumps(line[key]) for line in lines})) > 1:
                raise EarmarkError(f"task '{task}': one board cannot hold lines of different {key} ({' and '.join(found)}); run the older cells again")
        component: Any = registry.load("tasks", lines[0]["component"])
        self.task, self.component = task, lines[0]["component"]
        self.universe = universe
        self.metric = primary(component)
        self.figures: Mapping[str, Figure] = component.figures
        groups = {scene: group for line in lines for scene, group in zip(line["scenes"], groups_of(line), strict=True)}
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
    def entered(self) -> list[Row]:
        """The rows that are ranked."""
        return [row for row in self.rows if row.complete and row.ranked]

    @property
    def design(self) -> statistics.Design:
        """What a figure of this board stands on, seeds left open."""
        return statistics.Design(len(self.scenes), statistics.units(self.groups))

    def designs(self) -> tuple[statistics.Design, statistics.Design]:
        """The design of scores, and that of changes against the baseline, with what seeds do pooled over the board."""
        scores = pooled(self.design, self.entered)
        return scores, scores if self.baseline is None else pooled(self.design, self.entered, self.baseline.by_seed)

    @property
    def sign(self) -> int:
        """1 where more is better, -1 where less is."""
        return self.figures[self.metric].sign

    def _assemble(self, name: tuple[str, str], lines: list[Summary]) -> Row:
        seeds = sorted({line["seed"] for line in lines})
        shape = len(self.scenes), len(seeds), len(self.conditions)
        sums, present, failed = np.zeros((len(self.columns), *shape)), np.zeros(shape, bool), np.zeros(shape, bool)
        position = {scene: index for index, scene in enumerate(self.scenes)}
        for line in lines:
            where = f"task '{self.task}', {line['front_end']} under {line['scheme']}, seed {line['seed']}, fold {line['fold']}"
            size = len(line["scenes"]), len(line["conditions"])
            try:
                values = np.array([line["sums"][column] for column in self.columns], np.float64)  # null becomes NaN
                flags = np.array(line["failed"], bool)
            except (KeyError, ValueError, TypeError):
                raise EarmarkError(f"{where}: the sums are not tables of the columns {', '.join(self.columns)}; run the cell again") from None
            if values.shape[1:] != size or flags.shape != size or len(set(line["scenes"])) != size[0]:
                raise EarmarkError(f"{where}: the tables are not {size[0]} different scenes by {size[1]} conditions; run the cell again")
            conditions = [self.conditions.index(condition) for condition in line["conditions"]]
            i, j, k = np.ix_([position[scene] for scene in line["scenes"]], [seeds.index(line["seed"])], conditions)
            if present[i, j, k].any():
                raise EarmarkError(f"{where}: another fold of the same seed holds some of its scenes; folds must be disjoint")
            sums[:, i, j, k], present[i, j, k], failed[i, j, k] = values[:, :, None], True, flags[:, None]
        return Row(name, lines, seeds, sums, present, failed)

    def _score(self, component: Any) -> None:
        weights = statistics.scene_weights(self.scenes, self.groups, universe=self.universe)
        usable = [k for k in range(len(self.conditions)) if not self.left_out[:, k].all()]
        heard = [k for k in usable if self.conditions[k].partition(" ")[0] != "clean"] or usable  # "clean N2" is clean for listener N2
        self.noisy = [k for k in heard if _headline(component, self.conditions[k])] or heard
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


def _headline(component: Any, condition: str) -> bool:
    """Whether a condition belongs to those that make a task's score."""
    values = dict(zip(component.columns, condition.split(" "), strict=False))
    return all(values.get(name) in wanted for name, wanted in component.headline.items())


def boards_of(folder: Path) -> list[Board]:
    """The boards of a leaderboard, leaderboards/<recipe>, from its summaries. Raises EarmarkError where they are missing, damaged, doubled or contradict."""
    summaries = sorted(read_summaries(folder / SUMMARIES), key=order)
    if not summaries:
        raise EarmarkError(f"{folder / SUMMARIES}: the file is empty; run the recipe first")
    for (task, front_end, scheme, seed, fold), count in Counter(map(order, summaries)).items():
        if count > 1:
            raise EarmarkError(
                f"{folder / SUMMARIES}: {task} of {front_end} under {scheme}, seed {seed}, fold {fold}, is there {count} times; delete all but one"
            )
    by_task: dict[str, list[Summary]] = {}
    for summary in summaries:
        by_task.setdefault(summary["task"], []).append(summary)
    shared = universes({task: {group for line in lines for group in groups_of(line)} for task, lines in by_task.items()})
    return [Board(task, lines, shared[task]) for task, lines in by_task.items()]


def groups_of(line: Summary) -> list[str]:
    """The groups of a line's scenes, by corpus: speaker 03 of one is not speaker 03 of another. The synthetic corpora share their voices."""
    family = line["corpora"][0].partition(" ")[0].partition("/")[0] if line["corpora"] else ""
    return [f"{family} {group}" for group in line["groups"]]


def universes(groups: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """By task: its groups, and those of all tasks that share some with it, directly or through others."""
    found: list[set[str]] = []
    for own in groups.values():
        touching = [universe for universe in found if universe & own]
        found = [universe for universe in found if universe not in touching] + [own.union(*touching)]
    return {task: next(universe for universe in found if universe >= own) for task, own in groups.items()}


@dataclass(eq=False)
class Overall:
    """One front-end under one scheme over all tasks; `score` is its mean relative error reduction."""

    name: tuple[str, str]
    rows: dict[str, Row]  # by task
    reductions: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)  # by task, as score and by_seed of a row, where it is defined
    rank: int | None = None

    @property
    def score(self) -> np.ndarray:
        """(1 + replicates,): the mean reduction, NaN where no task has one."""
        return np.mean([score for score, _ in self.reductions.values()] or [np.full(1 + statistics.REPLICATES, NAN)], 0)

    @property
    def by_seed(self) -> np.ndarray:
        """(1 + replicates,): likewise, where seeds alone are redrawn."""
        return np.mean([by_seed for _, by_seed in self.reductions.values()] or [np.full(1 + statistics.REPLICATES, NAN)], 0)

    @property
    def seeds(self) -> list[int]:
        """The seeds of the task that has fewest."""
        return min((row.seeds for row in self.rows.values()), key=len)

    @property
    def records(self) -> tuple[str, ...]:
        """What was measured, on all tasks."""
        return tuple(sorted(record for row in self.rows.values() for record in row.records))

    @property
    def track(self) -> str:
        """Closed, or open where any task's is."""
        return _track(row.track for row in self.rows.values())

    @property
    def ranked(self) -> bool:
        """Whether it competes on every task."""
        return all(row.ranked for row in self.rows.values())


def overall(boards: Sequence[Board]) -> list[Overall]:
    """The rows of all boards, with their relative error reduction 1 - error / error of the baseline, where error = |best - score|."""
    rows: dict[tuple[str, str], Overall] = {}
    for board in boards:
        best = board.figures[board.metric].best
        for row in board.rows:
            entry = rows.setdefault(row.name, Overall(row.name, {}))
            entry.rows[board.task] = row
            if board.baseline and row.complete:
                reduction = _reduction(row.score, board.baseline.score, best)
                if np.isfinite(reduction[0]):
                    entry.reductions[board.task] = reduction, _reduction(row.by_seed, board.baseline.by_seed, best)
    entered = [row for row in rows.values() if row.ranked and len(row.reductions) == len(boards)]
    _rank(entered, 1, None, together(boards))
    return sorted(rows.values(), key=lambda row: place(row, 1))


def _reduction(score: np.ndarray, baseline: np.ndarray, best: float) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        reduction = 1 - np.abs(best - score) / np.abs(best - baseline)
    return np.where(np.isfinite(reduction), reduction, NAN)  # undefined where the baseline makes no error


def together(boards: Sequence[Board]) -> statistics.Design:
    """What a figure over all boards stands on: their scenes, and the fewest speakers of any."""
    return statistics.Design(sum(len(board.scenes) for board in boards), min(statistics.units(board.groups) for board in boards))


def _rank(rows: Sequence["Row | Overall"], sign: int, baseline: Row | None, design: statistics.Design) -> dict[tuple[str, str], float]:
    """Rank rows within their tracks, by the name of each; returns the corrected p value of each against the baseline. Rows of one record count once."""
    if not rows:
        return {}
    records = list(dict.fromkeys(row.records for row in rows))
    first = [next(row for row in rows if row.records == record) for record in records]
    values, by_seed = (np.array([getattr(row, name) for row in first]) for name in ("score", "by_seed"))
    tracks = np.array([row.track for row in first])
    is_baseline = np.array([baseline is not None and row.records == baseline.records for row in first])
    same_track = tracks[:, None] == tracks
    design = design._replace(seeds=np.array([len(row.seeds) for row in first]))
    p = statistics.compare(values, by_seed, same_track | is_baseline[:, None] | is_baseline, design)
    ranks = statistics.ranks(sign * values[:, 0], np.where(same_track, p, NAN))
    for row in rows:
        row.rank = int(ranks[records.index(row.records)])
    return {row.name: float(p[records.index(row.records), is_baseline.argmax()]) for row in rows} if is_baseline.any() else {}


def place(row: "Row | Overall", sign: int) -> tuple[Any, ...]:
    """Where a row stands: closed track, open track, unranked, reference; then by score and name."""
    block = 3 if not row.ranked else 2 if row.rank is None else int(row.track == "open")
    score = row.score[0]
    return block, np.inf if np.isnan(score) else -sign * score, row.name


def pooled(design: statistics.Design, rows: Sequence["Row | Overall"], baseline: np.ndarray | float = 0.0) -> statistics.Design:
    """The design with the spread over seeds of the rows' distinct records, or of their distance to a baseline (1 + replicates,)."""
    first = list({row.records: row for row in rows}.values())
    distances = [(row.by_seed - baseline, len(row.seeds)) for row in first if (row.by_seed - baseline).any()]
    if not distances:
        return design
    by_seed, seeds = zip(*distances, strict=True)
    return design._replace(seeds=np.array(seeds)).pooled(np.array(by_seed), len(by_seed))


def change(row: Row, baseline: Row | None) -> tuple[np.ndarray, np.ndarray] | None:
    """How far a row is from the baseline, as its score and by_seed; None where there is nothing to compare."""
    if baseline is None or not row.complete or row.records == baseline.records:
        return None
    return row.score - baseline.score, row.by_seed - baseline.by_seed


def _track(tracks: Iterable[str]) -> str:
    """The track of a whole; one open part opens it."""
    return found.pop() if len(found := set(tracks)) == 1 else "open"
