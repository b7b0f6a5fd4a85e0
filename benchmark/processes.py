"""Processes that end with those that started them, and take along what they started themselves."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

PATIENCE = 5.0  # seconds that a process gets to end what it started


ENDED = 128 + signal.SIGTERM  # the status of a process that was asked to end


def end_on_request(end: Callable[[int, Any], Any] = lambda *_: sys.exit(ENDED)) -> None:
    """Answer a request to end (SIGTERM) with an exception, so that what is open is closed; nothing outside the main thread, which alone gets signals."""
    with suppress(ValueError):
        signal.signal(signal.SIGTERM, end)


def end_with(*pids: int) -> None:
    """End this process, too, once its parent or one of these processes has ended, however that came about."""
    threading.Thread(target=_watch, args=(os.getppid(), pids), daemon=True).start()


def stop(processes: Iterable[Any], group: bool = False) -> None:
    """Ask processes (of multiprocessing) to end, then end them; `group`: with all of the process group that each leads."""
    own = [process for process in processes if process.pid]
    for process in own:
        _send(process.pid, signal.SIGTERM, group)
    late = time.monotonic() + PATIENCE
    for process in own:
        process.join(max(late - time.monotonic(), 0))
        if group or process.is_alive():
            _send(process.pid, signal.SIGKILL, group)
        process.join()


def _send(pid: int, kind: signal.Signals, group: bool) -> None:
    for send in (os.killpg, os.kill) if group else (os.kill,):  # it may lead no group yet
        with suppress(ProcessLookupError, PermissionError):  # nothing is left of it
            return send(pid, kind)


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
