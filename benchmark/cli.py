"""The command `earmark`: thin over the Python API. `--help` and `list` import nothing heavy."""

import argparse
import os
import sys
from pathlib import Path

from benchmark.errors import EarmarkError


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit status: 0, or 2 with one line on standard error."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options) or 0
    except EarmarkError as error:
        print(f"earmark: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("earmark: stopped; finished cells are kept, the same command goes on from there", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="earmark", description="What does an audio-enhancement front-end do for the tasks behind it?")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="run what is missing of a recipe, and rebuild its boards", description="Run what is missing of a recipe.")
    run.set_defaults(run=_run)
    run.add_argument("recipe", help="a name (see `earmark list`) or a YAML file")
    _data(run)
    run.add_argument("--out", type=Path, default=Path(), metavar="DIR", help="where runs/ and leaderboards/ are written (default: here)")
    run.add_argument("--jobs", type=int, default=None, metavar="N", help="cells beside each other, one thread each (default: one a core)")
    run.add_argument("--dry-run", action="store_true", help="show the cells, what is done, what is missing, and the time needed; synthetic corpora are made")
    run.add_argument("--fast-dev-run", action="store_true", help="try one batch of each training and one scene of each scoring; nothing is recorded")
    run.add_argument("--accept-changed-code", action="store_true", help="keep results of components whose code changed under an unchanged version")

    board = commands.add_parser("leaderboard", help="rebuild the CSV files from summaries, and print the boards")
    board.set_defaults(run=_leaderboard)
    board.add_argument("folder", type=Path, nargs="?", help="leaderboards/RECIPE (default: every folder of leaderboards/)")

    agree = commands.add_parser("agree", help="do two leaderboards order the systems alike? Kendall's tau, task by task, with its interval")
    agree.set_defaults(run=_agree)
    agree.add_argument("first", type=Path, help="a folder such as leaderboards/mini")
    agree.add_argument("second", type=Path, help="another, with tasks of the same kinds, such as leaderboards/real")

    listing = commands.add_parser("list", help="list front-ends, tasks, corpora, schemes and recipes")
    listing.set_defaults(run=_list)

    corpora = commands.add_parser("corpora", help="list corpora: licence, size, source, whether found")
    corpora.set_defaults(run=_corpora)
    _data(corpora)
    return parser


def _data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, default=None, metavar="DIR", help="the folder that holds the corpora, each as its owner distributes it")


def _run(options: argparse.Namespace) -> int:
    from benchmark import plan, recipe, run
    from benchmark.corpora import Corpora, default_cache
    from benchmark.leaderboard import render

    if options.jobs is not None and options.jobs < 1:
        raise EarmarkError("--jobs: write a number of cells, 1 or more")
    if options.data is not None and not options.data.is_dir():
        raise EarmarkError(f"--data: no folder {options.data}")
    jobs = options.jobs or len(os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1))
    wanted = recipe.load_recipe(options.recipe)
    if options.fast_dev_run:
        wanted = recipe.fast_dev_run(wanted)
    places = run.Places(options.data, default_cache(), options.out / "runs", options.out / "leaderboards" / wanted.name)
    if options.dry_run:
        from benchmark.dry_run import describe

        print(describe(plan.make_plan(wanted, Corpora(options.data, default_cache())), places, jobs))
        return 0
    written = run.run(wanted, places, jobs, options.accept_changed_code)
    for path in written:
        if path.name != "costs.csv":
            print(f"\n{path}\n{render(path)}")
    return 0


def _leaderboard(options: argparse.Namespace) -> int:
    from benchmark.leaderboard import build, render

    folders = [options.folder] if options.folder else sorted(path.parent for path in Path("leaderboards").rglob("summaries.jsonl"))
    if not folders:
        raise EarmarkError("leaderboards: no summaries here; run a recipe first, such as `earmark run demo`")
    for folder in folders:
        if not (folder / "summaries.jsonl").is_file():
            raise EarmarkError(f"{folder}: no summaries.jsonl; give a folder such as leaderboards/mini")
        for path in build(folder):
            print(f"\n{path}\n{render(path)}")
    return 0


def _agree(options: argparse.Namespace) -> int:
    from benchmark.agreement import agreement
    from benchmark.board import boards_of

    print(f"{options.first} | {options.second} | rows | Kendall's tau | 95 % interval")
    for pair in agreement(boards_of(options.first), boards_of(options.second)):
        print(f"{pair.first} | {pair.second} | {pair.rows} | {pair.tau:.2f} | {pair.low:.2f} to {pair.high:.2f}")
    return 0


def _list(options: argparse.Namespace) -> int:
    from benchmark import recipe_file, registry

    for kind in registry.FOLDERS:
        print(kind.replace("_", "-"))
        described = registry.describe(kind)
        width = max(map(len, described), default=0)
        for name, text in described.items():
            print(f"  {name:<{width}}  {text}")
    print("recipes")
    recipes = recipe_file.known()
    width = max(map(len, recipes), default=0)
    for name, path in recipes.items():
        print(f"  {name:<{width}}  {recipe_file.title(path)}")
    return 0


def _corpora(options: argparse.Namespace) -> int:
    from benchmark.corpora import catalogue, default_cache

    for entry in catalogue(options.data, default_cache()):
        notes = [
            entry["kind"],
            entry["size"],
            entry["licence"],
            *(["synthetic"] if entry["synthetic"] else []),
            *([entry["verified"]] if entry["verified"] else []),
        ]
        print(f"{entry['name']}: {', '.join(notes)}")
        print(f"    {'found in ' + entry['found'] if Path(entry['found']).is_dir() else entry['found']}; from {entry['source']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
