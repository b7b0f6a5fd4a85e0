"""From records to summaries: the additive scores of every row, one line each, from which the boards are made.

A record holds raw predictions. Scoring them needs no model, so a new score version or text normaliser takes a moment.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark import registry
from benchmark.conditions import clean_first, condition_name
from benchmark.contracts import PROTOCOL, Task
from benchmark.errors import EarmarkError
from benchmark.planning.cells import REFERENCE
from benchmark.planning.plan import Plan, PlannedRow
from benchmark.planning.recipe import TaskEntry
from benchmark.results.board import cache_of
from benchmark.results.cards import submissions
from benchmark.results.leaderboard_files import write_leaderboard
from benchmark.results.manifests import read_manifest
from benchmark.results.records import PREDICTIONS, read_predictions
from benchmark.results.summary_file import SUMMARIES, read_lines, write_summaries
from benchmark.store import Store, digest


def summarise(plan: Plan, store: Store, boards: Path) -> list[dict[str, Any]]:
    """A summary for each row whose record is there.

    Those that the boards hold already under the same keys are taken from there.
    """
    known = {}
    if (boards / SUMMARIES).is_file():
        known = {_identity(summary): summary for summary in read_lines(boards / SUMMARIES, cache_of(boards))}
    summaries: list[dict[str, Any]] = []
    scored: dict[str, dict[str, Any]] = {}
    for row in plan.rows:
        if not store.exists("records", row.record) or (row.measured and not store.exists("costs", row.measured)):
            continue
        task_class = registry.load("tasks", row.component)
        described = fields_of(plan, row, task_class, store)
        before = known.get(_identity(described))
        if before is not None:
            summaries.append(before)
            continue
        if row.record not in scored:
            scored[row.record] = _scores(plan, row, task_class, store)
        summaries.append({**described, **scored[row.record], **_spent(store, row)})
    return summaries


def kept_summaries(plan: Plan, boards: Path, only: str | None) -> list[dict[str, Any]]:
    """The summaries that a run leaves on the boards: those of submissions, which have cards.

    Args:
        only: the one front-end that the run is about, whose run leaves all others; None: it is about the whole recipe
    Raises:
        EarmarkError: a front-end of the recipe has the name of a submission
    """
    if not (boards / SUMMARIES).is_file():
        return []
    named, cards = {row.front_end for row in plan.rows} - {REFERENCE}, submissions(boards)
    if only is None and (clash := sorted(named & set(cards))):
        raise EarmarkError(
            f"{boards}: {clash[0]} is a front-end of the recipe and a submission with a card; rename one, or delete "
            "the card"
        )
    others: list[dict[str, Any]] = [
        summary for summary in read_lines(boards / SUMMARIES, cache_of(boards)) if summary["front_end"] not in named
    ]
    return others if only is not None else [summary for summary in others if summary["front_end"] in cards]


def is_baseline(plan: Plan, row: PlannedRow) -> bool:
    """Whether a row is the baseline: no front-end, and a task model that was trained on noisy mixtures."""
    front_end = plan.recipe.front_ends.get(row.front_end)  # the reference and submissions are none of the recipe's own
    return front_end is not None and front_end.name == "identity" and plan.recipe.schemes[row.scheme].name == "noisy"


def write_boards(summaries: list[dict[str, Any]], boards: Path) -> list[Path]:
    """Write summaries.jsonl and the CSV files made from it."""
    write_summaries(boards / SUMMARIES, summaries)
    return write_leaderboard(boards, cache_of(boards))


def _identity(summary: Mapping[str, Any]) -> tuple[Any, ...]:
    row = (summary[name] for name in ("recipe", "task", "front_end", "scheme", "seed", "fold"))
    return (
        *row,
        *(summary["keys"].get(name) for name in ("weights", "outputs", "scores")),
        summary.get("predictions"),
        summary.get("settings"),
    )


def fields_of(plan: Plan, row: PlannedRow, task_class: type[Task], store: Store) -> dict[str, Any]:
    """What a summary says of its row."""
    return {
        "protocol": PROTOCOL,
        "recipe": plan.recipe.name,
        "task": row.task,
        "component": row.component,
        "front_end": row.front_end,
        "scheme": row.scheme,
        "seed": row.seed,
        "fold": row.fold,
        "baseline": is_baseline(plan, row),
        "ranked": row.front_end != REFERENCE,
        "keys": {
            "weights": digest(list(row.trained_by)),
            "outputs": row.record,
            "scores": digest([row.record, task_class.score_version]),
        },
        "settings": _settings(plan.recipe.tasks[row.task], task_class),
        # SHA-256: a cell run again elsewhere may come out differently
        "predictions": read_manifest(store, "records", row.record)["files"][PREDICTIONS],
        "track": row.track,
        "training_data": row.training_data,
        "corpora": list(row.corpora),
        "synthetic": row.synthetic,
    } | _own_figures(plan.recipe.tasks[row.task], task_class)


def _own_figures(entry: TaskEntry, task_class: type[Task]) -> dict[str, Any]:
    """The figures of a task, where a recipe chose other metrics than the task has by itself."""
    figures = task_class.figures_of(entry.options)
    return {} if figures == task_class.figures else {"figures": {name: list(each) for name, each in figures.items()}}


def _settings(entry: TaskEntry, task_class: type[Task]) -> str:
    """Digest of what all rows of a board have in common: budgets, test scenes, the task's model and its scores.

    A recipe that was edited has another one.
    """
    speed: Any = {phase: {"workers"} for phase in ("pretrain", "stock", "adapt")}
    return digest(
        [
            entry.train.model_dump(exclude=speed),
            entry.score.model_dump(),
            entry.options,
            None if entry.model is None else [entry.model.name, entry.model.config],
            list(entry.folds),
            task_class.score_version,
        ]
    )[:16]


def _scores(plan: Plan, row: PlannedRow, task_class: type[Task], store: Store) -> dict[str, Any]:
    records = read_predictions(store.get("records", row.record) / PREDICTIONS)
    return tables(task_class(plan.schemas[row.task], **plan.recipe.tasks[row.task].options), records)


def tables(task: Task, records: list[dict[str, Any]]) -> dict[str, Any]:
    """The fields of a summary that come from predictions: axes, conditions, scenes, groups, sums, failed, excluded."""
    columns = score_records(task, records)
    named = [condition_name(record["conditions"], task.axes) for record in records]
    conditions = clean_first(named, task.axes)
    bases = list(dict.fromkeys(record["base"] for record in records))
    groups = {record["base"]: record["group"] for record in records}
    place = {(record["base"], name): index for index, (record, name) in enumerate(zip(records, named, strict=True))}

    def table(values: Mapping[int, Any]) -> list[list[Any]]:
        """A list of conditions for each scene; None where there is no value."""
        return [
            [values.get(place[base, name]) if (base, name) in place else None for name in conditions] for base in bases
        ]

    excluded = {
        index: record["prediction"]["excluded"]
        for index, record in enumerate(records)
        if record["prediction"].get("excluded")
    }
    kept = [index for index in range(len(records)) if index not in excluded]
    return {
        "axes": list(task.axes),
        "conditions": conditions,
        "scenes": bases,
        "groups": [groups[base] for base in bases],
        "sums": {name: table({index: _number(columns[name].iloc[index]) for index in kept}) for name in columns},
        "failed": table({index: int(records[index]["failed"] is not None) for index in range(len(records))}),
        "excluded": [
            {"scene": records[i]["base"], "condition": named[i], "reason": reason} for i, reason in excluded.items()
        ],
    }


def score_records(task: Task, records: list[dict[str, Any]]) -> pd.DataFrame:
    """Additive columns, one row a record; failed records get the metric's floor."""
    failed = [index for index, record in enumerate(records) if record["failed"] is not None]
    fine = [index for index, record in enumerate(records) if record["failed"] is None]
    parts = []
    for indices, floor in ((fine, False), (failed, True)):
        if indices:
            references = pd.DataFrame([records[i]["reference"] for i in indices], index=range(len(indices)))
            predictions = pd.DataFrame([records[i]["prediction"] for i in indices], index=range(len(indices)))
            part = task.floor(references) if floor else task.score(predictions, references)
            parts.append(part.set_axis(indices, axis=0))
    return pd.concat(parts).sort_index()


