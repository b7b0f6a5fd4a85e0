"""Speech Commands, versions 0.01 and 0.02: one-second recordings of single words by thousands of speakers."""

import glob
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmark.corpora._corpus_reader import CorpusReader, identifier
from benchmark.errors import unknown


class SpeechCommands(CorpusReader):
    """Speech Commands: a sub-folder per word, validation_list.txt and testing_list.txt.

    The two lists are the owner's splits; files in neither are for training. No speaker is in two splits.
    `_background_noise_` is not a class.

    Source: Warden, "Speech Commands: A Dataset for Limited-Vocabulary Speech Recognition", 2018.

    Args:
        root: the folder with a sub-folder for each word
        words: the classes, in this order; None: all words found, sorted
    """

    kind = "speech"
    licence = "CC BY 4.0"
    source = "http://download.tensorflow.org/data/speech_commands_v0.02.tar.gz"
    size = "2.3 GB; version 0.01: 1.4 GB"
    folders = ("speech_commands_v0.02", "speech_commands_v0.01")

    def __init__(self, root: Path, words: list[str] | None = None) -> None:
        super().__init__(root)
        self.words = words

    @property
    def schema(self) -> Mapping[str, Any]:
        """The words."""
        return {"classes": self._classes}

    @cached_property
    def _classes(self) -> list[str]:
        found = sorted(
            folder.name for folder in self.root.iterdir() if folder.is_dir() and not folder.name.startswith(("_", "."))
        )
        for word in self.words or ():
            if word not in found:
                raise unknown(f"word of {self.root.name}", word, found)
        return self.words or found

    def table(self) -> Iterator[dict[str, Any]]:
        """The recordings of the chosen words."""
        splits = dict.fromkeys(self.lines("validation_list.txt"), "validation") | dict.fromkeys(
            self.lines("testing_list.txt"), "test"
        )
        paths = {name: path for word in self._classes for name, path in self._of_word(word)}
        wanted = (name for name in splits if self.words is None or name.partition("/")[0] in self.words)
        missing = [name for name in wanted if name.removesuffix(".wav") not in paths]
        self.check_complete("validation_list.txt or testing_list.txt", missing)
        for name, path in paths.items():
            speaker = path.stem.partition("_nohash_")[0]
            yield {
                "id": identifier(path, self.root),
                "group": speaker,
                "audio": path,
                "label": path.parent.name,
                "split": splits.get(f"{name}.wav", "train"),
            }

    def _of_word(self, word: str) -> Iterable[tuple[str, Path]]:
        """The recordings of a word, each as word/name."""
        return ((f"{word}/{path.stem}", path) for path in self.recordings(f"{glob.escape(word)}/*"))
