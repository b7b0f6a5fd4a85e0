"""The board of one task: its rows on the same scenes, scored with one bootstrap, and ranked."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from benchmark import provenance, registry, statistics
from benchmark.conditions import condition_values, is_clean
from benchmark.contracts import PROTOCOL, Figure
from benchmark.errors import EarmarkError
from benchmark.results.array_cache import Cache, remembered
from benchmark.results.board_rows import BoardRow, Layout, coverage, stacked_sums
from benchmark.results.ranking import competitors, in_board_order, pooled, rank
from benchmark.results.summary_file import SUMMARIES, Summary, order, read_lines, sums_of
from benchmark.store import default_cache, digest

NAN = float("nan")


class Board:
    """All rows of one task, with the same scenes, the same exclusions and the same bootstrap draws.

    Args:
        lines: the summaries of the task, in their order
        universe: groups that the bootstrap draws from, as in `statistics.scene_weights`
        cache: of the scores that earlier boards worked out; without one everything is worked out again
    Raises:
        EarmarkError: a name that cannot be a board's, or summaries that contradict each other
    """

    def __init__(self, task: str, lines: list[Summary], universe: Iterable[str], cache: Cache | None = None) -> None:
        if not re.fullmatch(r"\w[\w.-]*", task) or task in ("overall", "costs"):
            raise EarmarkError(
                f"task '{task}' cannot name a board; use letters, digits, '_', '-' and '.', and neither 'overall' nor "
                "'costs'"
            )
        component: Any = registry.load("tasks", lines[0]["component"])
        _check_alike(task, lines, component)
        self.task, self.component, self.task_class = task, lines[0]["component"], component
        self.axes: tuple[str, ...] = tuple(lines[0].get("axes", component.axes))
        self.universe = sorted(universe)
        chosen = lines[0].get("figures")
        self.figures: Mapping[str, Figure] = (
            {name: Figure(*values) for name, values in chosen.items()} if chosen else component.figures
        )
        self.metric = next(iter(self.figures))
        groups = {scene: group for line in lines for scene, group in zip(line["scenes"], groups_of(line), strict=True)}
        self.scenes = sorted(groups)
        self.groups = [groups[scene] for scene in self.scenes]
        widest = sorted(lines, key=lambda line: len(line["conditions"]), reverse=True)
        self.conditions = list(dict.fromkeys(condition for line in widest for condition in line["conditions"]))
        self.layout = Layout(task, self.scenes, self.conditions, sorted(sums_of(lines[0])))
        by_row: dict[tuple[str, str], list[Summary]] = {}
        for line in lines:
            by_row.setdefault((line["front_end"], line["scheme"]), []).append(line)
        self.rows = [BoardRow(name, own) for name, own in by_row.items()]
        self._score(cache)
        self.baseline = next((row for row in self.rows if row.complete and row.baseline), None)
        self._rank()

    @property
    def sign(self) -> int:
        """1 where more is better, -1 where less is."""
        return self.figures[self.metric].sign

    @property
    def ordered(self) -> list[BoardRow]:
        """The rows as the board lists them."""
        return in_board_order(self.rows, self.sign)

    @property
    def entered(self) -> list[BoardRow]:
        """The rows that are ranked."""
        return [row for row in self.rows if row.complete and row.ranked]

    @property
    def design(self) -> statistics.Design:
        """What the board's figures rest on, for one seed."""
        return statistics.Design(len(self.scenes), statistics.units(self.groups))

    @cached_property
    def designs(self) -> tuple[statistics.Design, statistics.Design]:
        """The designs of scores and of changes against the baseline, with the seed variance pooled over the board."""
        scores = pooled(self.design, self.entered)
        return scores, scores if self.baseline is None else pooled(self.design, self.entered, self.baseline.by_seed)

    @cached_property
    def weights(self) -> np.ndarray:
        """The bootstrap weights of the board's scenes, (1 + replicates, scenes)."""
        return statistics.scene_weights(self.scenes, self.groups, universe=self.universe)

    def change(self, row: BoardRow) -> tuple[np.ndarray, np.ndarray] | None:
        """The distance of a row from the baseline, as its score and by_seed; None where there is none to compare."""
        if self.baseline is None or not row.complete or row.records == self.baseline.records:
            return None
        return row.score - self.baseline.score, row.by_seed - self.baseline.by_seed

    def sums(self, row: BoardRow) -> np.ndarray:
        """The sums of a row's summaries, (columns, scenes, seeds, conditions), NaN where null."""
        return stacked_sums(self.layout, row)

    def replicates(self, sums: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
        """Every figure in every replicate, (replicates, seeds, conditions); weights are (replicates, scenes)."""
        # (replicates, columns, seeds, conditions)
        totals = np.tensordot(weights, np.where(self.left_out[:, None], 0, sums), (1, 1))
        with np.errstate(divide="ignore", invalid="ignore"):
            figures = self.task_class.summarise(
                {column: totals[:, index] for index, column in enumerate(self.layout.columns)}
            )
        return {name: figures[name] for name in self.figures if name in figures}  # some are measured on demand

    def score_of(
        self, figure: np.ndarray, row: BoardRow, conditions: Sequence[int] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The mean of a figure over seeds and conditions, (1 + replicates,), and the same with seeds alone redrawn.

        Args:
            figure: (1 + replicates, seeds, conditions)
            conditions: indices of conditions; None: those of the headline
        """
        chosen = self.headline if conditions is None else conditions
        by_seed = figure[:, :, chosen].mean(-1) if len(chosen) else np.full(figure.shape[:2], NAN)
        shares = statistics.seed_weights(row.seeds)
        return (shares * by_seed).sum(1), shares @ by_seed[0]

    def _score(self, cache: Cache | None) -> None:
        keys = [digest([line.get("digest") for line in row.lines]) for row in self.rows]
        context = self._context() if cache else ""
        covered = remembered(
            cache, f"{self.task} coverage", context, keys, lambda index: coverage(self.layout, self.rows[index])
        )
        # What is null in any row is left out of all, (scenes, conditions).
        self.left_out: np.ndarray = np.asarray(covered["null"].any(0))
        excluded = {
            (entry["scene"], entry["condition"])
            for row in self.rows
            for line in row.lines
            for entry in line["excluded"]
        }
        # What was planned and could not be scored, (scenes, conditions).
        self.excluded = (
            np.array([[(scene, condition) in excluded for condition in self.conditions] for scene in self.scenes])
            & self.left_out
        )
        usable = [k for k in range(len(self.conditions)) if not self.left_out[:, k].all()]
        self.headline = self._headline(usable)
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
            whole = ((row.present == len(row.seeds)) | self.left_out)[:, self.headline or usable].all()
            row.complete = bool(whole and np.isfinite(row.score[0]))

    def _headline(self, usable: list[int]) -> list[int]:
        """The conditions that make the score: the noisy ones, of these the task's headline, if there are any."""
        values = [condition_values(condition, self.axes) for condition in self.conditions]
        noisy = [k for k in usable if not is_clean(values[k])] or usable
        wanted = self.task_class.headline.items()
        return [k for k in noisy if all(values[k].get(axis) in chosen for axis, chosen in wanted)] or noisy

    def _scored(self, row: BoardRow) -> dict[str, np.ndarray]:
        figures = self.replicates(self.sums(row), self.weights)
        score, by_seed = self.score_of(figures[self.metric], row)
        return {
            "score": score,
            "by_seed": by_seed,
            **{f"figure {name}": values[0].mean(0) for name, values in figures.items()},
        }

    def _context(self) -> str:
        """Digest of everything else that scores depend on, including code."""
        code = [provenance.source_digest(Board), provenance.source_digest(self.task_class)]
        return digest([np.__version__, code, self.axes, self.layout, self.groups, self.universe])

    def _rank(self) -> None:
        """Give the rows their ranks; `p` holds the corrected p values of the entered rows, (entered, entered)."""
        entered = self.entered
        self.p = np.empty((0, 0))
        self.p_of_change: dict[tuple[str, str], float] = {}  # against the baseline, by front-end and scheme
        if not entered:
            return
        records = [row.records for row in entered]
        known = self.baseline is not None and self.baseline.records in records
        baseline = records.index(self.baseline.records) if self.baseline is not None and known else None
        ranks, self.p = rank(competitors(entered), self.design, self.sign, baseline)
        for row, own in zip(entered, ranks, strict=True):
            row.rank = int(own)
        if baseline is not None:
            self.p_of_change = {row.name: float(p) for row, p in zip(entered, self.p[:, baseline], strict=True)}


def _check_alike(task: str, lines: list[Summary], component: Any) -> None:
    """EarmarkError where the summaries of a task differ in what one board has in common."""
    for key, default in (("component", None), ("axes", list(component.axes)), ("corpora", None), ("settings", None)):
        kinds = Counter(json.dumps(line.get(key, default)) for line in lines)
        if len(kinds) > 1:
            rarest = min(sorted(kinds), key=kinds.__getitem__)
            odd = next(line for line in lines if json.dumps(line.get(key, default)) == rarest)
            raise EarmarkError(
                f"task '{task}': one board cannot hold lines of different {key} ({' and '.join(sorted(kinds))}); run "
                f"or submit {odd['front_end']} again, or delete its card to take it off"
            )


def boards_of(folder: Path, cache: Cache | None = None) -> list[Board]:
    """The boards of a leaderboard, leaderboards/<recipe>, from its summaries.

    Args:
        cache: of the scores that earlier boards worked out
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
    """Where this machine keeps the scores of leaderboards of this name; two of one name only displace each other."""
    return Cache(caches() / folder.resolve().name)


def caches() -> Path:
    """The folder of all caches of boards."""
    return default_cache() / "boards"


def groups_of(line: Summary) -> list[str]:
    """The groups of a summary's scenes, with their corpus: speaker 03 of one corpus is not speaker 03 of another.

    The synthetic corpora share their voices, and so their groups.
    """
    family = line["corpora"][0].partition(" ")[0].partition("/")[0] if line["corpora"] else ""
    family += f" of {line['task']}" * (family in ("folder", "table"))  # a user's own, of which there may be several
    return [f"{family} {group}" for group in line["groups"]]


def universes(groups: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """For each task, its groups and those of all tasks that share some with it, directly or through others."""
    found: list[set[str]] = []
    for own in groups.values():
        touching = [universe for universe in found if universe & own]
        found = [universe for universe in found if universe not in touching] + [own.union(*touching)]
    return {task: next(universe for universe in found if universe >= own) for task, own in groups.items()}
