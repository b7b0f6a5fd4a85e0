"""Processes that end together with the process that started them, and end the processes that they started."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

# Modules that a server process imports once, for all processes that are forked from it: cells, and code from outside.
IMPORTED_ONCE = ("benchmark.running.worker", "datasets")
PATIENCE = 5.0  # seconds that a process has to clean up before it is killed
ENDED = 128 + signal.SIGTERM  # exit status of a process that was ended by SIGTERM


class Ended(SystemExit):
    """Raised in a process that receives SIGTERM."""


def _ended(*_: Any) -> None:
    raise Ended(ENDED)


def end_on_request(end: Callable[[int, Any], Any] = _ended) -> None:
    """Turn SIGTERM into an exception, so that `finally` and `with` blocks are left properly.

    Outside the main thread, the only one that receives signals, it does nothing.
    """
    with suppress(ValueError):
        signal.signal(signal.SIGTERM, end)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Hold SIGTERM back until the end of the block, such as one that starts a process and has to remember it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        if came:
            signal.raise_signal(signal.SIGTERM)


def end_with(*pids: int) -> None:
    """End this process once its parent or one of the processes `pids` has ended, for whatever reason."""
    threading.Thread(target=_watch, args=(os.getppid(), pids), daemon=True).start()


def stop(processes: Iterable[Any], session: bool = False) -> None:
    """Ask processes of multiprocessing to end, and kill those that take too long.

    Args:
        session: each process leads a session of its own. It is given twice the time, since it has processes to stop
            itself; then whatever is left of its session is killed, too.
    """
    own = [process for process in processes if process.pid]
    late = time.monotonic() + PATIENCE * (2 if session else 1)
    try:
        for process in own:
            _send(process.pid, signal.SIGTERM)
        for process in own:
            process.join(max(late - time.monotonic(), 0))
    finally:  # also where the wait is interrupted
        for process in own:
            if process.is_alive():
                _send(process.pid, signal.SIGKILL)
            process.join()
            if session:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)  # without /proc, this group is all that can be found
            while session and (left := _session(process.pid)):
                for pid in left:
                    _send(pid, signal.SIGKILL)
                time.sleep(0.01)


def _session(leader: int) -> list[int]:
    """The running processes in the session of `leader`, in any process group; empty where there is no /proc."""
    found = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, _, session = file.read_text().rpartition(")")[2].split()[:4]
            if int(session) == leader and state not in "ZX":
                found.append(int(file.parent.name))
    return found


def _send(pid: int, kind: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # it has ended already
        os.kill(pid, kind)


def _watch(parent: int, pids: tuple[int, ...]) -> None:
    while os.getppid() == parent and all(map(alive, pids)):
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(PATIENCE)
    os._exit(3)


def alive(pid: int) -> bool:
    """Whether a process is there."""
    try:
        os.kill(pid, 0)
    except PermissionError:  # it is there, and none of ours
        return True
    except OSError:
        return False
    return True
