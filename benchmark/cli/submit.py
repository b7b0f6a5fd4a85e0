"""Put a front-end of your own on a leaderboard.

It is checked, dropped in before the task models of a recipe, and trained with them where it can be; the command prints
where it stands on the boards.
"""

import argparse
from pathlib import Path

from benchmark.cli._arguments import (
    RECIPE,
    add_data,
    add_jobs,
    add_options,
    add_out,
    constructor_options,
    hidden_of,
    jobs_of,
    workspace_of,
)
from benchmark.errors import EarmarkError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "front_end",
        nargs="?",
        metavar="FRONTEND",
        help="path/to/file.py:Class, model.onnx, speechbrain:FOLDER, or a registered name",
    )
    parser.add_argument(
        "--audio",
        type=Path,
        default=None,
        metavar="DIR",
        help="instead of FRONTEND: a folder with the enhanced versions of exported scenes",
    )
    parser.add_argument(
        "--command",
        default=None,
        metavar="'PROG {in} {out}'",
        help="instead of FRONTEND: a program that enhances one WAV file at a time",
    )
    add_options(parser)
    parser.add_argument("--name", default=None, help="its name on the boards (default: that of its class or file)")
    parser.add_argument("--recipe", default="mini", help=f"{RECIPE} (default: mini)")
    parser.add_argument(
        "--card",
        type=Path,
        default=None,
        metavar="FILE",
        help="YAML with description, paper, licence, training_data, tuning_budget",
    )
    parser.add_argument("--unchecked", action="store_true", help="skip the rules of `earmark check`")
    parser.add_argument("--replace", action="store_true", help="replace an earlier submission of the same name")
    add_data(parser)
    add_out(parser)
    add_jobs(parser)


def run(options: argparse.Namespace) -> int:
    """Submit the front-end, and print its standing each time that the boards were rebuilt."""
    from benchmark.catalogue import Corpora
    from benchmark.frontends import entry_of
    from benchmark.frontends.adapters.command import words_of
    from benchmark.planning import recipe
    from benchmark.results import cards
    from benchmark.results.board import boards_of, cache_of
    from benchmark.results.leaderboard_files import aligned
    from benchmark.results.records import Records
    from benchmark.results.view import view_of
    from benchmark.store import default_cache
    from benchmark.submission.standing import remarks, standing
    from benchmark.submission.submit import Submission, name_for, submit, tasks_of

    given = {"FRONTEND": options.front_end, "--audio": options.audio, "--command": options.command}
    if sum(value is not None for value in given.values()) != 1:
        raise EarmarkError("submit: give one of FRONTEND, --audio and --command; see `earmark submit --help`")
    constructed = constructor_options(options)
    if options.audio is not None:
        entry = {"adapters/folder": {"path": str(options.audio.resolve()), **constructed}}
    elif options.command is not None:
        entry = {"adapters/command": {"command": words_of(options.command), **constructed}}
    else:
        entry = entry_of(options.front_end, constructed)
    card = cards.read_card(options.card) if options.card else cards.Card()
    wanted = recipe.load_recipe(options.recipe, hidden=hidden_of(options))
    tasks = () if options.audio is None else tasks_of(options.audio, wanted, Corpora(options.data, default_cache()))
    submission = Submission(options.name or name_for(entry), entry, card, tasks, not options.unchecked)
    workspace = workspace_of(options, wanted.name)
    for path in submit(submission, options.recipe, workspace, jobs_of(options), options.replace):
        found = boards_of(workspace.boards, cache_of(workspace.boards))
        lines = standing(view_of(found), submission.name)
        said = cards.submissions(workspace.boards)[submission.name]
        notes = remarks(found, submission.name, said, Records(workspace.runs))
        table = aligned(list(lines[0]), [list(line.values()) for line in lines])
        reading = "Intervals are of 95 %, uncorrected; p is corrected after Holm over all pairs of the board."
        print("\n".join([f"\n{submission.name} on {workspace.boards}", table, reading, *notes, str(path)]), flush=True)
    return 0
