"""Finished results on disk: one folder for each, by kind and key, with a manifest of file hashes.

    runs/weights/<key>/   manifest.json  <part>.safetensors  log.csv
    runs/enhanced/<key>/  manifest.json  audio.f32  index.jsonl; can be deleted once it is scored
    runs/records/<key>/   manifest.json  predictions.jsonl  audio/*.wav  audio/audio.json
    runs/work/<key>/      a cell in progress: its cell.json, checkpoints, progress; removed once it is finished

Entries are written whole or not at all. A manifest names the shelf and key that it was written for, and ends with the
digest of all that it says: swapped folders and changed bytes are noticed. Reading entries runs no code: they hold JSON,
CSV, WAV and safetensors only.
"""

import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.errors import EarmarkError
from benchmark.processes import alive

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Workspace:
    """Where a run reads and writes."""

    data: Path | None  # the folder that holds the corpora
    cache: Path  # where synthetic corpora are generated
    runs: Path
    boards: Path  # the folder of one recipe's leaderboard

    @property
    def folders(self) -> tuple[Path, ...]:
        """All of them, which code from outside cannot read."""
        return tuple(path for path in (self.data, self.cache, self.runs, self.boards) if path is not None)


def default_cache() -> Path:
    """The folder for generated corpora and caches: $EARMARK_CACHE, or else ~/.cache/earmark."""
    return Path(os.environ.get("EARMARK_CACHE") or "~/.cache/earmark").expanduser()


def canonical(value: Any) -> str:
    """JSON text that is the same for equal values: keys sorted, no spaces. Raises ValueError for NaN and infinity."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: Any) -> str:
    """Key of a JSON value: the first 16 hexadecimal digits of the SHA-256 of its canonical text."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()[:16]


