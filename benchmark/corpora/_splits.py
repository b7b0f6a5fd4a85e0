"""Splits of our own, drawn by a hash of names: the same on every machine, whatever the order of the files."""

import hashlib
from collections.abc import Iterable


def split_of(key: str) -> str:
    """The split of one file, by a hash of its name: 0.7 training, 0.15 validation, 0.15 test of a large corpus.

    Adding files moves none of the others.
    """
    place = _place(key)
    return "train" if place < 0.7 else "validation" if place < 0.85 else "test"


def split_groups(groups: Iterable[str], validation: float = 0.15, test: float = 0.15) -> dict[str, str]:
    """Group (a speaker, say) to split, such that no group is in two splits.

    Sorted by hash, the first groups are for test, the next for validation and the rest for training. A share is rounded
    to whole groups; unless it is 0 it takes at least one.

    Args:
        groups: names, duplicates allowed
        validation, test: shares of the groups, 0 to 1
    """
    order = sorted(set(groups), key=_place)
    counts = [max(1, round(share * len(order))) if share else 0 for share in (test, validation)]
    names = ["test"] * counts[0] + ["validation"] * counts[1] + ["train"] * len(order)
    return dict(zip(order, names, strict=False))


def _place(key: str) -> float:
    """A number in [0, 1) from the SHA-256 of `key`."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") / 2**64
