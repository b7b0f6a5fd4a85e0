"""Check that code from outside left the suite's files, finished work and boards alone."""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from benchmark.errors import EarmarkError
from benchmark.front_end_description import foreign
from benchmark.planning.cells import SHELVES
from benchmark.planning.plan import Plan
from benchmark.provenance import ROOT
from benchmark.results.board import caches
from benchmark.sandbox.confinement import landlock_version
from benchmark.store import MANIFEST, Store, file_hash


def watched(plan: Plan, store: Store, boards: Path) -> AbstractContextManager[None]:
    """`guarded`, where code from outside takes part and this system cannot confine it."""
    outside = any(foreign(spec.name, spec.config) for spec in plan.recipe.front_ends.values())
    return guarded(plan, store, boards) if outside and not landlock_version() else nullcontext()


@contextmanager
def guarded(plan: Plan, store: Store, boards: Path) -> Iterator[None]:
    """Watch what code from outside may not touch while it runs inside.

    That are the suite's files and recipes, the manifests of finished cells (which hold the hashes of their files), all
    boards, and what stands in the store under the keys of other cells than the plan's. Where a kernel confines
    processes, none of it can be touched in the first place; this is for those that do not. It does not see compiled
    files, the corpora, the environment, and processes that left their session to act later.

    Raises:
        EarmarkError: a file was changed, removed or planted; what was planted, and the cells finished since, are then
            deleted. Cached results of boards that were touched are deleted in any case
    """
    before, remembered = _hashes(_guarded(store, boards)), _hashes(_files(caches()))
    yield
    now = _hashes(_guarded(store, boards))
    for path, value in _hashes(_files(caches())).items():
        if remembered.get(path) != value:
            path.unlink()
    new = set(_finished(store)) - before.keys()
    planted = sorted(path for path in new if path.parent.name not in plan.cells)
    changed = [path for path, value in before.items() if now.get(path) != value]
    for path in new if changed else planted:
        shutil.rmtree(path.parent)
    if odd := [*changed, *planted]:
        more = f" and {len(odd) - 1} more" if len(odd) > 1 else ""
        what = "changed" if changed else "planted, and removed again,"
        raise EarmarkError(
            f"{odd[0]}{more}: {what} while code from outside ran; nothing of it is taken over. If you did that "
            "yourself, run it again; else restore the files from version control or a backup"
        )


def _finished(store: Store) -> list[Path]:
    return [path for shelf in SHELVES.values() for path in (store.root / shelf).glob(f"*/{MANIFEST}")]


def _guarded(store: Store, boards: Path) -> Iterator[Path]:
    yield from _finished(store)
    for folder in (*(ROOT / name for name in ("benchmark", "tasks", "recipes")), boards.resolve().parent):
        yield from _files(folder)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def _hashes(paths: Iterable[Path]) -> dict[Path, str]:
    return {path: file_hash(path) for path in paths}
