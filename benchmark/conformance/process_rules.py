"""Rules for what a front-end does to its process: settings of PyTorch, files, memory.

The first line of a rule's docstring says what is expected, the rest why it matters.
"""

import ctypes
import gc
import os
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmark.conformance.findings import Finding, failed, note, ok, skipped, some
from benchmark.conformance.harness import Harness

SETTINGS: dict[str, Callable[[], Any]] = {
    "the default dtype": torch.get_default_dtype,
    "the number of threads": torch.get_num_threads,
    "deterministic algorithms": torch.are_deterministic_algorithms_enabled,
    "cudnn.benchmark": lambda: torch.backends.cudnn.benchmark,
    "gradients": torch.is_grad_enabled,
    "PyTorch's random numbers": lambda: torch.random.get_rng_state().tolist(),
    "NumPy's random numbers": lambda: [str(part) for part in np.random.get_state()],
    "Python's random numbers": random.getstate,
    "the current folder": os.getcwd,
    "the environment": lambda: dict(os.environ),
    "sys.path": lambda: list(sys.path),
}
# Batches of three scenes, their length in seconds, and how far memory may grow meanwhile; ours. Who keeps what was
# heard grows by 4 MiB.
ROUNDS, SECONDS, GROWTH_MIB = 20, 1.0, 2.0


def process(harness: Harness) -> Finding:
    """Building it and enhancing with it leave the settings of the process as they were.

    Other components run in the same process when it is trained; a seed set in a constructor gives every seed of a
    recipe the same weights.
    """
    before = {name: read() for name, read in SETTINGS.items()}
    built = harness.another()
    changed = {name: "its constructor" for name, read in SETTINGS.items() if read() != before[name]}
    del built
    now = {name: read() for name, read in SETTINGS.items()}
    harness.output(harness.scenes())
    changed |= {name: "enhancing" for name, read in SETTINGS.items() if name not in changed and read() != now[name]}
    # Weights are drawn from PyTorch's random numbers; setting the seed is another thing.
    if _seeds(harness):
        changed["PyTorch's random numbers"] = "a seed in its constructor"
    elif changed.get("PyTorch's random numbers") == "its constructor":
        del changed["PyTorch's random numbers"]
    if changed:
        return failed("changed: " + "; ".join(f"{name}, by {what}" for name, what in sorted(changed.items())))
    return ok("all settings as they were")


def _seeds(harness: Harness) -> bool:
    """Whether building it sets the seed: then it ends in one state, whatever the state before."""
    ends = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        harness.another()
        ends.append(torch.random.get_rng_state())
    return torch.equal(*ends)


def files(harness: Harness) -> Finding:
    """Building it and enhancing with it write no file outside of the folder for temporary files.

    In a benchmark it runs in a process that can write nowhere else; what it writes there is lost.
    """
    written: set[str] = set()
    active = True
    scratch = Path(tempfile.gettempdir()).resolve()

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if active and event == "open" and isinstance(arguments[0], str):
            mode, flags = arguments[1], arguments[2]
            writes = any(letter in mode for letter in "wax+") if mode else flags & (os.O_WRONLY | os.O_RDWR)
            path = Path(arguments[0])
            if writes and not str(path).startswith("/dev/") and scratch not in path.resolve().parents:
                written.add(str(path))

    sys.addaudithook(watch)  # for good: one cannot be removed
    try:
        harness.another()
        harness.output(harness.scenes())
    finally:
        active = False
    return note(f"written: {some(written)}") if written else ok("none")


def memory(harness: Harness) -> Finding:
    """Memory does not grow from scene to scene.

    A run enhances thousands of scenes in one process, which is ended where its memory runs out.
    """
    if _in_use() is None:
        return skipped("this system does not say how much memory is in use")
    scenes = harness.scenes(SECONDS)
    for _ in range(3):
        harness.output(scenes)
    gc.collect()
    before = _in_use() or 0
    for _ in range(ROUNDS):
        harness.output(scenes)
    gc.collect()
    grown = ((_in_use() or 0) - before) / 2**20
    # what is kept of each scene shows in proportion; caches of a library do not
    return failed(f"it grew by {grown:.0f} MiB over {3 * ROUNDS} scenes") if grown > GROWTH_MIB else ok("it stays")


# Of mallinfo2(3); those that count are mapped and small blocks in use.
FIELDS = ["arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"]


class _Allocated(ctypes.Structure):
    """What glibc's mallinfo2 returns."""

    _fields_ = tuple((name, ctypes.c_size_t) for name in FIELDS)


def _in_use() -> int | None:
    """Bytes that the process has allocated and not freed; None where the C library does not say."""
    ask = getattr(ctypes.CDLL(None), "mallinfo2", None) if sys.platform == "linux" else None
    if ask is None:
        return None
    ask.restype = _Allocated
    found = ask()
    return int(found.uordblks + found.hblkhd)
