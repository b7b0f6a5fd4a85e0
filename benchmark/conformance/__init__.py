"""Conformance checks for front-ends, for `earmark check` and for your own tests.

A test of a front-end of your own::

    import pytest
    from benchmark.conformance import checks

    @pytest.mark.parametrize("check", checks, ids=lambda check: check.__name__)
    def test_mine(check):
        check(lambda: MyFrontEnd(channels=8))

A check takes a function that builds the front-end, which may be any `torch.nn.Module` from audio to audio. It calls the
function as often as it needs to.
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

from benchmark.conformance import module_rules, output_rules, process_rules, training_rules
from benchmark.conformance.findings import Finding, Status, failed, skipped
from benchmark.conformance.harness import Build, Harness
from benchmark.costs import one_thread
from benchmark.errors import EarmarkError

Rule = Callable[[Harness], Finding]
RULES: tuple[Rule, ...] = (
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
    module_rules.deterministic,
    module_rules.state,
    module_rules.in_place,
    module_rules.reload,
    module_rules.device,
    module_rules.causality,
    module_rules.needs,
    module_rules.controls,
    process_rules.process,
    process_rules.files,
    process_rules.memory,
    training_rules.loss,
    training_rules.gradient,
    training_rules.joint,
)
WIDTH = 100  # columns of printed reports


class Violation(AssertionError):
    """A broken rule; the message says what was expected, what happened and why it matters."""


def examine(build: Build) -> Iterator[Finding]:
    """Apply every rule in order and yield each finding as it is made.

    Nothing is raised, whatever the front-end does. If it fails `works`, the other rules are skipped.
    """
    first, *others = RULES
    found = apply_rule(first, build)
    yield found
    if found.status == "failed":
        yield others_skipped()
        return
    for rule in others:
        yield apply_rule(rule, build)


def others_skipped() -> Finding:
    """The finding for all rules behind the first, where that is broken."""
    first, *others = RULES
    return skipped(f"{len(others)} rules, until {first.__name__} is fixed")._replace(check="all others")


def apply_rule(rule: Rule, build: Build) -> Finding:
    """Apply a rule on one thread and from a fixed seed, as a cell runs."""
    try:
        with one_thread(), torch.random.fork_rng(devices=[]), exit_refused():
            torch.manual_seed(0)
            harness = Harness(build)
            finding = skipped("its output is made elsewhere") if harness.front_end.exported else rule(harness)
    except (Exception, SystemExit) as error:  # user code may raise anything
        finding = failed(_in_one_line(error))._replace(error=error)
    return explained(finding, rule)


@contextmanager
def exit_refused() -> Iterator[None]:
    """Turn `os._exit` into SystemExit in this process, as `sys.exit` is.

    `os._exit` would end the check silently, perhaps with a status of 0.
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


def explained(finding: Finding, rule: Rule) -> Finding:
    """The finding with the rule's name, what it expects and why."""
    expected, _, why = (inspect.getdoc(rule) or "").partition("\n\n")
    return finding._replace(check=rule.__name__, expected=" ".join(expected.split()), why=" ".join(why.split()))


def _check(rule: Rule, build: Build) -> Finding:
    """Check one rule of a front-end, and return the finding unless it failed or was skipped.

    Raises:
        Violation: the rule is broken
        unittest.SkipTest: the rule cannot be tested here; pytest understands this exception
    """
    finding = apply_rule(rule, build)
    if finding.status == "failed":
        raise Violation(details(finding)) from finding.error
    if finding.status == "skipped":
        raise unittest.SkipTest(finding.came)
    return finding


checks: tuple[Callable[[Build], Finding], ...] = tuple(update_wrapper(partial(_check, rule), rule) for rule in RULES)


def line(finding: Finding) -> str:
    """A finding as a line of text, wrapped at WIDTH columns."""
    return fill(f"{finding.status:<8} {finding.check:<14} {finding.came}", WIDTH, subsequent_indent=" " * 24)


def details(finding: Finding) -> str:
    """What was expected, what happened and why it matters, one below the other."""
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
    """All failures in detail, then the number of findings by status."""
    counts = {status: sum(finding.status == status for finding in findings) for status in get_args(Status)}
    broken = [details(finding) for finding in findings if finding.status == "failed"]
    return "\n\n".join([*broken, ", ".join(f"{count} {status}" for status, count in counts.items() if count)])


def _in_one_line(error: BaseException) -> str:
    """An error in one line: what was being tried, the error, and where it was raised.

    The place is in the front-end's own code if any of that ran, and never within PyTorch.
    """
    notes = "".join(f"{text}: " for text in getattr(error, "__notes__", ()))
    if isinstance(error, EarmarkError):
        return f"{notes}{error}"
    frames = traceback.extract_tb(error.__traceback__)
    outside = [frame for frame in frames if not frame.filename.startswith(str(Path(torch.__file__).parent))]
    own = [frame for frame in outside if not frame.filename.startswith(str(Path(__file__).parents[1]))] or outside
    place = f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""
    return shorten(f"{notes}{type(error).__name__}: {error}", 300, placeholder=" ...") + place
