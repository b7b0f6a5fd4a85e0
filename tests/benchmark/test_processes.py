"""What is asked to end, or whose parent is killed, ends with all that it started."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from benchmark import processes
from benchmark.frontends.adapters.command import Command

HANGING = "import os, pathlib, sys, time; pathlib.Path(sys.argv[3]).write_text(str(os.getpid())); time.sleep(600)"


def working(pid_file: str, own_session: bool) -> None:
    if own_session:
        os.setsid()
    processes.end_on_request()
    processes.end_with()
    Command([sys.executable, "-c", HANGING, "{in}", "{out}", pid_file]).enhance(torch.zeros(1600))


def starting(pid_file: str, own_pid_file: str) -> None:
    """A parent that gets no chance to end its child."""
    multiprocessing.get_context("fork").Process(target=working, args=(pid_file, False)).start()
    Path(own_pid_file).write_text(str(os.getpid()))
    time.sleep(600)


def pid_in(file: Path) -> int:
    """What a process says of itself once it runs."""
    for _ in range(200):
        if file.is_file() and (text := file.read_text()):
            return int(text)
        time.sleep(0.1)
    raise AssertionError(f"{file} was not written")


def gone(pid: int, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if (stat := Path(f"/proc/{pid}/stat")).is_file() and stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return True  # nobody has asked for its status yet
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("own_session", [False, True])
def test_a_process_that_is_stopped_takes_the_program_along_that_it_runs(tmp_path, own_session):
    file = tmp_path / "pid"
    process = multiprocessing.get_context("fork").Process(target=working, args=(str(file), own_session))
    process.start()
    program = pid_in(file)
    processes.stop([process], session=own_session)
    assert process.exitcode == processes.ENDED
    assert gone(program, 1)


def test_a_process_whose_parent_was_killed_ends_with_what_it_runs(tmp_path):
    files = tmp_path / "program", tmp_path / "parent"
    parent = multiprocessing.get_context("fork").Process(target=starting, args=tuple(map(str, files)))
    parent.start()
    program, pid = map(pid_in, files)
    os.kill(pid, signal.SIGKILL)
    parent.join()
    assert gone(program, 10)


def test_what_does_not_listen_is_ended_all_the_same(monkeypatch):
    monkeypatch.setattr(processes, "PATIENCE", 0.2)
    process = multiprocessing.get_context("fork").Process(target=deaf)
    process.start()
    time.sleep(0.5)
    processes.stop([process])
    assert process.exitcode == -signal.SIGKILL


def deaf() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(600)


def test_a_request_to_end_waits_for_what_must_not_be_disturbed():
    done = []
    before = signal.getsignal(signal.SIGTERM)
    processes.end_on_request()
    try:
        with pytest.raises(processes.Ended):
            asked_meanwhile(done)
        assert done == ["all"]
        with pytest.raises(processes.Ended):
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)


def asked_meanwhile(done: list[str]) -> None:
    with processes.undisturbed():
        signal.raise_signal(signal.SIGTERM)
        done.append("all")


def test_what_a_session_still_has_is_ended_with_it(tmp_path):
    file = tmp_path / "pid"
    process = multiprocessing.get_context("fork").Process(target=leaving, args=(str(file),))
    process.start()
    program = pid_in(file)
    processes.stop([process], session=True)
    assert gone(program, 1)


def leaving(pid_file: str) -> None:
    """Ends without a look at the program that it started in a group of its own."""
    os.setsid()
    subprocess.Popen([sys.executable, "-c", HANGING, "", "", pid_file], process_group=0)
    time.sleep(600)
