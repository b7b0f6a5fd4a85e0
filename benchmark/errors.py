"""The one exception that users see: a line that names the file or key at fault and the remedy."""

from collections.abc import Iterable
from difflib import get_close_matches


class EarmarkError(Exception):
    """Bad input or a refused action. The command prints its text alone and exits with status 2."""


def unknown(kind: str, name: str, known: Iterable[str]) -> EarmarkError:
    """An unknown name, answered with the nearest known one, else with all of them."""
    names = sorted(known)
    near = get_close_matches(str(name), names, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(names) or 'none'}"
    return EarmarkError(f"unknown {kind} '{name}'; {hint}")
