"""The command `earmark`: thin over the Python API. `--help` and `list` import nothing heavy."""

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.errors import EarmarkError
from benchmark.processes import end_on_request

if TYPE_CHECKING:
    from benchmark.store import Workspace


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit status: 0, 1 where `check` finds a rule broken, or 2 with one line on standard
    error.
    """
    options = _parser().parse_args(arguments)
    end_on_request(signal.default_int_handler)  # as Ctrl-C
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
    parser = argparse.ArgumentParser(
        prog="earmark", description="What does an audio-enhancement front-end do for the tasks behind it?"
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    run = commands.add_parser(
        "run",
        help="run what is missing of a recipe, and rebuild its boards",
        description="Run what is missing of a recipe.",
    )
    run.set_defaults(run=_run)
    run.add_argument("recipe", help="a name (see `earmark list`) or a YAML file")
    _data(run)
    _out(run)
    _jobs(run)
    run.add_argument(
        "--engine",
        default="local",
        metavar="NAME",
        help="where cells run: a name (see `earmark list`) or path/to/file.py:Class (default: local, this machine)",
    )
    run.add_argument(
        "--dry-run",
        action="store_true",
        help="show the cells, what is done, what is missing, and the time needed; synthetic corpora are made",
    )
    run.add_argument(
        "--fast-dev-run",
        action="store_true",
        help="try one batch of each training and one scene of each scoring; nothing is recorded",
    )
    run.add_argument(
        "--accept-changed-code",
        action="store_true",
        help="keep results of components whose code changed under an unchanged version",
    )

    submit = commands.add_parser(
        "submit", help="put a front-end of your own on a board: its missing cells of a recipe, and where it landed"
    )
    submit.set_defaults(run=_submit)
    submit.add_argument(
        "front_end", nargs="?", help="path/to/file.py:Class, model.onnx, speechbrain:FOLDER, or a registered name"
    )
    submit.add_argument(
        "--audio",
        type=Path,
        default=None,
        metavar="DIR",
        help="instead: a folder of exported scenes that anything has enhanced",
    )
    submit.add_argument(
        "--command",
        default=None,
        metavar="'PROG {in} {out}'",
        help="instead: a program, run on one WAV file after the other",
    )
    submit.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an option of the front-end's constructor; may be repeated",
    )
    submit.add_argument("--name", default=None, help="its label on the boards (default: after its class or file)")
    submit.add_argument("--recipe", default="mini", help="a name (see `earmark list`) or a YAML file (default: mini)")
    submit.add_argument(
        "--card",
        type=Path,
        default=None,
        metavar="FILE",
        help="YAML: description, paper, licence, training_data, tuning_budget",
    )
    submit.add_argument("--unchecked", action="store_true", help="leave out what `earmark check` does")
    submit.add_argument(
        "--replace", action="store_true", help="take the place of an earlier submission of the same name"
    )
    _data(submit)
    _out(submit)
    _jobs(submit)

    check = commands.add_parser(
        "check", help="does a front-end keep to what the engine relies on? expected, came, why; exit status 1 if not"
    )
    check.set_defaults(run=_check)
    check.add_argument(
        "front_end",
        metavar="FRONTEND",
        help="a registered name, path/to/file.py:Class, model.onnx, or speechbrain:FOLDER",
    )
    check.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an option of its constructor; may be repeated",
    )

    board = commands.add_parser("leaderboard", help="rebuild the CSV files from summaries, and print the boards")
    board.set_defaults(run=_leaderboard)
    board.add_argument(
        "folder", type=Path, nargs="?", help="leaderboards/RECIPE, or a folder of such (default: leaderboards/)"
    )

    report = commands.add_parser(
        "report", help="write leaderboards, with charts and sounds, as a page: one folder that opens without a server"
    )
    report.set_defaults(run=_report)
    report.add_argument(
        "folder", type=Path, nargs="*", help="leaderboards/RECIPE, or a folder of such (default: leaderboards/)"
    )
    report.add_argument(
        "--out", type=Path, default=Path("site"), metavar="DIR", help="the folder to write (default: site)"
    )

    agree = commands.add_parser(
        "agree", help="do two leaderboards order the systems alike? Kendall's tau, task by task, with its interval"
    )
    agree.set_defaults(run=_agree)
    agree.add_argument("first", type=Path, help="a folder such as leaderboards/mini")
    agree.add_argument("second", type=Path, help="another, with tasks of the same kinds, such as leaderboards/real")

    compare = commands.add_parser(
        "compare",
        help="two rows of a leaderboard: gains by task, condition and group, and the utterances that differ most",
    )
    compare.set_defaults(run=_compare)
    compare.add_argument("first", metavar="A", help="a row, as front_end:scheme")
    compare.add_argument("second", metavar="B", help="another; gains are positive where A is better")
    compare.add_argument("folder", type=Path, nargs="?", help="leaderboards/RECIPE (default: leaderboards/mini)")
    compare.add_argument("--csv", type=Path, default=None, metavar="FILE", help="write the same as one table")
    _out(compare)

    sweep = commands.add_parser(
        "sweep", help="what a front-end's controls do, without training again: a table and maps over a grid of them"
    )
    sweep.set_defaults(run=_sweep)
    sweep.add_argument("front_end", help="its label in the recipe")
    sweep.add_argument("recipe", help="a recipe that has been run")
    sweep.add_argument(
        "--grid",
        nargs="+",
        default=[],
        metavar="CONTROL=A,B,...",
        help="values; default: its own controls from 0 on, else wet (dry/wet mix)",
    )
    sweep.add_argument(
        "--scenes", type=int, default=None, metavar="N", help="scenes of each task (default: as the recipe says)"
    )
    sweep.add_argument(
        "--seed", type=int, default=None, metavar="N", help="whose weights (default: the recipe's first)"
    )
    _data(sweep)
    _out(sweep)

    enhance = commands.add_parser("enhance", help="enhance a recording, or a folder of them, with a front-end")
    enhance.set_defaults(run=_enhance)
    enhance.add_argument(
        "front_end",
        help=(
            "a registered name, path/to/file.py:Class, model.onnx or speechbrain:FOLDER; with --from also a label of "
            "the recipe"
        ),
    )
    enhance.add_argument(
        "source",
        type=Path,
        help="a recording of any rate and number of channels, or a folder; rms 1 is heard as 100 dB SPL",
    )
    enhance.add_argument("target", type=Path, help="a .wav file, or a folder that gets the same tree")
    weights = enhance.add_mutually_exclusive_group()
    weights.add_argument(
        "--from",
        dest="benchmarked",
        default=None,
        metavar="RECIPE:SCHEME[:TASK]",
        help="with the weights that a run of the recipe left",
    )
    weights.add_argument(
        "--weights",
        type=Path,
        default=None,
        metavar="FILE",
        help="with those of a file, runs/weights/KEY/front_end.safetensors",
    )
    enhance.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an option of the front-end's constructor; may be repeated",
    )
    enhance.add_argument(
        "--audiogram",
        action="append",
        default=[],
        metavar="EAR",
        help="N3, or listeners.json:ID:left; again for a second channel",
    )
    enhance.add_argument(
        "--control",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a control of the front-end, or wet; may be repeated",
    )
    _data(enhance)
    _out(enhance)

    export = commands.add_parser(
        "export", help="write a recipe's noisy test scenes as WAV files, for programs that run elsewhere"
    )
    export.set_defaults(run=_export)
    export.add_argument("recipe", help="a name (see `earmark list`) or a YAML file")
    export.add_argument(
        "folder", type=Path, help="where the files and manifest.json go; what is there and right is kept"
    )
    export.add_argument(
        "--task",
        action="append",
        default=[],
        metavar="LABEL",
        help="its scenes alone; may be repeated (default: all tasks)",
    )
    _data(export)

    listing = commands.add_parser("list", help="list front-ends, tasks, corpora, schemes and recipes")
    listing.set_defaults(run=_list)

    corpora = commands.add_parser("corpora", help="list corpora: licence, size, source, whether found")
    corpora.set_defaults(run=_corpora)
    _data(corpora)
    return parser


def _data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        type=Path,
        default=None,
        metavar="DIR",
        help="the folder that holds the corpora, each as its owner distributes it",
    )


def _out(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out", type=Path, default=Path(), metavar="DIR", help="where runs/ and leaderboards/ are (default: here)"
    )


def _jobs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--jobs",
        type=int,
        default=None,
        metavar="N",
        help="cells beside each other, one thread each (default: one a core)",
    )


def _cores(jobs: int | None) -> int:
    if jobs is not None and jobs < 1:
        raise EarmarkError("--jobs: write a number of cells, 1 or more")
    return jobs or len(os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1))


def _workspace(options: argparse.Namespace, recipe: str) -> "Workspace":
    from benchmark.catalogue import default_cache
    from benchmark.store import Workspace

    return Workspace(options.data, default_cache(), options.out / "runs", options.out / "leaderboards" / recipe)


def _run(options: argparse.Namespace) -> int:
    from benchmark.catalogue import Corpora, default_cache
    from benchmark.planning import recipe
    from benchmark.results.leaderboard_files import render
    from benchmark.running import run

    jobs = _cores(options.jobs)
    if options.data is not None and not options.data.is_dir():
        raise EarmarkError(f"--data: no folder {options.data}")
    wanted = recipe.load_recipe(options.recipe)
    if options.fast_dev_run:
        wanted = recipe.fast_dev_run(wanted)
    workspace = _workspace(options, wanted.name)
    if options.dry_run:
        from benchmark.running.dry_run import describe

        described, missing = describe(wanted, Corpora(options.data, default_cache()), workspace, jobs)
        print(described)
        if missing:
            raise EarmarkError("\nearmark: ".join(missing))
        return 0
    written = run.run(wanted, workspace, jobs, options.accept_changed_code, options.engine)
    for path in written:
        if path.name != "costs.csv":
            print(f"\n{path}\n{render(path)}")
    return 0


def _submit(options: argparse.Namespace) -> int:
    from benchmark.catalogue import Corpora, default_cache
    from benchmark.frontends import entry_of
    from benchmark.frontends.adapters.command import words_of
    from benchmark.planning import recipe
    from benchmark.results import cards
    from benchmark.results.board import boards_of, cache_of
    from benchmark.results.leaderboard_files import aligned
    from benchmark.results.records import Records
    from benchmark.results.view import view_of
    from benchmark.submission.standing import remarks, standing
    from benchmark.submission.submit import Submission, name_for, submit, tasks_of

    given = {"FRONTEND": options.front_end, "--audio": options.audio, "--command": options.command}
    if sum(value is not None for value in given.values()) != 1:
        raise EarmarkError("submit: give one of FRONTEND, --audio and --command; see `earmark submit --help`")
    constructed = dict(_option(text) for text in options.option)
    if options.audio is not None:
        entry = {"adapters/folder": {"path": str(options.audio.resolve()), **constructed}}
    elif options.command is not None:
        entry = {"adapters/command": {"command": words_of(options.command), **constructed}}
    else:
        entry = entry_of(options.front_end, constructed)
    card = cards.read_card(options.card) if options.card else cards.Card()
    wanted = recipe.load_recipe(options.recipe)
    tasks = () if options.audio is None else tasks_of(options.audio, wanted, Corpora(options.data, default_cache()))
    submission = Submission(options.name or name_for(entry), entry, card, tasks, not options.unchecked)
    workspace = _workspace(options, wanted.name)
    for path in submit(submission, options.recipe, workspace, _cores(options.jobs), options.replace):
        found = boards_of(workspace.boards, cache_of(workspace.boards))
        lines = standing(view_of(found), submission.name)
        said = cards.submissions(workspace.boards)[submission.name]
        told = remarks(found, submission.name, said, Records(workspace.runs))
        table = aligned(list(lines[0]), [list(line.values()) for line in lines])
        reading = "Intervals are of 95 %, uncorrected; p is corrected after Holm over all pairs of the board."
        print("\n".join([f"\n{submission.name} on {workspace.boards}", table, reading, *told, str(path)]), flush=True)
    return 0


def _check(options: argparse.Namespace) -> int:
    from benchmark.conformance import examine, exit_refused, line, summary
    from benchmark.frontends import build_front_end, entry_of

    entry = entry_of(options.front_end, dict(_option(text) for text in options.option))
    with exit_refused():
        build_front_end(entry)  # what cannot be built is an error of the user's, and no finding
    findings = []
    for finding in examine(lambda: build_front_end(entry)):
        findings.append(finding)
        print(line(finding), flush=True)
    print(f"\n{summary(findings)}")
    return int(any(finding.status == "failed" for finding in findings))


def _option(text: str) -> tuple[str, object]:
    """NAME=VALUE, the value as YAML has it."""
    import yaml

    name, separator, value = text.partition("=")
    if not separator:
        raise EarmarkError(f"--option: {text}: write an option and its value, as channels=16")
    try:
        return name, yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise EarmarkError(
            f"--option: {text}: no value that YAML reads; write it as in a recipe, as channels=16 or bands=[1, 2]"
        ) from error


def _folders(given: list[Path]) -> list[Path]:
    """Leaderboards: those given and those below, else all that are here."""
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


def _leaderboard(options: argparse.Namespace) -> int:
    from benchmark.results.board import cache_of
    from benchmark.results.leaderboard_files import render, write_leaderboard

    for folder in _folders([options.folder] if options.folder else []):
        for path in write_leaderboard(folder, cache_of(folder)):
            print(f"\n{path}\n{render(path)}")
    return 0


def _report(options: argparse.Namespace) -> int:
    from benchmark.report.site import write_site

    print(write_site(_folders(options.folder), options.out))
    return 0


def _agree(options: argparse.Namespace) -> int:
    from benchmark.results.board import boards_of, cache_of
    from benchmark.results.rank_agreement import agreement

    pairs = agreement(*(boards_of(folder, cache_of(folder)) for folder in (options.first, options.second)))
    print(f"{options.first} | {options.second} | rows | Kendall's tau | 95 % interval")
    for pair in pairs:
        print(f"{pair.first} | {pair.second} | {pair.rows} | {pair.tau:.2f} | {pair.low:.2f} to {pair.high:.2f}")
    return 0


def _compare(options: argparse.Namespace) -> int:
    from benchmark.results.board import boards_of, cache_of
    from benchmark.results.compare import compare, render, write_csv
    from benchmark.results.records import Records

    folder = options.folder or options.out / "leaderboards" / "mini"
    lines = compare(boards_of(folder, cache_of(folder)), options.first, options.second, Records(options.out / "runs"))
    print(render(lines, options.first, options.second))
    if options.csv:
        write_csv(lines, options.first, options.second, options.csv)
    return 0


def _sweep(options: argparse.Namespace) -> int:
    from benchmark.planning import recipe
    from benchmark.results.leaderboard_files import render
    from benchmark.running.sweep import sweep

    grid = {}
    for axis in options.grid:
        name, _, values = axis.partition("=")
        if name in grid:
            raise EarmarkError(f"--grid: {name} is there twice; give each control one axis")
        try:
            grid[name] = [float(value) for value in values.split(",")]
        except ValueError:
            raise EarmarkError(f"--grid: {axis}: write a control and its values, as p=0,0.5,1") from None
    if options.scenes is not None and options.scenes < 1:
        raise EarmarkError("--scenes: write a number of scenes, 1 or more")
    wanted = recipe.load_recipe(options.recipe)
    workspace = _workspace(options, wanted.name)
    table, *drawings = sweep(wanted, workspace, options.front_end, grid, options.scenes, options.seed)
    print(f"\n{table}\n{render(table, None)}")
    for drawing in drawings:
        print(drawing)
    return 0


def _enhance(options: argparse.Namespace) -> int:
    from benchmark import registry
    from benchmark.frontends import entry_of
    from benchmark.hearing.audiograms import audiogram
    from benchmark.planning import recipe
    from benchmark.results import cards
    from benchmark.submission.own_recordings import benchmarked, enhance, system_of

    controls = {}
    for text in options.control:
        name, _, value = text.partition("=")
        try:
            controls[name] = float(value)
        except ValueError:
            raise EarmarkError(f"--control: {text}: write a control and its value, as amount=0.5") from None
    entry = entry_of(options.front_end, dict(_option(text) for text in options.option))
    listener = [audiogram(name) for name in options.audiogram]
    if options.benchmarked is None:
        system = system_of(entry, options.weights)
    else:
        name, _, rest = options.benchmarked.partition(":")
        scheme, _, task = rest.partition(":")
        wanted, label = recipe.load_recipe(name), options.front_end
        workspace = _workspace(options, wanted.name)
        if (
            label not in wanted.front_ends
            and label in cards.submissions(workspace.boards)
            and label not in registry.names("front_ends")
        ):
            raise EarmarkError(
                f"{label}: it was submitted from elsewhere; give what was submitted, as path/to/file.py:Class, with "
                "its options"
            )
        # such as one that was submitted; weights go by what it is, not by its label
        if label not in wanted.front_ends or options.option:
            wanted, label = recipe.load_recipe(name, {"submitted": entry}), "submitted"
        system = benchmarked(wanted, workspace, label, scheme, task or None)
    written = enhance(system, options.source, options.target, listener, controls)
    print(f"{len(written)} enhanced, in {options.target}")
    return 0


def _export(options: argparse.Namespace) -> int:
    from benchmark.catalogue import Corpora, default_cache
    from benchmark.planning.recipe import load_recipe
    from benchmark.submission.export import export

    print(export(load_recipe(options.recipe), Corpora(options.data, default_cache()), options.folder, options.task))
    return 0


def _list(options: argparse.Namespace) -> int:
    from benchmark import registry
    from benchmark.planning import recipe_file

    for kind in registry.FOLDERS:
        print(kind.replace("_", "-"))
        described = registry.descriptions(kind)
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
    from benchmark.catalogue import catalogue, default_cache

    for entry in catalogue(options.data, default_cache()):
        notes = [
            entry["kind"],
            entry["size"],
            entry["licence"],
            *(["synthetic"] if entry["synthetic"] else []),
            *([entry["verified"]] if entry["verified"] else []),
        ]
        print(f"{entry['name']}: {', '.join(notes)}")
        print(
            f"    {'found in ' + entry['found'] if Path(entry['found']).is_dir() else entry['found']}; from "
            f"{entry['source']}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
