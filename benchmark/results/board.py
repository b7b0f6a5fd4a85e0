"""What a leaderboard says: the rows of a task on the same scenes with one bootstrap, their ranks, and all tasks
together.

From summaries to numbers; leaderboard.py writes them down.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from benchmark import provenance, registry, statistics
from benchmark.catalogue import default_cache
from benchmark.contracts import PROTOCOL, Figure, primary
from benchmark.errors import EarmarkError
from benchmark.results.array_cache import Cache, remembered
from benchmark.results.board_rows import Layout, Row, coverage, stacked_sums, track_of
from benchmark.results.summary_file import SUMMARIES, Summary, order, read_lines, sums_of
from benchmark.store import digest, file_hash

NAN = float("nan")
UNCOUNTED = statistics.Counted(NAN, NAN)
REDUCTION = Figure(best=1.0, floor=0.0)  # of errors, relative to the baseline's


class Board:
    """All rows of one task on the same scenes, with the same exclusions and the same draws of the bootstrap.

    Args:
        lines: the task's summaries, in their order
        universe: groups that the bootstrap draws from, as `statistics.scene_weights` has it
        cache: of what rows came to on earlier boards; without one everything is worked out
    """

    def __init__(self, task: str, lines: list[Summary], universe: Iterable[str], cache: Cache | None = None) -> None:
        if not re.fullmatch(r"\w[\w.-]*", task) or task in ("overall", "costs"):
            raise EarmarkError(
                f"task '{task}' cannot name a board; use letters, digits, '_', '-' and '.', and neither 'overall' nor "
                "'costs'"
            )
        for key in ("component", "corpora", "settings"):
            if len(kinds := sorted({json.dumps(line.get(key)) for line in lines})) > 1:
                rarest = min(kinds, key=lambda kind: sum(json.dumps(line.get(key)) == kind for line in lines))
                odd = next(line for line in lines if json.dumps(line.get(key)) == rarest)
                raise EarmarkError(
                    f"task '{task}': one board cannot hold lines of different {key} ({' and '.join(kinds)}); run or "
                    f"submit {odd['front_end']} again, "
                    "or delete its card to take it off"
                )
        component: Any = registry.load("tasks", lines[0]["component"])
        self.task, self.component, self.task_class = task, lines[0]["component"], component
        self.universe = sorted(universe)
        self.metric = primary(component)
        self.figures: Mapping[str, Figure] = component.figures
        groups = {scene: group for line in lines for scene, group in zip(line["scenes"], groups_of(line), strict=True)}
        self.scenes = sorted(groups)
        self.groups = [groups[scene] for scene in self.scenes]
        widest = sorted(lines, key=lambda line: len(line["conditions"]), reverse=True)
        self.conditions = list(dict.fromkeys(condition for line in widest for condition in line["conditions"]))
        self.layout = Layout(task, self.scenes, self.conditions, sorted(sums_of(lines[0])))
        by_row: dict[tuple[str, str], list[Summary]] = {}
        for line in lines:
            by_row.setdefault((line["front_end"], line["scheme"]), []).append(line)
        self.rows = [Row(name, own) for name, own in by_row.items()]
        self._score(cache)
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

    @cached_property
    def weights(self) -> np.ndarray:
        """The bootstrap of the board's scenes, (1 + replicates, scenes)."""
        return statistics.scene_weights(self.scenes, self.groups, universe=self.universe)

    def sums(self, row: Row) -> np.ndarray:
        """What a row's lines add up, (columns, scenes, seeds, conditions), NaN where null."""
        return stacked_sums(self.layout, row)

    def replicates(self, sums: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
        """Every figure for every replicate, seed and condition, (replicates, seeds, conditions), from sums and weights
        (replicates, scenes).
        """
        # (replicates, columns, seeds, conditions)
        totals = np.tensordot(weights, np.where(self.left_out[:, None], 0, sums), (1, 1))
        with np.errstate(divide="ignore", invalid="ignore"):
            figures = self.task_class.summarise(
                {column: totals[:, index] for index, column in enumerate(self.layout.columns)}
            )
        return {name: figures[name] for name in self.figures if name in figures}  # some are measured on demand

    def score_of(
        self, figure: np.ndarray, row: Row, conditions: Sequence[int] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The mean of a figure (1 + replicates, seeds, conditions) over seeds and conditions, (1 + replicates,); and
        the same where seeds alone are redrawn.

        Args:
            conditions: places of conditions; those that make the score unless told
        """
        chosen = self.noisy if conditions is None else conditions
        by_seed = figure[:, :, chosen].mean(-1) if len(chosen) else np.full(figure.shape[:2], NAN)
        shares = statistics.seed_weights(row.seeds)
        return (shares * by_seed).sum(1), shares @ by_seed[0]

    def _score(self, cache: Cache | None) -> None:
        keys = [digest([line.get("digest") for line in row.lines]) for row in self.rows]
        context = self._context() if cache else ""
        covered = remembered(
            cache, f"{self.task} coverage", context, keys, lambda index: coverage(self.layout, self.rows[index])
        )
        # (scenes, conditions): what is null in any row is left out of all; excluded is what was planned and could not
        # be scored.
        self.left_out: np.ndarray = np.asarray(covered["null"].any(0))
        excluded = {
            (entry["scene"], entry["condition"])
            for row in self.rows
            for line in row.lines
            for entry in line["excluded"]
        }
        self.excluded = (
            np.array([[(scene, condition) in excluded for condition in self.conditions] for scene in self.scenes])
            & self.left_out
        )
        usable = [k for k in range(len(self.conditions)) if not self.left_out[:, k].all()]
        # "clean N2" is clean for listener N2
        heard = [k for k in usable if self.conditions[k].partition(" ")[0] != "clean"] or usable
        self.noisy = [k for k in heard if _headline(self.task_class, self.conditions[k])] or heard
        scored = remembered(
            cache,
            self.task,
            digest([context, self.left_out.tolist()]),
            keys,
            lambda index: self._scored(self.rows[index]),
        )
        for index, row in enumerate(self.rows):
            row.score, row.by_seed = scored["score"][index], scored["by_seed"][index]
            row.figures = {name: scored[f"figure {name}"][index] for name in self.figures if f"figure {name}" in scored}
            row.present, row.failed = (
                np.where(self.left_out, 0, covered[name][index]) for name in ("present", "failed")
            )
            whole = ((row.present == len(row.seeds)) | self.left_out)[:, self.noisy or usable].all()
            row.complete = bool(whole and np.isfinite(row.score[0]))

    def _scored(self, row: Row) -> dict[str, np.ndarray]:
        figures = self.replicates(self.sums(row), self.weights)
        score, by_seed = self.score_of(figures[self.metric], row)
        return {
            "score": score,
            "by_seed": by_seed,
            **{f"figure {name}": values[0].mean(0) for name, values in figures.items()},
        }

    def _context(self) -> str:
        """What scores depend on, beside a row's own lines and what is left out of the board."""
        code = [file_hash(Path(__file__).with_name(f"{name}.py")) for name in ("board", "board_rows")]
        return digest(
            [np.__version__, provenance.source_digest(self.task_class), code, self.layout, self.groups, self.universe]
        )


def _headline(component: Any, condition: str) -> bool:
    """Whether a condition belongs to those that make a task's score."""
    values = dict(zip(component.columns, condition.split(" "), strict=False))
    return all(values.get(name) in wanted for name, wanted in component.headline.items())


def boards_of(folder: Path, cache: Cache | None = None) -> list[Board]:
    """The boards of a leaderboard, leaderboards/<recipe>, from its summaries, and what a cache knows of them.

    Raises:
        EarmarkError: summaries are missing, damaged, doubled or contradict each other
    """
    summaries = sorted(read_lines(folder / SUMMARIES, cache), key=order)
    for (task, front_end, scheme, seed, fold), count in Counter(map(order, summaries)).items():
        if count > 1:
            raise EarmarkError(
                f"{folder / SUMMARIES}: {task} of {front_end} under {scheme}, seed {seed}, fold {fold}, is there "
                f"{count} times; delete all but one"
            )
    if len(protocols := sorted({summary["protocol"] for summary in summaries})) > 1:
        raise EarmarkError(
            f"{folder / SUMMARIES}: lines of protocol {' and '.join(map(str, protocols))} do not compare; run the "
            "older cells again"
        )
    if protocols[0] > PROTOCOL:
        raise EarmarkError(
            f"{folder / SUMMARIES}: of protocol {protocols[0]}, newer than this Earmark's, which is {PROTOCOL}; "
            "install the Earmark that made it"
        )
    by_task: dict[str, list[Summary]] = {}
    for summary in summaries:
        by_task.setdefault(summary["task"], []).append(summary)
    shared = universes(
        {task: {group for line in lines for group in groups_of(line)} for task, lines in by_task.items()}
    )
    return [Board(task, lines, shared[task], cache) for task, lines in by_task.items()]


def cache_of(folder: Path) -> Cache:
    """Where this machine keeps what it worked out for leaderboards of this name; several of one name displace each
    other there, no more.
    """
    return Cache(caches() / folder.resolve().name)


def caches() -> Path:
    """Where all of these lie."""
    return default_cache() / "boards"


def groups_of(line: Summary) -> list[str]:
    """The groups of a line's scenes, by corpus: speaker 03 of one is not speaker 03 of another. The synthetic corpora
    share their voices.
    """
    family = line["corpora"][0].partition(" ")[0].partition("/")[0] if line["corpora"] else ""
    family += f" of {line['task']}" * (family in ("folder", "table"))  # a user's own, of which there may be several
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
    # by task, as score and by_seed of a row, where it is defined
    reductions: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    rank: int | None = None
    counted: statistics.Counted = UNCOUNTED

    @cached_property
    def score(self) -> np.ndarray:
        """(1 + replicates,): the mean reduction, NaN where no task has one."""
        return np.mean([score for score, _ in self.reductions.values()] or [np.full(1 + statistics.REPLICATES, NAN)], 0)

    @cached_property
    def by_seed(self) -> np.ndarray:
        """(1 + replicates,): likewise, where seeds alone are redrawn."""
        return np.mean(
            [by_seed for _, by_seed in self.reductions.values()] or [np.full(1 + statistics.REPLICATES, NAN)], 0
        )

    @cached_property
    def seeds(self) -> list[int]:
        """The seeds of the task that has fewest."""
        return min((row.seeds for row in self.rows.values()), key=len)

    @cached_property
    def records(self) -> tuple[str, ...]:
        """What was measured, on all tasks."""
        return tuple(sorted(record for row in self.rows.values() for record in row.records))

    @cached_property
    def track(self) -> str:
        """Closed, or open where any task's is."""
        return track_of(row.track for row in self.rows.values())

    @property
    def ranked(self) -> bool:
        """Whether it competes on every task."""
        return all(row.ranked for row in self.rows.values())


def overall(boards: Sequence[Board]) -> list[Overall]:
    """The rows of all boards, with their relative error reduction 1 - error / error of the baseline, where error =
    |best - score|.

    One board alone lends its ranks: reductions say nothing that its scores do not, and their own p values would differ.
    """
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
    if len(boards) > 1:
        _rank(entered, 1, None, together(boards), boards)
    else:
        for entry in entered:
            entry.rank = next(iter(entry.rows.values())).rank
    by_tasks: dict[tuple[str, ...], list[Overall]] = {}
    for entry in rows.values():
        by_tasks.setdefault(tuple(board.task for board in boards if board.task in entry.reductions), []).append(entry)
    for tasks, alike in by_tasks.items():
        if tasks:
            found = parts(alike, [board for board in boards if board.task in tasks]).of_rows()
            for index, entry in enumerate(alike):
                entry.counted = statistics.Counted(*(float(values[index]) for values in found))
    return sorted(rows.values(), key=lambda row: place(row, 1))


def _reduction(score: np.ndarray, baseline: np.ndarray, best: float) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        reduction = 1 - np.abs(best - score) / np.abs(best - baseline)
    return np.where(np.isfinite(reduction), reduction, NAN)  # undefined where the baseline makes no error


def together(boards: Sequence[Board]) -> statistics.Design:
    """What a figure over all boards stands on: their scenes. As how many units it counts depends on the figure; here it
    is the fewest of any board.
    """
    return statistics.Design(sum(len(board.scenes) for board in boards), min(board.design.units for board in boards))


def parts(
    rows: Sequence[Overall], boards: Sequence[Board], others: Sequence[Overall] | None = None
) -> statistics.Parts:
    """What some boards add to the scores of rows that have reductions on all of them, less those of as many other
    rows.
    """
    values = np.array([[row.reductions[board.task][0] for row in rows] for board in boards])
    if others is not None:
        values = values - np.array([[row.reductions[board.task][0] for row in others] for board in boards])
    return statistics.Parts(values / len(boards), [board.design.units for board in boards])


def _rank(
    rows: Sequence["Row | Overall"],
    sign: int,
    baseline: Row | None,
    design: statistics.Design,
    boards: Sequence[Board] = (),
) -> dict[tuple[str, str], float]:
    """Rank rows within their tracks, by the name of each; returns the corrected p value of each against the baseline.
    Rows of one record count once.

    `boards`: those that rows over several are made of.
    """
    if not rows:
        return {}
    first: dict[tuple[str, ...], Row | Overall] = {}
    for row in rows:
        first.setdefault(row.records, row)
    own = list(first.values())
    p, tracks = corrected(own, baseline, design, boards), np.array([row.track for row in own])
    ranks = statistics.ranks(
        sign * np.array([row.score[0] for row in own]), np.where(tracks[:, None] == tracks, p, NAN)
    )
    places = {records: index for index, records in enumerate(first)}
    for row in rows:
        row.rank = int(ranks[places[row.records]])
    if baseline is None or baseline.records not in places:
        return {}
    return {row.name: float(p[places[row.records], places[baseline.records]]) for row in rows}


def corrected(
    rows: Sequence["Row | Overall"], baseline: Row | None, design: statistics.Design, boards: Sequence[Board] = ()
) -> np.ndarray:
    """The corrected p values that ranks are made of, (rows, rows), of rows with records of their own: pairs of one
    track, and of each row with the baseline.
    """
    tracks = np.array([row.track for row in rows])
    is_baseline = np.array([baseline is not None and row.records == baseline.records for row in rows])
    compared = (tracks[:, None] == tracks) | is_baseline[:, None] | is_baseline
    values, by_seed = (np.array([getattr(row, name) for row in rows]) for name in ("score", "by_seed"))
    added = parts([row for row in rows if isinstance(row, Overall)], boards) if boards else None
    return statistics.compare(
        values, by_seed, compared, design._replace(seeds=np.array([len(row.seeds) for row in rows])), added
    )


def place(row: "Row | Overall", sign: int) -> tuple[Any, ...]:
    """Where a row stands: closed track, open track, unranked, reference; then by score and name."""
    block = 3 if not row.ranked else 2 if row.rank is None else int(row.track == "open")
    score = row.score[0]
    return block, np.inf if np.isnan(score) else -sign * score, row.name


def pooled(
    design: statistics.Design, rows: Sequence["Row | Overall"], baseline: np.ndarray | float = 0.0
) -> statistics.Design:
    """The design with the spread over seeds of the rows' distinct records, or of their distance to a baseline (1 +
    replicates,).
    """
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
