"""Run what a recipe still lacks, and rebuild its leaderboards.

Finished cells are kept: the same command resumes a run that was stopped.
"""

import argparse

from benchmark.cli._arguments import RECIPE, add_data, add_jobs, add_out, hidden_of, jobs_of, workspace_of
from benchmark.errors import EarmarkError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("recipe", help=RECIPE)
    add_data(parser)
    add_out(parser)
    add_jobs(parser)
    parser.add_argument(
        "--engine",
        default="local",
        metavar="NAME",
        help="where cells run: a name (see `earmark list`) or path/to/file.py:Class (default: local, this machine)",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="only show the cells: which are done, which are missing, and how long they should take; synthetic corpora "
        "are generated",
    )
    parser.add_argument(
        "--fast-dev-run",
        action="store_true",
        help="try one batch of each training and one scene of each scoring; nothing is recorded",
    )
    parser.add_argument(
        "--accept-changed-code",
        action="store_true",
        help="keep results of components whose code changed but whose version did not",
    )


def run(options: argparse.Namespace) -> int:
    """Run the recipe and print its boards, or describe the run."""
    from benchmark.catalogue import Corpora
    from benchmark.planning import recipe
    from benchmark.results.leaderboard_files import render
    from benchmark.running import run
    from benchmark.running.scheduler import find_engine
    from benchmark.store import default_cache

    jobs = jobs_of(options)
    if options.data is not None and not options.data.is_dir():
        raise EarmarkError(f"--data: no folder {options.data}")
    wanted = recipe.load_recipe(options.recipe, hidden=hidden_of(options))
    if options.fast_dev_run:
        wanted = recipe.fast_dev_run(wanted)
    workspace = workspace_of(options, wanted.name)
    if options.dry_run:
        find_engine(options.engine)
        from benchmark.running.dry_run import preview

        text, missing = preview(wanted, Corpora(options.data, default_cache()), workspace, jobs)
        print(text)
        if missing:
            raise EarmarkError("\nearmark: ".join(missing))
        return 0
    written = run.run(wanted, workspace, jobs, options.accept_changed_code, options.engine)
    for path in written:
        if path.name != "costs.csv":
            print(f"\n{path}\n{render(path)}")
    return 0
