"""Any folder of recordings, searched to any depth, in every format that libsndfile reads."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from benchmark.audio import audio_files, shown
from benchmark.contracts import SPLITS
from benchmark.corpora._corpus_reader import CorpusReader
from benchmark.corpora._splits import split_of


class Folder(CorpusReader):
    """Recordings without labels: interferers, or targets of tasks that need no labels.

    Sub-folders named train, validation and test are the splits. Without them, files are divided into 0.7, 0.15 and 0.15
    by a hash of their relative paths, so that adding files moves none of the others. Every file is a group of its own.
    Its id is the relative path with the suffix, since a.wav may lie beside a.flac.

    Args:
        root: the folder
        path: the folder as the user wrote it, for messages
        kind: what the recordings are
    """

    licence = "that of the recordings"
    source = "a folder of yours"
    size = "any"

    def __init__(self, root: Path, path: str | Path, kind: Literal["speech", "noise", "ambience"] = "noise") -> None:
        self.path = path
        self.kind = kind  # type: ignore[misc]  # here the user says what the recordings are
        super().__init__(root)

    @property
    def how_to_get(self) -> str:
        """What to do if the folder is missing, for messages: there is nothing to download."""
        return f"check the option path: {self.path}"

    @property
    def remedy(self) -> str:
        """How to fill an empty split."""
        count = len(audio_files(self.root))
        return f"it holds {count} recordings; add some, or sort them into sub-folders named train, validation and test"

    def table(self) -> Iterator[dict[str, Any]]:
        """All recordings."""
        by_name = any((self.root / split).is_dir() for split in SPLITS)
        for path in audio_files(self.root):
            relative = path.relative_to(self.root)
            if by_name and relative.parts[0] not in SPLITS:
                raise self.error(
                    f"{path} is outside the sub-folders train, validation and test", "move it into one of them"
                )
            name = shown(relative.as_posix())
            yield {"id": name, "group": name, "audio": path, "split": relative.parts[0] if by_name else split_of(name)}
