"""What a check comes back with: how it went, and what was expected, what came, and why it matters."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

Status = Literal["ok", "note", "failed", "skipped"]


class Finding(NamedTuple):
    """One check of one front-end."""

    status: Status  # note: allowed, and worth knowing; skipped: it could not be tested here
    came: str
    check: str = ""
    expected: str = ""
    why: str = ""
    error: BaseException | None = None  # what the front-end raised, if it did


def ok(came: str) -> Finding:
    """The rule is kept; `came`: what was seen."""
    return Finding("ok", came)


def note(came: str) -> Finding:
    """Allowed, but its author may not know."""
    return Finding("note", came)


def failed(came: str) -> Finding:
    """The rule is broken."""
    return Finding("failed", came)


def skipped(came: str) -> Finding:
    """Not tested; `came`: the reason."""
    return Finding("skipped", came)


def some(names: Iterable[str]) -> str:
    """A few names, in order, and how many more there are."""
    ordered = sorted(names)
    return ", ".join(ordered[:3]) + (f" and {len(ordered) - 3} more" if len(ordered) > 3 else "")
