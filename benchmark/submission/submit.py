"""Put a front-end from outside on a board: run its cells of a recipe, and keep its card."""

import json
import multiprocessing
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmark import provenance, registry
from benchmark.catalogue import Corpora
from benchmark.conformance import details, examine
from benchmark.errors import EarmarkError, unknown
from benchmark.frontends import build_front_end, learned_elsewhere
from benchmark.frontends.adapters.folder import audit
from benchmark.planning.cells import Enhancing, Scoring, from_json, portable
from benchmark.planning.plan import Plan, PlannedRow
from benchmark.planning.planner import make_plan
from benchmark.planning.recipe import LABEL, TAKEN, Recipe, load_recipe
from benchmark.processes import end_on_request, end_with, stop
from benchmark.results import cards
from benchmark.results.board import cache_of
from benchmark.results.cards import Card
from benchmark.results.summaries import is_baseline, summarise, write_boards
from benchmark.results.summary_file import SUMMARIES, read_lines
from benchmark.running.run import check_code, publish, run_missing
from benchmark.store import Store, Workspace, digest, write_text
from benchmark.submission.export import expected
from benchmark.submission.integrity import Guard
from benchmark.training.schemes import build_scheme


@dataclass(frozen=True)
class Submission:
    """A front-end that somebody submits."""

    name: str  # its label on the boards
    entry: Mapping[str, Any]  # {name: options}, as a recipe writes it
    card: Card = field(default_factory=Card)  # what its author says of it
    tasks: tuple[str, ...] = ()  # those to score it on; none: all of the recipe
    checked: bool = True  # whether it must keep to the rules of benchmark.conformance

    @property
    def identity(self) -> str:
        """Digest of the entry and of the files that it names; none of them is run.

        Raises EarmarkError where a file is missing.
        """
        ((name, options),) = self.entry.items()
        path, separator, attribute = name.rpartition(":")
        if separator and path.endswith(".py"):
            if not Path(path).is_file():
                raise EarmarkError(f"no file {path}; write path/to/file.py:Class with a path from the current folder")
            name = f"{attribute} {provenance.file_digest(path)}"
        return digest([name, portable(options, files=True)])


def name_for(entry: Mapping[str, Any]) -> str:
    """A label for a front-end without one: the name of its class or file in small letters."""
    name, options = next(iter(entry.items()))
    last = Path(str((options or {}).get("path") or (options or {}).get("source") or name.rpartition(":")[2])).stem
    label = re.sub(r"\W+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", last)).strip("_").lower()
    if not re.fullmatch(LABEL, label, re.ASCII):
        raise EarmarkError(
            f"{last}: no name for a board can be made of it; give one of letters, digits, _ and -, as --name "
            "my_front_end"
        )
    return label


def submit(
    submission: Submission, recipe_name: str, workspace: Workspace, jobs: int, replacing: bool = False
) -> Iterator[Path]:
    """Run the missing cells of a submission, rebuild the boards, and put its card beside them.

    It is dropped in first, and then trained, if it can be. Its code runs only in other processes; this one reads what
    they leave, scores it and writes the boards.

    Yields:
        the path of the card, each time that the boards were rebuilt
    Raises:
        EarmarkError: the name is taken, the front-end cannot be built, cells failed, or its code changed files that are
            not its own; finished cells are kept, but for those after such a change
    """
    own = _of_tasks(load_recipe(recipe_name), submission.tasks)
    _check_name(submission, own, workspace.boards, replacing)
    dropping_in = [label for label, spec in own.schemes.items() if not build_scheme(spec).moves]
    if not dropping_in:
        raise EarmarkError(
            f"{recipe_name}: it has no scheme that drops a front-end in; add clean or noisy to its schemes"
        )
    store = Store(workspace.runs)
    with store.locked():
        held_against = {label: spec for label, spec in own.front_ends.items() if spec.name == "identity"}
        plan = make_plan(replace(own, front_ends=held_against), Corpora(workspace.data, workspace.cache))
        _run_baseline(plan, store, workspace, jobs)
        stages = [dropping_in, list(own.schemes)][: 1 + (len(dropping_in) < len(own.schemes))]
        for stage, schemes in enumerate(stages):
            guard = Guard(store, workspace.boards)
            answer = _apart(submission, recipe_name, stage, schemes, workspace, jobs)
            guard.check()
            rows = Plan(own, {}, _own_rows(submission, own, answer["rows"], store), plan.schemas)
            card = None
            if publish(rows, store, workspace.boards, only=submission.name):  # what made no row takes no name
                card = cards.write_card(workspace.boards, _card(submission, own, answer["elsewhere"]))
            if answer["failures"]:
                raise EarmarkError("\nearmark: ".join(answer["failures"]))
            if card:
                yield card
            if answer["dropped_in_only"]:
                return


