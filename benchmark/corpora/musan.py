"""MUSAN: music, speech and noise, 109 hours, made for mixing into speech."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from benchmark.corpora._reader import Reader, audio_files, identifier, split_of


class Musan(Reader):
    """Snyder, Chen and Povey, "MUSAN: A Music, Speech, and Noise Corpus", 2015; noise/, music/ and speech/. The label
    is the part.

    The owner has no splits: these are by a hash of each file's relative path (ours), 0.7, 0.15 and 0.15. No recording
    stands in two splits, but an artist or a reader may. No real file has been read with this reader yet.

    Args:
        root: the folder with the parts
        parts: of noise, music, speech
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
                raise self.error(f"no folder {part} in {self.root}", f"{self.fetch}, or set parts")
            for path in audio_files(self.root / part):
                name = identifier(path, self.root)
                yield {"id": name, "group": name, "audio": path, "label": part, "split": split_of(name)}
