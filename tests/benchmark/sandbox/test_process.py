"""Confined processes: what they answer, how they end, and that nothing of them is left."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import sandboxed

from benchmark.errors import EarmarkError
from benchmark.sandbox import Confinement, ProcessLost, SandboxedProcess

HERE = str(Path(sandboxed.__file__).parent)


def started(function: str, confinement: Confinement | None = None, **argument) -> SandboxedProcess:
    return SandboxedProcess(f"sandboxed:{function}", argument, confinement or Confinement((HERE,)), "mine.py:Mine")


def test_a_request_is_answered_with_values_and_arrays_bit_by_bit():
    arrays = [np.random.default_rng(0).normal(size=shape).astype("f4") for shape in ((2, 3), (0,), (1, 5, 2))]
    arrays[0][0, 0] = np.nan
    with started("echo") as one:
        values, back = one.ask({"text": "caf\udce9", "number": 1.5}, arrays, seconds=30)
    assert values == {"text": "caf\udce9", "number": 1.5}
    for sent, got in zip(arrays, back, strict=True):
        np.testing.assert_array_equal(got, sent)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("raise", "ValueError: a bad value"),
        ("told", "a told error"),
        ("exit", "SystemExit: 0"),
        ("interrupt", "KeyboardInterrupt"),
        ("unprintable", "which cannot be printed"),
        ("surrogate", "caf"),
        ("memory", "allocate"),
        ("no json", "not JSON serializable"),
    ],
)
def test_an_error_is_one_line_and_the_process_goes_on(how, said):
    with started("failing", Confinement((HERE,), memory_gib=4)) as one:
        one.start()
        process = one.process
        with pytest.raises(EarmarkError, match=said) as caught:
            one.ask({"how": how}, seconds=30)
        assert not isinstance(caught.value, ProcessLost)
        assert "\n" not in str(caught.value)
        assert one.process is process


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("end", "its process ended with status 0"),
        ("exec", "its process ended with status 0"),
        ("abort", "its process was ended by SIG(ABRT|SEGV)"),
        ("loop", "no answer after 1 s"),
        ("garbage", "it answered with no answer"),
        ("half", "no answer after 1 s"),
        ("huge", "it answered with no answer"),
    ],
)
def test_a_process_that_is_lost_is_started_anew(how, said):
    with started("failing") as one:
        one.start()
        first = one.process.pid
        with pytest.raises(ProcessLost, match=said):
            one.ask({"how": how}, seconds=1)
        with pytest.raises(EarmarkError, match="a told error"):
            one.ask({"how": "told"}, seconds=30)
        assert one.process.pid != first


def test_a_process_that_stops_reading_is_lost_as_well():
    with started("deaf") as one:
        one.ask({}, seconds=30)
        time.sleep(0.5)
        with pytest.raises(ProcessLost, match="no answer after 1 s"):
            one.ask({}, [np.zeros(2**22, "f4")], seconds=1)


def test_what_cannot_be_loaded_is_told():
    with pytest.raises(EarmarkError, match="no_such_function"), started("no_such_function") as one:
        one.ask({})


def test_folder_and_process_are_gone_afterwards():
    with started("counting") as one:
        assert one.ask({}).values["requests"] == 1
        assert one.ask({}).values["requests"] == 2
        folder, pid = one.folder, one.process.pid
        assert folder.is_dir()
    assert not folder.exists()
    assert not running(pid)


@pytest.mark.skipif(not sandboxed.namespaces(), reason="there are no namespaces for everyone here")
def test_what_left_its_session_ends_too():
    before = sleepers()
    with started("leaving") as one:
        one.ask({}, seconds=30)
    late = time.monotonic() + 5
    while sleepers() - before and time.monotonic() < late:
        time.sleep(0.05)
    assert not sleepers() - before


def test_it_ends_with_its_host():
    script = f"""
import sys, time
sys.path[:0] = {sys.path!r}
if __name__ == "__main__":
    from benchmark.sandbox import Confinement, SandboxedProcess
    one = SandboxedProcess("sandboxed:counting", {{}}, Confinement(({HERE!r},)), "x")
    one.start()
    print(one.process.pid, flush=True)
    time.sleep(600)
"""
    host = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    pid = int(host.stdout.readline())
    assert running(pid)
    host.kill()
    host.wait()
    late = time.monotonic() + 10
    while running(pid) and time.monotonic() < late:
        time.sleep(0.05)
    assert not running(pid)


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def sleepers() -> set[int]:
    """Processes that run the code of `sandboxed.leaving`."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"os.setsid()\ntime.sleep(600)" in path.read_bytes() and running(int(path.parent.name)):
                found.add(int(path.parent.name))
        except OSError:
            continue
    return found


def test_the_current_folder_is_that_of_its_host(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with started("reaching", Confinement((HERE, str(tmp_path)))) as one:
        found = one.ask({"tries": {"here": ["list", "."]}}).values["found"]
    assert found == {"here": "[]"}
    assert os.getcwd() == str(tmp_path)
