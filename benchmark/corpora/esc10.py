"""ESC-10: environmental sounds, 400 clips of five seconds in ten classes, as first published."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from benchmark.corpora._corpus_reader import identifier
from benchmark.corpora._predefined_folds import PredefinedFoldsReader


class ESC10(PredefinedFoldsReader):
    """ESC-10: files named "NNN - Class name/fold-source-take.ogg".

    A group is a source recording on Freesound. The classes are in the order of the owner's numbers NNN.

    Source: Piczak, "ESC: Dataset for Environmental Sound Classification", 2015.
    """

    kind = "noise"
    licence = "CC BY 3.0"
    source = "https://doi.org/10.7910/DVN/YDEPUT"
    size = "40 MB"
    folders = ("ESC-10", "ESC-10-master")

    @property
    def schema(self) -> Mapping[str, Any]:
        """The class names."""
        return {"classes": [folder.name.partition(" - ")[2] for folder in sorted(self.root.glob("[0-9]* - *"))]}

    def clips(self) -> Iterator[dict[str, Any]]:
        """The clips of all folds."""
        for path in self.recordings("[0-9]* - */*"):
            match = re.fullmatch(r"(\d+)-(\d+)-\w+", path.stem)
            if match is None:
                raise self.error(f"{path} is not named fold-source-take.ogg", "rename it or remove it")
            label = path.parent.name.partition(" - ")[2]
            yield {
                "id": identifier(path, self.root),
                "group": match[2],
                "audio": path,
                "label": label,
                "fold": int(match[1]),
            }
