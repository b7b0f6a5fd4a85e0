"""Put a front-end from outside on a board: run its cells of a recipe, and keep its card."""

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmark import provenance, registry
from benchmark.catalogue import Corpora
from benchmark.conformance import details
from benchmark.conformance.isolated import examine_isolated
from benchmark.errors import EarmarkError, unknown
from benchmark.front_end_description import describe
from benchmark.frontends.adapters.folder import audit, enhanced_files
from benchmark.planning.cells import portable
from benchmark.planning.plan import Plan
from benchmark.planning.planner import make_plan
from benchmark.planning.recipe import LABEL, TAKEN, Recipe, load_recipe
from benchmark.results import cards
from benchmark.results.board import cache_of
from benchmark.results.cards import Card
from benchmark.results.summaries import is_baseline, summarise, write_boards
from benchmark.results.summary_file import SUMMARIES, read_lines
from benchmark.running.integrity import watched
from benchmark.running.run import check_code, publish, run_missing
from benchmark.store import Store, Workspace, clear_leftovers, digest
from benchmark.submission.export import expected
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

        Raises EarmarkError where a file is missing or no Python.
        """
        ((name, options),) = self.entry.items()
        path, separator, attribute = name.rpartition(":")
        if separator and path.endswith(".py"):
            if not os.path.isfile(path):
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

    It is dropped in first, and then trained, if it can be. Its code never runs in this process, nor where anything is
    scored.

    Yields:
        the path of the card, each time that the boards were rebuilt
    Raises:
        EarmarkError: the name is taken, the front-end cannot be built, cells failed, or its code changed files that are
            not its own; finished cells are kept, but for those after such a change
    """
    own = _of_tasks(load_recipe(recipe_name, hidden=workspace.folders), submission.tasks)
    _check_name(submission, own, workspace.boards, replacing)
    dropping_in = [label for label, spec in own.schemes.items() if not build_scheme(spec).moves]
    if not dropping_in:
        raise EarmarkError(
            f"{recipe_name}: it has no scheme that drops a front-end in; add clean or noisy to its schemes"
        )
    store, corpora = Store(workspace.runs), Corpora(workspace.data, workspace.cache)
    with store.locked():
        clear_leftovers(workspace)
        described = describe(submission.entry, workspace.folders)
        if submission.card.training_data and not described.learned_elsewhere:
            raise EarmarkError(
                f"{submission.name}: its card names training data, and the front-end none; set pretrained_on in its "
                "class, for the open track"
            )
        if submission.checked and not described.dropped_in_only:
            _check_rules(submission, workspace)
        held_against = {label: spec for label, spec in own.front_ends.items() if spec.name == "identity"}
        plan = make_plan(replace(own, front_ends=held_against), corpora)
        _run_baseline(plan, store, workspace, jobs)
        added = {submission.name: submission.entry}
        recipe = _of_tasks(load_recipe(recipe_name, added, workspace.folders), submission.tasks)
        recipe = replace(recipe, front_ends={submission.name: recipe.front_ends[submission.name]})
        for schemes in [dropping_in, list(own.schemes)][: 1 + (len(dropping_in) < len(own.schemes))]:
            whole = make_plan(_of_schemes(recipe, schemes), corpora)
            rows = whole.of([row for row in whole.rows if row.front_end == submission.name])
            check_code(rows, store, accept=False)
            with watched(rows, store, workspace.boards):
                failures = run_missing(rows, workspace, jobs)
            card = None
            if publish(Plan(own, rows.cells, rows.rows, rows.schemas), store, workspace.boards, submission.name):
                # what made no row takes no name
                card = cards.write_card(workspace.boards, _card(submission, own, described.learned_elsewhere))
            if failures:
                raise EarmarkError("\nearmark: ".join(failures))
            if card:
                yield card
            if described.dropped_in_only:
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


def _check_rules(submission: Submission, workspace: Workspace) -> None:
    """Raise EarmarkError if rules are broken: for each, what was expected, what came and why it matters."""
    print(f"checking {submission.name}; --unchecked leaves this out", file=sys.stderr)
    found = examine_isolated(submission.entry, workspace.folders)
    if broken := [details(finding) for finding in found if finding.status == "failed"]:
        raise EarmarkError(
            "\n".join(
                [
                    f"{submission.name}: it breaks {len(broken)} of the rules that the engine relies on; fix it, or "
                    "say --unchecked",
                    *broken,
                ]
            )
        )


def tasks_of(folder: Path, recipe: Recipe, corpora: Corpora) -> tuple[str, ...]:
    """The tasks of a recipe whose scenes are in a folder of enhanced files.

    Raises EarmarkError with a line for everything that is wrong with the files.
    """
    if not os.path.isdir(folder):
        raise EarmarkError(f"{folder}: no such folder; it should hold one enhanced WAV file for each exported mixture")
    scenes = expected(recipe, corpora)
    names = enhanced_files(folder).keys()
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


def _of_schemes(recipe: Recipe, schemes: Sequence[str]) -> Recipe:
    """The recipe with some of its schemes, each task by itself where they are not all."""
    if len(schemes) == len(recipe.schemes):
        return recipe
    return replace(recipe, schemes={label: recipe.schemes[label] for label in schemes}, together={})


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
