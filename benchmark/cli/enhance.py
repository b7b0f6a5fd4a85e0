"""Enhance a recording, or a folder of them, with a front-end.

The output has the rate, channels and length of the input, as 32-bit float samples.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.cli._arguments import add_data, add_options, add_out, constructor_options, hidden_of, workspace_of
from benchmark.errors import EarmarkError

if TYPE_CHECKING:
    from benchmark.training.system import System


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "front_end",
        help="a registered name, path/to/file.py:Class, model.onnx or speechbrain:FOLDER; with --from also a label of "
        "the recipe",
    )
    parser.add_argument(
        "source",
        type=Path,
        help="a recording of any rate and number of channels, or a folder of them; an rms of 1 stands for 100 dB SPL",
    )
    parser.add_argument(
        "target", type=Path, help="a .wav file; for a folder, another folder that gets the same names and tree"
    )
    weights = parser.add_mutually_exclusive_group()
    weights.add_argument(
        "--from",
        dest="benchmarked",
        default=None,
        metavar="RECIPE:SCHEME[:TASK]",
        help="use the weights that a run of the recipe left",
    )
    weights.add_argument(
        "--weights",
        type=Path,
        default=None,
        metavar="FILE",
        help="use the weights of a file, such as runs/weights/KEY/front_end.safetensors",
    )
    add_options(parser)
    parser.add_argument(
        "--audiogram",
        action="append",
        default=[],
        metavar="EAR",
        help="the listener's ear: N3, or listeners.json:ID:left; repeat it for a second channel",
    )
    parser.add_argument(
        "--control",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a control of the front-end, or wet; may be repeated",
    )
    add_data(parser)
    add_out(parser)


def run(options: argparse.Namespace) -> int:
    """Enhance the recordings, and print how many there were."""
    from benchmark.audio import shown
    from benchmark.frontends import entry_of
    from benchmark.hearing.audiograms import audiogram
    from benchmark.submission.own_recordings import enhance, system_of

    controls = _controls(options.control)
    entry = entry_of(options.front_end, constructor_options(options))
    listener = [audiogram(name) for name in options.audiogram]
    system = system_of(entry, options.weights) if options.benchmarked is None else _benchmarked(options, entry)
    written = enhance(system, options.source, options.target, listener, controls)
    print(f"{len(written)} enhanced, in {shown(options.target)}")
    return 0


def _controls(given: list[str]) -> dict[str, float]:
    controls = {}
    for text in given:
        name, _, value = text.partition("=")
        try:
            controls[name] = float(value)
        except ValueError:
            raise EarmarkError(f"--control: {text}: write a control and its value, as amount=0.5") from None
    return controls


def _benchmarked(options: argparse.Namespace, entry: dict[str, Any]) -> "System":
    """The front-end with the weights that a run of the recipe left."""
    from benchmark import registry
    from benchmark.planning import recipe
    from benchmark.results import cards
    from benchmark.submission.own_recordings import benchmarked

    name, _, rest = options.benchmarked.partition(":")
    scheme, _, task = rest.partition(":")
    wanted, label = recipe.load_recipe(name, hidden=hidden_of(options)), options.front_end
    workspace = workspace_of(options, wanted.name)
    if (
        label not in wanted.front_ends
        and label in cards.submissions(workspace.boards)
        and label not in registry.names("front_ends")
    ):
        raise EarmarkError(
            f"{label}: it was submitted from elsewhere; give what was submitted, as path/to/file.py:Class, with "
            "its options"
        )
    # A submission, or other options: the weights are found by what the front-end is, not by its label.
    if label not in wanted.front_ends or options.option:
        wanted, label = recipe.load_recipe(name, {"submitted": entry}, hidden_of(options)), "submitted"
    return benchmarked(wanted, workspace, label, scheme, task or None)