def _run_baseline(plan: Plan, store: Store, workspace: Workspace, jobs: int) -> None:
    """Run the baseline of tasks whose boards lack it, if the recipe has one."""
    file = workspace.boards / SUMMARIES
    there = read_lines(file, cache_of(workspace.boards)) if file.is_file() else []
    held = {line["task"] for line in there if line["baseline"]}
    rows = [row for row in plan.rows if is_baseline(plan, row) and row.task not in held]
    if not rows:
        return
    print(f"{plan.recipe.name}: what a submission is held against was not run yet, so it is first", file=sys.stderr)
    first = plan.of(rows)
    check_code(first, store, accept=False)
    if failures := run_missing(first, workspace, jobs):
        raise EarmarkError("\nearmark: ".join(failures))
    write_boards([*there, *summarise(first, store, workspace.boards)], workspace.boards)


def _own_rows(
    submission: Submission, recipe: Recipe, answered: Sequence[Mapping[str, Any]], store: Store
) -> list[PlannedRow]:
    """The rows that the other process answered with.

    Raises EarmarkError where one is not of this submission: its code could make that process say anything.
    """
    try:
        rows = [PlannedRow(**row) for row in answered]
    except TypeError as error:
        raise EarmarkError(
            f"{submission.name}: the process that ran it answered with what are no rows; refused"
        ) from error
    for row in rows:
        planned = (
            row.front_end == submission.name
            and row.scheme in recipe.schemes
            and row.task in recipe.tasks
            and row.seed in recipe.seeds
        )
        if not planned or not _made_by(submission, row, store):
            raise EarmarkError(
                f"{submission.name}: the process that ran it answered with a row {row.front_end}:{row.scheme} on "
                f"{row.task}, which is not its own; refused"
            )
    return rows


def _made_by(submission: Submission, row: PlannedRow, store: Store) -> bool:
    """Whether a row's record, if there is one, is of this task and of a front-end with the submitted name."""
    if not store.exists("records", row.record):
        return True
    manifest = store.manifest("records", row.record)
    scoring, behind = from_json(manifest["work"]), manifest["enhanced"]
    if not isinstance(scoring, Scoring) or scoring.label != row.task or not behind:
        return False
    enhancing, entered = from_json(behind["work"]), next(iter(submission.entry))
    return isinstance(enhancing, Enhancing) and Path(enhancing.front_end.name).name == Path(entered).name


def _apart(
    submission: Submission, recipe_name: str, stage: int, schemes: list[str], workspace: Workspace, jobs: int
) -> dict[str, Any]:
    """Plan and run the cells of some schemes in another process, and leave nothing of it running.

    Returns:
        its answer: rows, failures, elsewhere (what the front-end was trained on before) and dropped_in_only
    """
    with tempfile.TemporaryDirectory(prefix="earmark-") as scratch:
        file = Path(scratch, "answer")
        job = {
            "name": submission.name,
            "entry": dict(submission.entry),
            "recipe": recipe_name,
            "stage": stage,
            "schemes": schemes,
            "jobs": jobs,
        }
        job |= {"parent": os.getpid(), "tasks": submission.tasks, "checked": submission.checked, "answer": str(file)}
        job["trained"] = bool(submission.card.training_data)
        where = [
            None if path is None else str(path)
            for path in (workspace.data, workspace.cache, workspace.runs, workspace.boards)
        ]
        child = multiprocessing.get_context("spawn").Process(
            target=_child, args=(json.dumps(job | {"workspace": where}),)
        )
        child.start()
        try:
            child.join()
        finally:
            stop([child], session=True)  # with its cells, and whatever else it started
        if not file.exists():
            raise EarmarkError(
                f"{submission.name}: the process that ran it ended early, with status {child.exitcode}; see what it "
                "said above"
            )
        answer: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if "error" in answer:
            raise EarmarkError(answer["error"])
        return answer


def _child(text: str) -> None:
    os.setsid()  # a session of its own, so that all that it starts can be ended
    job = json.loads(text)
    end_on_request()
    end_with(job["parent"])
    data, cache, runs, boards = job["workspace"]
    workspace = Workspace(None if data is None else Path(data), Path(cache), Path(runs), Path(boards))
    try:
        front_end = build_front_end(job["entry"])
        if job["trained"] and not learned_elsewhere(front_end):
            raise EarmarkError(
                f"{job['name']}: its card names training data, and the front-end none; set pretrained_on in its class, "
                "for the open track"
            )
        if not job["stage"] and job["checked"] and not front_end.dropped_in_only:
            _check_rules(job)
        known = {"elsewhere": sorted(learned_elsewhere(front_end)), "dropped_in_only": front_end.dropped_in_only}
        answer: dict[str, Any] = _ran(job, workspace) | known
    except EarmarkError as error:
        answer = {"error": str(error)}
    write_text(Path(job["answer"]), json.dumps(answer))


