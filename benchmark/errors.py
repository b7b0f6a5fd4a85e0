"""The exception that users see: one line that names the file or key at fault and what to do about it."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any


class EarmarkError(Exception):
    """Bad input or a refused action. The command line prints its text without a traceback and exits with status 2."""


def unknown(kind: str, name: str, known: Iterable[str]) -> EarmarkError:
    """The error for an unknown name, which suggests the nearest known one or else lists all."""
    names = sorted(known)
    near = get_close_matches(str(name), names, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(names) or 'none'}"
    return EarmarkError(f"unknown {kind} '{name}'; {hint}")


def printable(error: Any, length: int = 2000) -> str:
    """An error, or what it says, in one line that can be printed and written, whatever is in it."""
    try:
        text = str(error)
    except Exception:  # code from outside may raise what cannot be printed
        text = f"{type(error).__name__} (which cannot be printed)"
    return " ".join(text.encode("utf-8", "backslashreplace").decode().split())[:length]
