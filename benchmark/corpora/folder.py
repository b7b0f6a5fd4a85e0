"""Any folder of recordings, searched to any depth, in every format that libsndfile reads."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from benchmark.contracts import SPLITS
from benchmark.corpora._reader import Reader, audio_files, split_of


class Folder(Reader):
    """Recordings without labels: interferers, or targets of tasks that need no label. Every file is a group of its own.

    Where the folder has sub-folders named train, validation or test, they are the splits. Elsewhere the splits are by a
    hash of each file's relative path, 0.7, 0.15 and 0.15, so that more files move none of the others. An id is a
    relative path with its suffix, as a.wav may stand beside a.flac.

    Args:
        root: the folder
        path: the same as it was written, for messages
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
    def fetch(self) -> str:
        """Nothing to download."""
        return f"check the option path: {self.path}"

    @property
    def remedy(self) -> str:
        """How splits come about."""
        count = len(audio_files(self.root))
        return f"it holds {count} recordings; add some, or put them into sub-folders named train, validation and test"

    def table(self) -> Iterator[dict[str, Any]]:
        """All recordings."""
        by_name = any((self.root / split).is_dir() for split in SPLITS)
        for path in audio_files(self.root):
            relative = path.relative_to(self.root)
            if by_name and relative.parts[0] not in SPLITS:
                raise self.error(
                    f"{path} stands outside the sub-folders train, validation and test", "move it into one of them"
                )
            name = relative.as_posix()
            yield {"id": name, "group": name, "audio": path, "split": relative.parts[0] if by_name else split_of(name)}
