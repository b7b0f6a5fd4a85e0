"""A cache of arrays on disk. Losing it costs time, and nothing else."""

import hashlib
import io
import os
import zipfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

Arrays = dict[str, np.ndarray]
DIGEST_BYTES = hashlib.sha256().digest_size


class Cache:
    """A folder of NumPy archives by name, each with the SHA-256 of its bytes at the end.

    Nothing is unpickled. A file that is damaged or has another context is as good as none.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, name: str, context: str) -> Arrays:
        """The arrays that were written under this name with the same context; empty where there are none."""
        try:
            content = self._path(name).read_bytes()
            archive, digest = content[:-DIGEST_BYTES], content[-DIGEST_BYTES:]
            if hashlib.sha256(archive).digest() != digest:  # NumPy does not check all that it reads
                return {}
            with np.load(io.BytesIO(archive), allow_pickle=False) as file:
                return (
                    {part[1:]: file[part] for part in file if part.startswith("_")}
                    if str(file["arr_0"]) == context
                    else {}
                )
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return {}

    def write(self, name: str, context: str, arrays: Arrays) -> None:
        """Replace the arrays of a name, whole or not at all; a folder that cannot be written to is passed over."""
        partial = self._path(name).with_suffix(f".{os.getpid()}.part")
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                with partial.open("w+b") as file:
                    np.savez(
                        file,
                        np.array(context),
                        allow_pickle=False,
                        **{f"_{part}": array for part, array in arrays.items()},
                    )
                    file.seek(0)
                    digest = hashlib.file_digest(file, "sha256").digest()
                    file.write(digest)
                partial.replace(self._path(name))
            finally:
                partial.unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.npz"


def remembered(
    cache: Cache | None, name: str, context: str, keys: Sequence[str], make: Callable[[int], Arrays]
) -> Arrays:
    """Arrays of several things, stacked, (things, ...) each.

    Those that were made before, with the same context, are taken from the cache.

    Args:
        context: everything that the arrays depend on beside their keys, such as the code
        keys: one a thing; equal keys stand for equal things
        make: from the index of a key to the arrays of its thing
    """
    before = cache.read(name, context) if cache else {}
    place = {key: index for index, key in enumerate(before.pop("keys", np.array([])).tolist())}
    made = [
        {part: array[place[key]] for part, array in before.items()} if key in place else make(index)
        for index, key in enumerate(keys)
    ]
    stacked = {part: np.stack([one[part] for one in made]) for part in made[0]}
    if cache and place.keys() != set(keys):
        cache.write(name, context, {"keys": np.array(keys), **stacked})
    return stacked
