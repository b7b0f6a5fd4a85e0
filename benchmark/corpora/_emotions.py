"""What corpora of acted emotions share: labels in file names, splits that keep speakers apart."""

import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from benchmark.corpora._reader import Reader, identifier, split_groups, split_of
from benchmark.errors import unknown


class EmotionReader(Reader):
    """A corpus whose file names tell speaker and emotion. A subclass writes `paths`, `pattern`, `named` and `emotions`.

    Without `fold`: 0.15 of the speakers, by a hash of their numbers, are for test, 0.15 for validation and the others
    for training. With `fold`: that speaker is for test; of the other speakers' recordings, those that `split_of` gives
    to validation (0.15) are for validation and the rest for training. The speaker under test is unseen, the speakers of
    validation are not, as with few speakers none can be spared. Both rules are ours.

    Args:
        root: the folder of the corpus
        fold: the number of the speaker under test; None: the split by speakers
    """

    kind = "speech"
    pattern: ClassVar[str]  # of a file's name without its suffix, with the groups speaker and emotion
    named: ClassVar[str]  # the same, for messages
    emotions: ClassVar[Mapping[str, str]]  # by their codes in the file names

    def __init__(self, root: Path, fold: int | None = None) -> None:
        super().__init__(root)
        self.fold = fold

    @abstractmethod
    def paths(self) -> Iterable[Path]:
        """The recordings."""

    @property
    def schema(self) -> Mapping[str, Any]:
        """The emotions that are there, in alphabetical order: a copy of a part of the corpus may lack some."""
        return {"classes": sorted({row["label"] for row in self._recordings})}

    def table(self) -> Iterator[dict[str, Any]]:
        """The recordings with their splits."""
        speakers = {row["group"] for row in self._recordings}
        numbers = {str(int(speaker)): speaker for speaker in speakers}
        if self.fold is not None and speakers and str(self.fold) not in numbers:
            raise unknown(f"speaker (option fold) of {self.root.name}", str(self.fold), numbers)
        splits = split_groups(speakers)
        for row in self._recordings:
            if self.fold is None:
                split = splits[row["group"]]
            elif int(row["group"]) == self.fold:
                split = "test"
            else:
                split = "validation" if split_of(row["id"]) == "validation" else "train"
            yield row | {"split": split}

    @cached_property
    def _recordings(self) -> list[dict[str, Any]]:
        return [self._recording(path) for path in self.paths()]

    def _recording(self, path: Path) -> dict[str, Any]:
        match = re.fullmatch(self.pattern, path.stem)
        if match is None or match["emotion"] not in self.emotions:
            raise self.error(f"{path} is not named {self.named}", "rename it or remove it")
        return {
            "id": identifier(path, self.root),
            "group": match["speaker"],
            "audio": path,
            "label": self.emotions[match["emotion"]],
        }
