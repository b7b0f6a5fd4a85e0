"""Findings: the outcome of a check, with what was expected, what happened and why it matters."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

Status = Literal["ok", "note", "failed", "skipped"]


class Finding(NamedTuple):
    """The outcome of one check of one front-end."""

    status: Status  # note: allowed, but worth knowing; skipped: could not be tested here
    came: str  # what happened, or why the check was skipped
    check: str = ""
    expected: str = ""
    why: str = ""
    error: BaseException | None = None  # what the front-end raised, if it did


def ok(came: str) -> Finding:
    """The rule is kept."""
    return Finding("ok", came)


def note(came: str) -> Finding:
    """The behaviour is allowed, but its author may not know of it."""
    return Finding("note", came)


def failed(came: str) -> Finding:
    """The rule is broken."""
    return Finding("failed", came)


def skipped(came: str) -> Finding:
    """The rule was not tested; `came` is the reason."""
    return Finding("skipped", came)


def some(names: Iterable[str]) -> str:
    """The first three names in alphabetical order, and how many more there are."""
    ordered = sorted(names)
    return ", ".join(ordered[:3]) + (f" and {len(ordered) - 3} more" if len(ordered) > 3 else "")
