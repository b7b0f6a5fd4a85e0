"""MUSAN: music, speech and noise, 109 hours, made for mixing into speech."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from benchmark.audio import audio_files
from benchmark.corpora._corpus_reader import CorpusReader, identifier
from benchmark.corpora._splits import split_of


class Musan(CorpusReader):
    """MUSAN: noise/, music/ and speech/; the label is the part.

    The owner gives no splits; ours divide the files into 0.7, 0.15 and 0.15 by a hash of their relative paths. No
    recording is in two splits, but an artist or a speaker may be. No real file has been read with this reader yet.

    Source: Snyder, Chen and Povey, "MUSAN: A Music, Speech, and Noise Corpus", 2015.

    Args:
        root: the folder with the parts
        parts: those to use, of noise, music and speech
    """

    kind = "noise"
    licence = "CC BY 4.0"
    source = "https://www.openslr.org/17"
    size = "11 GB"
    folders = ("musan",)
    verified = False

    def __init__(
        self, root: Path, parts: Sequence[Literal["noise", "music", "speech"]] = ("noise", "music", "speech")
    ) -> None:
        super().__init__(root)
        self.parts = parts

    @property
    def schema(self) -> Mapping[str, Any]:
        """The parts."""
        return {"classes": list(self.parts)}

    def table(self) -> Iterator[dict[str, Any]]:
        """The recordings of the chosen parts."""
        for part in self.parts:
            if not (self.root / part).is_dir():
                raise self.error(f"no folder {part} in {self.root}", f"{self.how_to_get}, or set parts")
            for path in audio_files(self.root / part):
                name = identifier(path, self.root)
                yield {"id": name, "group": name, "audio": path, "label": part, "split": split_of(name)}
