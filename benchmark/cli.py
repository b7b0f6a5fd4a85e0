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
        return 141  # as a shell has it of a program that the pipe has closed upon


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

    sweep = commands.add_parser("sweep", help="what a front-end's controls do, without training again: a table and maps over a grid of them")
    sweep.set_defaults(run=_sweep)
    sweep.add_argument("front_end", help="its label in the recipe")
    sweep.add_argument("recipe", help="a recipe that has been run")
    sweep.add_argument("--grid", nargs="+", default=[], metavar="CONTROL=A,B,...", help="values; default: its own controls from 0 on, else wet (dry/wet mix)")
    sweep.add_argument("--scenes", type=int, default=None, metavar="N", help="scenes of each task (default: as the recipe says)")
    _data(sweep)
    sweep.add_argument("--out", type=Path, default=Path(), metavar="DIR", help="where runs/ and leaderboards/ are (default: here)")

    listing = commands.add_parser("list", help="list front-ends, tasks, corpora, schemes and recipes")
    listing.set_defaults(run=_list)

    corpora = commands.add_parser("corpora", help="list corpora: licence, size, source, whether found")
    corpora.set_defaults(run=_corpora)
    _data(corpora)
    return parser


def _data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, default=None, metavar="DIR", help="the folder that holds the corpora, each as its owner distributes it")


def _run(options: argparse.Namespace) -> int:
    from benchmark import recipe, run
    from benchmark.corpora import Corpora, default_cache
    from benchmark.leaderboard import render

    if options.jobs is not None and options.jobs < 1:
        raise EarmarkError("--jobs: write a number of cells, 1 or more")
    jobs = options.jobs or len(os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1))
    if options.data is not None and not options.data.is_dir():
        raise EarmarkError(f"--data: no folder {options.data}")
    wanted = recipe.load_recipe(options.recipe)
    if options.fast_dev_run:
        wanted = recipe.fast_dev_run(wanted)
    places = run.Places(options.data, default_cache(), options.out / "runs", options.out / "leaderboards" / wanted.name)
    if options.dry_run:
        from benchmark.dry_run import describe

        described, missing = describe(wanted, Corpora(options.data, default_cache()), places, jobs)
        print(described)
        if missing:
            raise EarmarkError("\nearmark: ".join(missing))
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

    pairs = agreement(boards_of(options.first), boards_of(options.second))
    print(f"{options.first} | {options.second} | rows | Kendall's tau | 95 % interval")
    for pair in pairs:
        print(f"{pair.first} | {pair.second} | {pair.rows} | {pair.tau:.2f} | {pair.low:.2f} to {pair.high:.2f}")
    return 0


def _sweep(options: argparse.Namespace) -> int:
    from benchmark import recipe, run
    from benchmark.corpora import default_cache
    from benchmark.leaderboard import render
    from benchmark.sweep import sweep

    grid = {}
    for axis in options.grid:
        name, _, values = axis.partition("=")
        try:
            grid[name] = [float(value) for value in values.split(",")]
        except ValueError:
            raise EarmarkError(f"--grid: {axis}: write a control and its values, as p=0,0.5,1") from None
    if options.scenes is not None and options.scenes < 1:
        raise EarmarkError("--scenes: write a number of scenes, 1 or more")
    wanted = recipe.load_recipe(options.recipe)
    places = run.Places(options.data, default_cache(), options.out / "runs", options.out / "leaderboards" / wanted.name)
    table, *drawings = sweep(wanted, places, options.front_end, grid, options.scenes)
    print(f"\n{table}\n{render(table, None)}")
    for drawing in drawings:
        print(drawing)
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
