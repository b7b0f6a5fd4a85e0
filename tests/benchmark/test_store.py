"""Finished work: whole or not at all, and never read when it was changed."""

import errno
import multiprocessing
import os

import pytest

from benchmark.errors import EarmarkError
from benchmark.store import Store, canonical, digest, full_disk, write_text


def fill(text):
    return lambda folder: write_text(folder / "a.txt", text)


def test_put_get_exists_list(tmp_path):
    store = Store(tmp_path)
    assert not store.exists("records", "k")
    store.put("records", "k", {"seconds": 1}, fill("hello"))
    assert store.exists("records", "k")
    assert store.list("records") == ["k"]
    assert (store.get("records", "k") / "a.txt").read_text() == "hello"
    assert store.manifest("records", "k")["seconds"] == 1
    assert not list((tmp_path / "work").iterdir())


def test_what_breaks_off_leaves_nothing(tmp_path):
    store = Store(tmp_path)

    def breaks(folder):
        write_text(folder / "a.txt", "half")
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        store.put("records", "k", {}, breaks)
    assert not store.exists("records", "k")
    store.put("records", "k", {}, fill("whole"))
    store.put("records", "k", {}, fill("second"))
    assert (store.get("records", "k") / "a.txt").read_text() == "whole"


@pytest.mark.parametrize("harm", ["edit", "cut", "remove", "manifest"])
def test_a_changed_entry_is_refused_with_the_remedy(tmp_path, harm):
    store = Store(tmp_path)
    store.put("records", "k", {}, fill("hello"))
    file = tmp_path / "records" / "k" / ("manifest.json" if harm == "manifest" else "a.txt")
    {
        "edit": lambda: file.write_text("hellO"),
        "cut": lambda: file.write_text("he"),
        "remove": file.unlink,
        "manifest": lambda: file.write_text('{"fi'),
    }[harm]()
    with pytest.raises(EarmarkError, match=r"delete .* and run again") as caught:
        store.get("records", "k")
    assert file.name in str(caught.value)


def hold(root, ready, release):
    with Store(root).locked():
        ready.set()
        release.wait(10)


def test_two_runs_do_not_write_to_one_folder(tmp_path):
    # spawned, it would have to import this file, whose name another package may own
    context = multiprocessing.get_context("fork")
    ready, release = context.Event(), context.Event()
    other = context.Process(target=hold, args=(tmp_path, ready, release))
    other.start()
    assert ready.wait(30)
    try:
        with pytest.raises(EarmarkError, match=f"process {other.pid} is writing here"), Store(tmp_path).locked():
            pass
    finally:
        release.set()
        other.join()
    with Store(tmp_path).locked():  # and a run that ended, however it ended, holds nothing
        pass


def test_a_full_disk_is_one_line(tmp_path):
    assert "the disk is full" in str(full_disk(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), tmp_path))
    assert "cannot be written" in str(
        full_disk(PermissionError(errno.EACCES, "Permission denied", str(tmp_path)), tmp_path)
    )


def test_keys_do_not_depend_on_spelling():
    assert canonical({"b": 1, "a": [1.0, "é"]}) == '{"a":[1.0,"é"],"b":1}'
    assert digest({"b": 1, "a": 2}) == digest({"a": 2, "b": 1}) != digest({"a": 2, "b": 2})
