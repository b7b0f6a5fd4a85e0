"""The command `earmark`, a thin layer over the Python API. One command a file; the file's name is the command.

A command's file has `add_arguments(parser)` and `run(options)`, and its docstring is its help. `earmark --help` and
`earmark list` import nothing heavy: what a command needs, it imports when it runs.
"""

import argparse
import errno
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module

from benchmark.errors import EarmarkError
from benchmark.processes import end_on_request

COMMANDS = (
    "run",
    "submit",
    "check",
    "leaderboard",
    "report",
    "compare",
    "agree",
    "sweep",
    "enhance",
    "export",
    "list",
    "corpora",
)  # in the order of the help
DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)  # a disk that is full, or can only be read


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status.

    Returns:
        0; 1 where `check` finds a broken rule; 2 after an error that the user can fix, told in one line on standard
        error; 130 after Ctrl-C; 141 where the reader of standard output has gone
    """
    options = _parser().parse_args(arguments)
    end_on_request(signal.default_int_handler)  # a request to end acts like Ctrl-C
    try:
        status: int = options.run(options) or 0
        sys.stdout.flush()
        return status
    except EarmarkError as error:
        print(f"earmark: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("earmark: stopped; finished cells are kept, the same command goes on from there", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141  # 128 + SIGPIPE, as shells report it
    except OSError as error:
        if error.errno in DISK:
            with suppress(OSError):  # what is left of standard output is let go, if that is what cannot be written
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            remedy = "free some space, or write elsewhere, and run again"
        else:  # a name that is too long, a folder that cannot be listed
            remedy = "check the path and its permissions"
        place = f"{error.filename}: " if error.filename is not None else ""
        print(f"earmark: {place}{error.strerror or error}; {remedy}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    modules = {name: import_module(f"benchmark.cli.{name}") for name in COMMANDS}
    texts = {name: (module.__doc__ or name).strip() for name, module in modules.items()}
    width = max(map(len, COMMANDS))
    parser = argparse.ArgumentParser(
        prog="earmark",
        description="What does an audio-enhancement front-end do for the tasks behind it?",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(
        title="commands",
        description="\n".join(f"{name:<{width}}  {text.splitlines()[0]}" for name, text in texts.items()),
        required=True,
        metavar="COMMAND",
        help="see `earmark COMMAND --help`",
    )
    for name, module in modules.items():
        command = commands.add_parser(name, description=texts[name])
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser
