"""Processes that end with those that started them, and take along what they started themselves."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

PATIENCE = 5.0  # seconds that a process gets to end what it started
ENDED = 128 + signal.SIGTERM  # the status of a process that was asked to end


class Ended(SystemExit):
    """A process was asked to end."""


def _ended(*_: Any) -> None:
    raise Ended(ENDED)


def end_on_request(end: Callable[[int, Any], Any] = _ended) -> None:
    """Answer a request to end (SIGTERM) with an exception, so that what is open is closed; nothing outside the main
    thread, which alone gets signals.
    """
    with suppress(ValueError):
        signal.signal(signal.SIGTERM, end)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Requests to end wait for the end of the block, such as one that starts what would have to be ended."""
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
    """End this process, too, once its parent or one of these processes has ended, however that came about."""
    threading.Thread(target=_watch, args=(os.getppid(), pids), daemon=True).start()


def stop(processes: Iterable[Any], session: bool = False) -> None:
    """Ask processes (of multiprocessing) to end, then end them; `session`: later, since each stops some itself, and
    with all that its session still has.
    """
    own = [process for process in processes if process.pid]
    late = time.monotonic() + PATIENCE * (2 if session else 1)
    try:
        for process in own:
            _send(process.pid, signal.SIGTERM)
        for process in own:
            process.join(max(late - time.monotonic(), 0))
    finally:  # also where somebody cannot wait
        for process in own:
            if process.is_alive():
                _send(process.pid, signal.SIGKILL)
            process.join()
            if session:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)  # all that can be found where there is no /proc
            while session and (left := _session(process.pid)):
                for pid in left:
                    _send(pid, signal.SIGKILL)
                time.sleep(0.01)


def _session(leader: int) -> list[int]:
    """What runs in the session that a process began, its groups included; of Linux's /proc, elsewhere nothing is
    known.
    """
    found = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, _, session = file.read_text().rpartition(")")[2].split()[:4]
            if int(session) == leader and state not in "ZX":
                found.append(int(file.parent.name))
    return found


def _send(pid: int, kind: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # nothing is left of it
        os.kill(pid, kind)


def _watch(parent: int, pids: tuple[int, ...]) -> None:
    while os.getppid() == parent and all(map(_alive, pids)):
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(PATIENCE)
    os._exit(3)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True
