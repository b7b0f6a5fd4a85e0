"""What every front-end must keep to, checked: for `earmark check`, and for anyone's own tests.

    import pytest
    from benchmark.conformance import checks

    @pytest.mark.parametrize("check", checks, ids=lambda check: check.__name__)
    def test_mine(check):
        check(lambda: MyFrontEnd(channels=8))

A check takes a function that builds the front-end, any `torch.nn.Module` from audio to audio, and builds it as often as
it likes.
"""

import inspect
import os
import traceback
import unittest
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial, update_wrapper
from pathlib import Path
from textwrap import fill, shorten
from typing import NoReturn, get_args

import torch

from benchmark.conformance import module_rules, output_rules, training_rules
from benchmark.conformance.findings import Finding, Status, failed, skipped
from benchmark.conformance.harness import Build, Harness
from benchmark.costs import one_thread
from benchmark.errors import EarmarkError

Rule = Callable[[Harness], Finding]
RULES: tuple[Rule, ...] = (
    *(
        output_rules.works,
        output_rules.shape,
        output_rules.finite,
        output_rules.silence,
        output_rules.level,
        output_rules.durations,
        output_rules.batch,
        output_rules.neighbours,
        output_rules.padding,
        output_rules.rate,
    ),
    *(
        module_rules.deterministic,
        module_rules.state,
        module_rules.in_place,
        module_rules.reload,
        module_rules.device,
        module_rules.causality,
        module_rules.needs,
        module_rules.controls,
    ),
    *(training_rules.loss, training_rules.gradient, training_rules.joint),
)
WIDTH = 100  # columns of what is printed


class Violation(AssertionError):
    """A broken rule: its text says what was expected, what came, and why it matters."""


def examine(build: Build) -> Iterator[Finding]:
    """The finding of every rule, in order, as it is made; none raises, whatever the front-end does. Where it does not
    work at all nothing else is tried.
    """
    first, *others = RULES
    found = _applied(first, build)
    yield found
    if found.status == "failed":
        yield skipped(f"{len(others)} rules, until {found.check} is mended")._replace(check="all others")
        return
    for rule in others:
        yield _applied(rule, build)


def _applied(rule: Rule, build: Build) -> Finding:
    """On one thread and from a fixed seed, as in a cell."""
    try:
        with one_thread(), torch.random.fork_rng(devices=[]), exit_refused():
            torch.manual_seed(0)
            harness = Harness(build)
            finding = skipped("its output is made elsewhere") if harness.front_end.exported else rule(harness)
    except (Exception, SystemExit) as error:  # it may be anyone's code
        finding = failed(_in_one_line(error))._replace(error=error)
    return _explained(finding, rule)


@contextmanager
def exit_refused() -> Iterator[None]:
    """`os._exit` ends a process without a word, and its status may say that all is well: here it is an error, as
    `sys.exit` is.
    """
    leave, own = os._exit, os.getpid()

    def refused(status: int) -> NoReturn:
        if os.getpid() != own:
            leave(status)
        raise SystemExit(f"os._exit({status})")

    os._exit = refused
    try:
        yield
    finally:
        os._exit = leave


def _explained(finding: Finding, rule: Rule) -> Finding:
    expected, _, why = (inspect.getdoc(rule) or "").partition("\n\n")
    return finding._replace(check=rule.__name__, expected=" ".join(expected.split()), why=" ".join(why.split()))


def _check(rule: Rule, build: Build) -> Finding:
    """Judge a front-end by one rule. Raises Violation where it is broken, and unittest.SkipTest, which pytest knows,
    where it cannot be tested here.
    """
    finding = _applied(rule, build)
    if finding.status == "failed":
        raise Violation(details(finding)) from finding.error
    if finding.status == "skipped":
        raise unittest.SkipTest(finding.came)
    return finding


checks: tuple[Callable[[Build], Finding], ...] = tuple(update_wrapper(partial(_check, rule), rule) for rule in RULES)


def line(finding: Finding) -> str:
    """A finding in one line, or as many as what came takes."""
    return fill(f"{finding.status:<8} {finding.check:<14} {finding.came}", WIDTH, subsequent_indent=" " * 24)


def details(finding: Finding) -> str:
    """The three parts of a finding, one below the other."""
    told = {"expected": finding.expected, "came": finding.came, "why": finding.why}
    return "\n".join(
        [
            finding.check,
            *(
                fill(text, WIDTH, initial_indent=f"  {name:<10}", subsequent_indent=" " * 12)
                for name, text in told.items()
            ),
        ]
    )


def summary(findings: Sequence[Finding]) -> str:
    """Every failure in detail, then how many findings there are of each kind."""
    counts = {status: sum(finding.status == status for finding in findings) for status in get_args(Status)}
    broken = [details(finding) for finding in findings if finding.status == "failed"]
    return "\n\n".join([*broken, ", ".join(f"{count} {status}" for status, count in counts.items() if count)])


def _in_one_line(error: BaseException) -> str:
    """An error in one line: what was tried, the error, and where it was raised: in the front-end's own code, if any of
    that ran, and never within PyTorch.
    """
    notes = "".join(f"{text}: " for text in getattr(error, "__notes__", ()))
    if isinstance(error, EarmarkError):
        return f"{notes}{error}"
    frames = traceback.extract_tb(error.__traceback__)
    outside = [frame for frame in frames if not frame.filename.startswith(str(Path(torch.__file__).parent))]
    own = [frame for frame in outside if not frame.filename.startswith(str(Path(__file__).parents[1]))] or outside
    place = f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""
    return shorten(f"{notes}{type(error).__name__}: {error}", 300, placeholder=" ...") + place
