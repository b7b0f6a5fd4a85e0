"""The base class of corpora of acted emotions, whose file names tell speaker and emotion."""

import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from benchmark.corpora._corpus_reader import CorpusReader, identifier
from benchmark.corpora._splits import split_groups, split_of
from benchmark.errors import unknown


class EmotionalSpeechReader(CorpusReader):
    """Acted emotions; a subclass writes `paths`, `pattern`, `named` and `emotions`.

    Both ways to split are ours. By default 0.15 of the speakers, by a hash of their numbers, are for test, 0.15 for
    validation and the others for training. With `fold`, one speaker is for test; of the other speakers' recordings,
    0.15 by a hash of their ids are for validation and the rest for training. The test speaker is then unseen, but the
    validation speakers are not: with so few speakers none can be spared.

    Args:
        root: the folder of the corpus
        fold: the number of the test speaker; None: split by speakers
    """

    kind = "speech"
    pattern: ClassVar[str]  # regular expression of a file name without its suffix, with groups speaker and emotion
    named: ClassVar[str]  # the same in words, for messages
    emotions: ClassVar[Mapping[str, str]]  # code in the file name to label

    def __init__(self, root: Path, fold: int | None = None) -> None:
        super().__init__(root)
        self.fold = fold

    @abstractmethod
    def paths(self) -> Iterable[Path]:
        """The recordings."""

    @property
    def schema(self) -> Mapping[str, Any]:
        """The emotions found, in alphabetical order; a copy of a part of the corpus may lack some."""
        return {"classes": sorted({row["label"] for row in self._recordings})}

    def table(self) -> Iterator[dict[str, Any]]:
        """All recordings, by speaker and emotion."""
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