def _check_rules(job: Mapping[str, Any]) -> None:
    """Raise EarmarkError if rules are broken: for each, what was expected, what came and why it matters."""
    print(f"checking {job['name']}; --unchecked leaves this out", file=sys.stderr)
    broken = [
        details(finding) for finding in examine(lambda: build_front_end(job["entry"])) if finding.status == "failed"
    ]
    if broken:
        raise EarmarkError(
            "\n".join(
                [
                    f"{job['name']}: it breaks {len(broken)} of the rules that the engine relies on; fix it, or say "
                    "--unchecked",
                    *broken,
                ]
            )
        )


def _ran(job: Mapping[str, Any], workspace: Workspace) -> dict[str, Any]:
    recipe = _of_tasks(load_recipe(job["recipe"], {job["name"]: job["entry"]}), job["tasks"])
    recipe = replace(recipe, front_ends={job["name"]: recipe.front_ends[job["name"]]})
    chosen = replace(recipe, schemes={label: recipe.schemes[label] for label in job["schemes"]}, together={})
    store = Store(workspace.runs)
    whole = make_plan(
        recipe if len(job["schemes"]) == len(recipe.schemes) else chosen, Corpora(workspace.data, workspace.cache)
    )
    plan = whole.of([row for row in whole.rows if row.front_end == job["name"]])
    check_code(plan, store, accept=False)
    failures = run_missing(plan, workspace, job["jobs"])
    return {"rows": [asdict(row) for row in plan.rows], "failures": failures}


def tasks_of(folder: Path, recipe: Recipe, corpora: Corpora) -> tuple[str, ...]:
    """The tasks of a recipe whose scenes are in a folder of enhanced files.

    Raises EarmarkError with a line for everything that is wrong with the files.
    """
    if not folder.is_dir():
        raise EarmarkError(f"{folder}: no such folder; it should hold one enhanced WAV file for each exported mixture")
    scenes = expected(recipe, corpora)
    names = {path.stem for path in folder.glob("*.wav")}
    tasks = tuple(label for label, files in scenes.items() if names & files.keys())
    if not tasks:
        raise EarmarkError(
            f"{folder}: no file has the name of a scene of {recipe.name}; run `earmark export {recipe.name} scenes`, "
            "enhance those and keep their names"
        )
    wanted = {name: entry for label in tasks for name, entry in scenes[label].items()}
    if findings := audit(folder, {"files": list(wanted.values())}):
        raise EarmarkError("\nearmark: ".join(findings))
    return tasks


def _of_tasks(recipe: Recipe, tasks: Sequence[str]) -> Recipe:
    return (
        replace(recipe, tasks={label: entry for label, entry in recipe.tasks.items() if label in tasks}, together={})
        if tasks
        else recipe
    )


def _check_name(submission: Submission, recipe: Recipe, boards: Path, replacing: bool) -> None:
    name = submission.name
    if not re.fullmatch(LABEL, name, re.ASCII):
        raise EarmarkError(f"--name: '{name}' is no label; write up to 64 letters, digits, _ and -")
    if name in recipe.front_ends or name in TAKEN["front_ends"]:
        raise EarmarkError(f"--name: the recipe {recipe.name} has a front-end {name} of its own; choose another name")
    entered = next(iter(submission.entry))
    if name in registry.names("front_ends") and name != entered:
        raise EarmarkError(f"--name: {name} is a front-end of the suite, and this is another; choose another name")
    if entered.endswith(".py"):
        raise EarmarkError(f"{entered}: it may hold several classes; name one, as {entered}:MyFrontEnd")
    if ".py:" not in entered and entered not in registry.names("front_ends"):
        raise unknown("front-end", entered, registry.names("front_ends"))
    identity, before = submission.identity, cards.submissions(boards).get(name)
    if before is not None and before.get("identity") != identity and not replacing:
        raise EarmarkError(
            f"--name: {boards} has a submission {name} already, and it is another front-end; choose another name, or "
            "say --replace"
        )


def _card(submission: Submission, recipe: Recipe, elsewhere: Sequence[str]) -> dict[str, Any]:
    """What the author says of the submission, and what the front-end says that it was trained on before."""
    card = {"name": submission.name, **submission.card.model_dump(), "recipe": recipe.name}
    return card | {"pretrained_on": list(elsewhere), "identity": submission.identity}