def sealed(value: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON object with its "digest", the SHA-256 of the canonical text of all the rest; ValueError for NaN."""
    rest = {name: entry for name, entry in value.items() if name != "digest"}
    return {**rest, "digest": hashlib.sha256(canonical(rest).encode()).hexdigest()}


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all. Raises EarmarkError where the disk is full or cannot be written."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with partial.open("w", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
    except OSError as error:
        raise full_disk(error, path) from error


class Store:
    """A folder of results, by kind ("weights", "enhanced", "records") and key.

    An entry is finished when it has a manifest: an entry's folder gets its name only once all files are in it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def exists(self, kind: str, key: str) -> bool:
        """Whether an entry is finished."""
        return (self.root / kind / key / MANIFEST).is_file()

    def manifest(self, kind: str, key: str) -> dict[str, Any]:
        """The manifest of an entry; its files are not checked.

        Raises EarmarkError where it is missing, damaged, was edited, or belongs to another entry.
        """
        path = self.root / kind / key / MANIFEST
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
            intact = isinstance(value, dict) and sealed(value)["digest"] == value.get("digest")
        except (OSError, ValueError, RecursionError) as error:
            raise _broken(path, "is cut short or no manifest", path.parent) from error
        if not intact:
            raise _broken(path, "was edited or damaged: its digest does not match", path.parent)
        if (value.get("shelf"), value.get("key")) != (kind, key):
            what = f"belongs to {value.get('shelf')}/{value.get('key')}: folders were renamed, swapped or copied"
            raise _broken(path, what, path.parent)
        return value  # type: ignore[no-any-return]

    def get(self, kind: str, key: str) -> Path:
        """The folder of an entry, all files checked against their hashes.

        Raises EarmarkError where a file is missing, cut short or changed, and where `manifest` does.
        """
        folder = self.root / kind / key
        for name, expected in self.manifest(kind, key)["files"].items():
            try:
                intact = file_hash(folder / name) == expected
            except OSError:
                intact = False
            if not intact:
                raise _broken(folder / name, "is missing, cut short or changed since it was written", folder)
        return folder

    def put(self, kind: str, key: str, manifest: Mapping[str, Any], fill: Callable[[Path], None]) -> None:
        """Store an entry: `fill` writes its files into a temporary folder, which is then renamed.

        An entry that is already finished stays as it is. Raises EarmarkError where the disk cannot be written.
        """
        final = self.root / kind / key
        partial = self.root / "work" / f"{kind}-{key}.{os.getpid()}"
        try:
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            fill(partial)
            files = {
                path.relative_to(partial).as_posix(): file_hash(path)
                for path in sorted(partial.rglob("*"))
                if path.is_file()
            }
            whole = sealed({**manifest, "shelf": kind, "key": key, "files": files})
            write_text(partial / MANIFEST, json.dumps(whole, indent=1, ensure_ascii=False))
            final.parent.mkdir(parents=True, exist_ok=True)
            if not self.exists(kind, key):
                shutil.rmtree(final, ignore_errors=True)
                partial.rename(final)
        except OSError as error:
            raise full_disk(error, self.root) from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def list(self, kind: str) -> list[str]:
        """Keys of the finished entries of a kind, sorted."""
        return sorted(path.parent.name for path in (self.root / kind).glob(f"*/{MANIFEST}"))

    def work(self, key: str) -> Path:
        """The folder for the checkpoints of a training in progress, made if it is missing."""
        folder = self.root / "work" / key
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise full_disk(error, self.root) from error
        return folder

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the folder for one run. Raises EarmarkError where another run holds the lock."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            lock = (self.root / ".lock").open("a+")
        except OSError as error:
            raise full_disk(error, self.root) from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                lock.seek(0)
                raise EarmarkError(
                    f"{self.root}: process {lock.read().strip() or '?'} is writing here; wait for it, or choose "
                    "another folder with --out"
                ) from error
            try:
                lock.truncate(0)
                lock.write(str(os.getpid()))
                lock.flush()
            except OSError as error:
                raise full_disk(error, self.root) from error
            yield


def clear_leftovers(workspace: Workspace) -> None:
    """Delete what processes that were killed left behind. The store must be locked.

    That are entries and files that were being written, work folders of cells that are finished, and temporary folders.
    Nothing of a process that still runs is touched.
    """
    runs, cache = workspace.runs, workspace.cache
    clear_of_the_dead(runs / "work", r".+\.(\d{1,9})")
    for folder in (runs / "work").glob("*/"):
        if any(runs.glob(f"*/{folder.name}/{MANIFEST}")):
            shutil.rmtree(folder, ignore_errors=True)
    with_parts = (
        *(runs / "work").glob("*/"),
        runs / "errors",
        workspace.boards,
        *workspace.boards.glob("*/"),
        *(cache / "boards").glob("*/"),
        cache / "tracks",
    )
    for folder in with_parts:
        clear_of_the_dead(folder, r".+\.(\d{1,9})\.part")
    clear_of_the_dead(Path(tempfile.gettempdir()), r"earmark-(\d{1,9})-.+")


def clear_of_the_dead(folder: Path, pattern: str) -> None:
    """Delete files and folders whose names match, where the pattern's group is the id of a process that has ended."""
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for path, name in ((folder / name, re.fullmatch(pattern, name)) for name in names):
        with suppress(OSError):  # it is gone, or cannot be deleted
            if name is None or alive(int(name[1])) or path.lstat().st_uid != os.getuid():
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def full_disk(error: OSError, place: Path) -> EarmarkError:
    """An OSError while writing, as an error that tells the user what to do."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return EarmarkError(f"{place}: the disk is full; free some space and run again, finished cells are kept")
    return EarmarkError(
        f"{error.filename or place}: cannot be written ({error.strerror}); check the folder's permissions or choose "
        "another with --out"
    )


def _broken(path: Path, what: str, folder: Path) -> EarmarkError:
    return EarmarkError(f"{path}: {what}; delete {folder} and run again, which makes it anew")
