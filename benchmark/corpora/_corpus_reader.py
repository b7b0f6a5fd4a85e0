"""The base class of corpora that are read from their owner's files.

Nothing here opens an audio file: rows carry paths, and benchmark.audio.read decodes them.
"""

from abc import abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmark import audio
from benchmark.contracts import SPLITS, Corpus
from benchmark.errors import EarmarkError, unknown
from benchmark.scores.text import normalise

LETTERS = " 'abcdefghijklmnopqrstuvwxyz"  # the alphabet of transcripts in English


class CorpusReader(Corpus):
    """A corpus in a folder; the whole folder is listed when the first split is asked for.

    A subclass writes `table`. It overrides `remedy` if an empty split calls for something else than getting the corpus.

    Raises:
        EarmarkError: `root` is not a folder
    """

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        if not root.is_dir():
            raise self.error(f"no folder {root}")

    @abstractmethod
    def table(self) -> Iterable[dict[str, Any]]:
        """All rows, in any order: the columns of `Corpus`, `audio` as a Path, and the key `split`.

        A row whose `split` is none of train, validation and test is left out of the corpus.
        """

    @property
    def name(self) -> str:
        """The registered name, for messages."""
        return type(self).__module__.rpartition(".")[2]

    @property
    def how_to_get(self) -> str:
        """What to do if files are missing, for messages."""
        return f"get the corpus from {self.source} ({self.size})"

    @property
    def remedy(self) -> str:
        """What to do if a split is empty, for messages."""
        return self.how_to_get

    def rows(self, split: str) -> Any:
        """The rows of one split, sorted by id.

        Raises:
            EarmarkError: the split is unknown or empty, or the folder is not the whole corpus
        """
        if split not in SPLITS:
            raise unknown("split", split, SPLITS)
        if not self._splits[split]:
            raise self.error(f"the {split} split is empty in {self.root}", self.remedy)
        rows = self._splits[split]
        if not all(_is_unicode(row) for row in rows):  # a table of `datasets` cannot hold the path of such a file
            return rows
        from datasets import Dataset  # here, since importing it takes over a second

        return Dataset.from_list(rows)

    @cached_property
    def _splits(self) -> dict[str, list[dict[str, Any]]]:
        splits: dict[str, list[dict[str, Any]]] = defaultdict(list)
        try:
            table = sorted(self.table(), key=lambda row: row["id"])
        except (LookupError, ValueError, TypeError, ArithmeticError, OSError) as error:
            # a list or a file that does not look like the owner's
            raise self.error(
                f"{self.root} is not laid out as its owner distributes it ({type(error).__name__}: {error})"
            ) from error
        for row in table:
            plain = {
                key: str(value) if isinstance(value, Path) else value for key, value in row.items() if key != "split"
            }
            splits[row["split"]].append(plain)
        return splits

    def error(self, problem: str, remedy: str | None = None) -> EarmarkError:
        """An error of one line: the corpus, the problem and what to do about it (default: `how_to_get`)."""
        return EarmarkError(f"{self.name}: {problem}; {remedy or self.how_to_get}")

    def lines(self, path: str) -> list[str]:
        """The lines of a UTF-8 text file of the corpus, without blank ones.

        Raises:
            EarmarkError: there is no such file, or it is not UTF-8
        """
        if not (self.root / path).is_file():
            raise self.error(f"no file {path} in {self.root}")
        try:
            text = (self.root / path).read_text(encoding="utf-8-sig")
            return [line for line in text.split("\n") if line.strip()]  # splitlines would split within a line as well
        except UnicodeDecodeError as error:
            raise self.error(f"{self.root / path} is not UTF-8 ({error.reason} at byte {error.start})") from error

    def recordings(self, pattern: str) -> list[Path]:
        """The recordings whose paths match a pattern such as `Actor_*/*`, of any format, sorted.

        Raises:
            EarmarkError: two have the same name but for the suffix
        """
        return list(self.by_name(path for path in self.root.glob(pattern) if not path.is_dir()).values())

    def by_name(self, paths: Iterable[Path]) -> dict[str, Path]:
        """Recordings by `identifier`, sorted; what is no audio is left out.

        Raises:
            EarmarkError: two have the same name but for the suffix
        """
        found: dict[str, Path] = {}
        for path in sorted(filter(audio.is_audio, paths)):
            name = identifier(path, self.root)
            if name in found:
                raise self.error(f"{audio.shown(path)} and {found[name].name} have the same name", "remove one of them")
            found[name] = path
        return found

    def check_complete(self, lists: str, missing: Sequence[str]) -> None:
        """Raise EarmarkError if files that the owner's lists name are missing.

        Half a download would otherwise be another corpus under the same name.

        Args:
            lists: where the files are named, for the message
            missing: the files that are not there
        """
        if missing:
            problem = f"{len(missing)} files named in {lists} are missing from {self.root}, the first is {missing[0]}"
            raise self.error(problem, f"{self.how_to_get}, or cut the lists down to the files you have")


def transcript(text: str, where: str | Path) -> str:
    """A transcript as it is trained on and scored: in lower case, without punctuation (scores.text.normalise).

    Args:
        text: as the owner wrote it
        where: the file it is from, for the message
    Raises:
        EarmarkError: no word is left
    """
    words = normalise(text)
    if not words:
        raise EarmarkError(f"{where}: the transcript is empty; restore it, or remove the recording from the corpus")
    return words


def identifier(path: Path, root: Path) -> str:
    """The id of a recording: its path relative to `root` without the suffix, the same on every machine."""
    return audio.shown(path.relative_to(root).with_suffix("").as_posix())


def _is_unicode(row: Mapping[str, Any]) -> bool:
    return all(audio.shown(value) == value for value in row.values() if isinstance(value, str))