def _number(value: Any) -> float | int | None:
    number = round(float(value), 4)  # what boards print
    return int(number) if number.is_integer() else number


def _spent(store: Store, row: PlannedRow) -> dict[str, Any]:
    """What all cells behind a row took: updates, costs of this machine, and seconds by cell.

    The seconds serve the estimates of another machine's dry run. The cost of a front-end is measured where it enhances.
    """
    record = read_manifest(store, "records", row.record)
    trainings = [read_manifest(store, "weights", key) for key in row.trained_by]
    scored = [record, *([record["enhanced"]] if record["enhanced"] else [])]
    reports = [entry["report"] for entry in trainings]
    updates = {name: sum(report[name] for report in reports) for name in ("front_end", "task", "audio_seconds")}
    measured = read_manifest(store, "costs", row.measured)["costs"] if row.measured else {}
    return {
        "updates": {name: round(total, 1) for name, total in updates.items()},
        "costs": {
            **measured,
            "train_seconds": round(sum(entry["seconds"] for entry in trainings), 2),
            "score_seconds": round(sum(entry["seconds"] for entry in scored), 2),
            "peak_memory_mb": max(entry["peak_memory_mb"] for entry in (*scored, *trainings)),
        },
        "timings": {entry["label"]: entry["seconds"] for entry in (*scored, *trainings)},
    }
