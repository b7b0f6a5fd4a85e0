"""Free Spoken Digit Dataset: the ten digits, spoken fifty times each by a few speakers, at 8 kHz."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmark.corpora._corpus_reader import CorpusReader, identifier
from benchmark.errors import unknown

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TAKES = 50  # by every speaker, of every digit


class FreeSpokenDigits(CorpusReader):
    """Jackson et al., Free Spoken Digit Dataset: recordings/{digit}_{speaker}_{take}.wav.

    The labels are the digits' names, as in Speech Commands. By default takes 0 to 4 of every digit and speaker are for
    test (the owner's split), takes 5 to 9 for validation (ours) and the others for training. All speakers are then in
    all splits, and scores say nothing about unseen voices. With `fold`, every take of one speaker is for test; of the
    other speakers, takes 0 to 4 are for validation and the others for training. The test speaker is then unseen, but
    the validation speakers are not: with so few speakers none can be spared.

    Args:
        root: the folder that holds recordings/
        fold: the name of the test speaker; None: the owner's split
    """

    kind = "speech"
    licence = "CC BY-SA 4.0"
    source = "https://github.com/Jakobovski/free-spoken-digit-dataset"
    size = "about 20 MB"
    folders = ("free-spoken-digit-dataset", "free-spoken-digit-dataset-master")

    def __init__(self, root: Path, fold: str | None = None) -> None:
        super().__init__(root)
        self.fold = fold

    @property
    def schema(self) -> Mapping[str, Any]:
        """The digits' names."""
        return {"classes": list(DIGITS)}

    def table(self) -> Iterator[dict[str, Any]]:
        """The recordings of all speakers."""
        takes = [self._take(path) for path in self.recordings("recordings/*")]
        speakers = {speaker for _, _, speaker, _ in takes}
        there = {take[1:] for take in takes}
        missing = [
            (digit, speaker, take)
            for speaker in sorted(speakers)
            for digit in range(10)
            for take in range(TAKES)
            if (digit, speaker, take) not in there
        ]
        if missing:
            first = "recordings/{}_{}_{}.wav".format(*missing[0])
            raise self.error(
                f"{len(missing)} recordings are missing in {self.root}, the first is {first}",
                f"{self.how_to_get}, or remove these speakers entirely",
            )
        if self.fold is not None and speakers and self.fold not in speakers:
            raise unknown(f"speaker (option fold) of {self.root.name}", self.fold, speakers)
        for path, digit, speaker, take in takes:
            yield {
                "id": identifier(path, self.root),
                "group": speaker,
                "audio": path,
                "label": DIGITS[digit],
                "split": self._split(speaker, take),
            }

    def _take(self, path: Path) -> tuple[Path, int, str, int]:
        match = re.fullmatch(r"(\d)_(.+)_(\d+)", path.stem)
        if match is None:
            raise self.error(f"{path} is not named digit_speaker_take.wav", "rename it or remove it")
        return path, int(match[1]), match[2], int(match[3])

    def _split(self, speaker: str, take: int) -> str:
        if self.fold is None:
            return "test" if take < 5 else "validation" if take < 10 else "train"
        return "test" if speaker == self.fold else "validation" if take < 5 else "train"
