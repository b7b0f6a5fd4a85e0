"""Arguments that several commands share: how they are declared, and how their values are read."""

import argparse
import os
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING

from benchmark.errors import EarmarkError

if TYPE_CHECKING:
    from benchmark.store import Workspace

RECIPE = "a name (see `earmark list`) or a YAML file"


def add_data(parser: argparse.ArgumentParser) -> None:
    """Declare --data, the folder of corpora."""
    parser.add_argument(
        "--data",
        type=Path,
        default=None,
        metavar="DIR",
        help="the folder that holds the corpora, each as its owner distributes it",
    )


def add_out(parser: argparse.ArgumentParser) -> None:
    """Declare --out, the folder of results."""
    parser.add_argument(
        "--out", type=Path, default=Path(), metavar="DIR", help="where runs/ and leaderboards/ are (default: here)"
    )


def add_jobs(parser: argparse.ArgumentParser) -> None:
    """Declare --jobs, the number of cells at a time."""
    parser.add_argument(
        "--jobs",
        type=int,
        default=None,
        metavar="N",
        help="cells to run at a time, each with one thread (default: one for each core)",
    )


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare --option, options of a front-end's constructor."""
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an option of the front-end's constructor; may be repeated",
    )


def constructor_options(options: argparse.Namespace) -> dict[str, object]:
    """The values of --option by name, read as a recipe reads them."""
    return dict(_option(text) for text in options.option)


def _option(text: str) -> tuple[str, object]:
    from benchmark import plain_yaml

    name, separator, value = text.partition("=")
    if not separator:
        raise EarmarkError(f"--option: {text}: write an option and its value, as channels=16")
    try:
        return name, plain_yaml.parse(value)
    except ValueError as error:
        raise EarmarkError(
            f"--option: {shorten(text, 80)}: no value that YAML reads ({shorten(str(error), 160)}); write it as in a "
            "recipe, as channels=16 or bands=[1, 2]"
        ) from error


def jobs_of(options: argparse.Namespace) -> int:
    """How many cells to run at a time."""
    jobs: int | None = options.jobs
    if jobs is not None and jobs < 1:
        raise EarmarkError("--jobs: write a number of cells, 1 or more")
    return jobs or len(os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1))


def workspace_of(options: argparse.Namespace, recipe: str) -> "Workspace":
    """Where a recipe reads and writes."""
    from benchmark.store import Workspace, default_cache

    return Workspace(options.data, default_cache(), options.out / "runs", options.out / "leaderboards" / recipe)


def hidden_of(options: argparse.Namespace) -> tuple[Path, ...]:
    """The folders of corpora and results, which front-ends from outside cannot read."""
    out = getattr(options, "out", None) or Path()
    data = getattr(options, "data", None)
    return (*([data] if data else []), out / "runs", out / "leaderboards")


def leaderboards_in(given: list[Path]) -> list[Path]:
    """The folders with summaries in or below those given; below leaderboards/ where none is given."""
    found = {
        root: sorted(path.parent for path in root.rglob("summaries.jsonl")) for root in given or [Path("leaderboards")]
    }
    for root, folders in found.items():
        if not folders:
            raise EarmarkError(
                f"{root}: no summaries.jsonl here or below; give a folder such as leaderboards/mini, or run a recipe "
                "first: `earmark run demo`"
            )
    return [folder for folders in found.values() for folder in folders]
