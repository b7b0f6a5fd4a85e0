"""This machine: each cell in a process of its own, several at a time."""

import multiprocessing
import os
import signal
from collections.abc import Mapping, Sequence
from multiprocessing import forkserver
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from benchmark.contracts import Engine
from benchmark.processes import end_on_request, end_with, stop

# Cells have one thread. They also keep the memory that they free: glibc would give it back to the system and ask for
# it anew in every training step.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "MALLOC_MMAP_THRESHOLD_": str(1 << 30), "MALLOC_TRIM_THRESHOLD_": str(1 << 30)}


class Local(Engine):
    """Forks each cell from a server process that has done all imports and computes nothing itself."""

    def __init__(self, jobs: int, imports: Sequence[str] = ()) -> None:
        super().__init__(jobs, imports)
        for name, value in ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        self.context = multiprocessing.get_context("forkserver")
        self.running: dict[Any, tuple[str, Any]] = {}  # by sentinel: key and process

    def start(self, key: str, job: Path) -> None:
        """Fork a process for the job."""
        self.context.set_forkserver_preload([*self.imports, __name__])
        # Ctrl-C reaches the server too, and would interrupt its imports.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        forkserver.ensure_running()
        signal.signal(signal.SIGINT, before)
        process = self.context.Process(target=_child, args=(str(job), os.getpid()))
        process.start()
        self.running[process.sentinel] = key, process

    def wait(self, seconds: float) -> Mapping[str, int]:
        """Wait until a process ends."""
        ended = {}
        for sentinel in wait(list(self.running), timeout=seconds):
            key, process = self.running.pop(sentinel)
            process.join()
            ended[key] = int(process.exitcode or 0)
        return ended

    def stop(self) -> None:
        """End all processes, with those that they started."""
        stop(process for _, process in self.running.values())
        self.running = {}


def _child(job: str, run: int) -> None:
    from benchmark.running.worker import run_file

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the run decides what ends
    end_on_request()
    end_with(run)
    os._exit(run_file(Path(job))[0])
