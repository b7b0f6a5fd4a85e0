"""LibriSpeech: read English from audiobooks, with transcripts; FLAC, 16 kHz."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmark.corpora._corpus_reader import LETTERS, CorpusReader, identifier, transcript
from benchmark.corpora._splits import split_groups
from benchmark.errors import unknown

# Split by the part of a sub-folder's name before the first hyphen.
PREFIXES = {"train": "train", "dev": "validation", "test": "test"}


class LibriSpeech(CorpusReader):
    """LibriSpeech: subset/speaker/chapter/*.flac beside *.trans.txt.

    Source: Panayotov et al., "LibriSpeech: an ASR corpus based on public domain audio books", 2015.

    Args:
        root: the folder with the subsets
        subsets: such as [train-clean-100, dev-clean, test-clean]; None: all that are found
        split_speakers: ignore the owner's splits and divide the speakers found into 0.7 training, 0.15 validation and
            0.15 test by a hash of their numbers (ours); for a piece of the corpus with at least three speakers
    """

    kind = "speech"
    licence = "CC BY 4.0"
    source = "https://www.openslr.org/12"
    size = "60 GB; train-clean-100 6.3 GB, dev-clean and test-clean 0.35 GB each"
    folders = ("LibriSpeech",)

    def __init__(self, root: Path, subsets: list[str] | None = None, split_speakers: bool = False) -> None:
        super().__init__(root)
        self.subsets = subsets
        self.split_speakers = split_speakers

    @property
    def schema(self) -> Mapping[str, Any]:
        """The alphabet of the transcripts."""
        return {"alphabet": LETTERS}

    @property
    def remedy(self) -> str:
        """The subsets used, and what else can be done."""
        used = ", ".join(self._subsets) or "none"
        choice = f"add one from {self.source}, or set split_speakers: true with at least three speakers"
        return f"subsets used: {used}; {choice}"

    @cached_property
    def _subsets(self) -> list[str]:
        found = sorted(
            folder.name
            for folder in self.root.iterdir()
            if folder.is_dir() and folder.name.partition("-")[0] in PREFIXES
        )
        for subset in self.subsets or ():
            if subset not in found:
                raise unknown(f"subset of {self.root.name}", subset, found)
        return self.subsets or found

    def table(self) -> Iterator[dict[str, Any]]:
        """The utterances of the chosen subsets."""
        chapters = [
            chapter
            for subset in self._subsets
            for chapter in sorted((self.root / subset).glob("*/*"))
            if chapter.is_dir()
        ]
        speakers = split_groups(chapter.parent.name for chapter in chapters)
        missing: list[str] = []
        for chapter in chapters:
            speaker = chapter.parent.name
            trans = chapter / f"{speaker}-{chapter.name}.trans.txt"
            texts = {
                name: text
                for name, _, text in (line.partition(" ") for line in self.lines(str(trans.relative_to(self.root))))
            }
            paths = {path.stem: path for path in self.by_name(chapter.iterdir()).values()}
            missing += [f"{name}.flac" for name in texts if name not in paths]
            for name, path in paths.items():
                text = transcript(texts.get(name, ""), f"{trans}: {name}")
                split = (
                    speakers[speaker]
                    if self.split_speakers
                    else PREFIXES[chapter.relative_to(self.root).parts[0].partition("-")[0]]
                )
                yield {"id": identifier(path, self.root), "group": speaker, "audio": path, "text": text, "split": split}
        self.check_complete("*.trans.txt", missing)
