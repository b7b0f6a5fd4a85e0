"""What the readers of recordings share. Nothing here opens an audio file: rows carry paths, and benchmark.audio.read
decodes them.
"""

import hashlib
import re
from abc import abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import soundfile

from benchmark.contracts import SPLITS, Corpus
from benchmark.errors import EarmarkError, unknown

LETTERS = " 'abcdefghijklmnopqrstuvwxyz"  # the alphabet of transcripts in English
# Suffixes of what libsndfile reads by itself (.raw and .sd2 need a word on their format; .mat is rarely audio), and
# other usual names for the same formats.
SUFFIXES = {f".{name.lower()}" for name in soundfile.available_formats()} - {".raw", ".sd2"} | {
    ".aif",
    ".aifc",
    ".iff",
    ".oga",
    ".opus",
    ".sf",
    ".snd",
    ".sph",
}


class Reader(Corpus):
    """A corpus that is listed at once: a subclass writes `table`, and `remedy` where an empty split has another one
    than fetching the corpus.
    """

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        if not root.is_dir():
            raise self.error(f"no folder {root}")

    @abstractmethod
    def table(self) -> Iterable[dict[str, Any]]:
        """All rows, in any order, with `audio` as a Path and the split of each under the key `split` (one that is no
        split: the row is left out).
        """

    @property
    def name(self) -> str:
        """The registered name, for messages."""
        return type(self).__module__.rpartition(".")[2]

    @property
    def fetch(self) -> str:
        """What to do where files are missing."""
        return f"get the corpus from {self.source} ({self.size})"

    @property
    def remedy(self) -> str:
        """What to do where a split is empty."""
        return self.fetch

    def rows(self, split: str) -> Any:
        """The rows of one split, sorted by id. Raises EarmarkError where the folder is not the whole corpus, or the
        split is empty.
        """
        if split not in SPLITS:
            raise unknown("split", split, SPLITS)
        if not self._splits[split]:
            raise self.error(f"the {split} split is empty in {self.root}", self.remedy)
        from datasets import Dataset  # here, since importing it takes over a second

        return Dataset.from_list(self._splits[split])

    @cached_property
    def _splits(self) -> dict[str, list[dict[str, Any]]]:
        splits: dict[str, list[dict[str, Any]]] = defaultdict(list)
        try:
            table = sorted(self.table(), key=lambda row: row["id"])
        except (LookupError, ValueError, TypeError, ArithmeticError, OSError, soundfile.LibsndfileError) as error:
            # a list or a file unlike the owner's
            raise self.error(
                f"{self.root} is not laid out as its owner does it ({type(error).__name__}: {error})"
            ) from error
        for row in table:
            plain = {
                key: str(value) if isinstance(value, Path) else value for key, value in row.items() if key != "split"
            }
            splits[row["split"]].append(plain)
        return splits

    def error(self, problem: str, remedy: str | None = None) -> EarmarkError:
        """One line: the corpus, the problem and the remedy."""
        return EarmarkError(f"{self.name}: {problem}; {remedy or self.fetch}")

    def lines(self, path: str) -> list[str]:
        """The lines of a text file of the corpus that are not blank."""
        if not (self.root / path).is_file():
            raise self.error(f"no file {path} in {self.root}")
        try:
            return [line for line in (self.root / path).read_text(encoding="utf-8-sig").splitlines() if line.strip()]
        except UnicodeDecodeError as error:
            raise self.error(f"{self.root / path} is not UTF-8 ({error.reason} at byte {error.start})") from error

    def complete(self, lists: str, missing: Sequence[str]) -> None:
        """Raise EarmarkError where `lists` name files that are `missing`: half a download would be another corpus under
        the same name.
        """
        if missing:
            problem = f"{len(missing)} files that {lists} in {self.root} names are not there, the first is {missing[0]}"
            raise self.error(problem, f"{self.fetch}, or cut the lists to what is there")


def transcript(text: str, where: str | Path) -> str:
    """Lower case without punctuation, words apart by one space. Raises EarmarkError that names the file `where` no word
    is left.
    """
    words = re.sub(r"[^\w']+", " ", text.lower()).split()
    if not words:
        raise EarmarkError(f"{where}: the transcript is empty; restore it, or remove the recording from the corpus")
    return " ".join(words)


def audio_files(folder: Path) -> list[Path]:
    """The audio files below `folder`, sorted, in every format libsndfile reads; hidden ones are left out."""
    found = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts))


def identifier(path: Path, root: Path) -> str:
    """The relative path without its suffix, alike on every machine."""
    return path.relative_to(root).with_suffix("").as_posix()


def split_of(key: str) -> str:
    """The split of a file by a hash of its name: 0.7, 0.15 and 0.15 of a large corpus. More files move none of the
    others.
    """
    place = _place(key)
    return "train" if place < 0.7 else "validation" if place < 0.85 else "test"


def split_groups(groups: Iterable[str], validation: float = 0.15, test: float = 0.15) -> dict[str, str]:
    """The split of each group (speaker): the first by hash are for test, the next for validation; each share is rounded
    and, unless 0, at least one group.
    """
    order = sorted(set(groups), key=_place)
    counts = [max(1, round(share * len(order))) if share else 0 for share in (test, validation)]
    names = ["test"] * counts[0] + ["validation"] * counts[1] + ["train"] * len(order)
    return dict(zip(order, names, strict=False))


def _place(key: str) -> float:
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") / 2**64
