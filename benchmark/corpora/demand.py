"""DEMAND: background noise of 18 places, five minutes each, on sixteen microphones."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmark.audio import audio_files
from benchmark.corpora._corpus_reader import CorpusReader, identifier

ENVIRONMENTS = {
    "train": (
        "DKITCHEN",
        "NFIELD",
        "NRIVER",
        "OMEETING",
        "PCAFETER",
        "PRESTO",
        "PSTATION",
        "STRAFFIC",
        "TCAR",
        "TMETRO",
    ),
    "validation": ("DWASHING", "NPARK", "OHALLWAY"),
    "test": ("DLIVING", "OOFFICE", "SCAFE", "SPSQUARE", "TBUS"),
}


class Demand(CorpusReader):
    """DEMAND: a folder per environment, with ch01.wav to ch16.wav.

    The owner gives no splits; these are ours. Each environment is in one split. The test environments are those of
    VoiceBank-DEMAND's test set, so that no system trained on its training set has heard them. No real file has been
    read with this reader yet.

    Source: Thiemann, Ito and Vincent, "The Diverse Environments Multi-channel Acoustic Noise Database", 2013.

    Args:
        root: the folder with the environments, at any depth; 16 kHz or 48 kHz (SCAFE exists at 48 kHz only)
        channels: the microphones to read; each is a recording of its own
    """

    kind = "noise"
    licence = "CC BY-SA 3.0 by its documentation; CC BY 4.0 by its record at Zenodo"
    source = "https://doi.org/10.5281/zenodo.1227121"
    size = "2.6 GB at 16 kHz, 8.3 GB at 48 kHz"
    folders = ("DEMAND", "demand")
    verified = False

    def __init__(self, root: Path, channels: Sequence[str] = ("ch01",)) -> None:
        super().__init__(root)
        self.channels = channels

    @property
    def schema(self) -> Mapping[str, Any]:
        """The environments."""
        return {"classes": sorted(name for names in ENVIRONMENTS.values() for name in names)}

    def table(self) -> Iterator[dict[str, Any]]:
        """The chosen channels of all environments found."""
        splits = {name: split for split, names in ENVIRONMENTS.items() for name in names}
        for channel in self.channels:
            for path in audio_files(self.root):
                place = path.parent.name
                if path.stem == channel and place in splits:
                    yield {
                        "id": identifier(path, self.root),
                        "group": place,
                        "audio": path,
                        "label": place,
                        "split": splits[place],
                    }

    @property
    def remedy(self) -> str:
        """The environments found."""
        present = sorted({row["group"] for row in self.table()})
        return f"environments present: {', '.join(present) or 'none'}; {self.how_to_get}"
