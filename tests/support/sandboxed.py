"""What sandboxed in tests run; each function returns what answers requests."""

import os
import re
import signal
import subprocess
import sys
import threading
import time

import numpy as np

from benchmark.errors import EarmarkError
from benchmark.sandbox.process import Answer


def namespaces() -> bool:
    """Whether an unprivileged process can have namespaces of its own here."""
    if sys.platform != "linux":
        return False
    flags = "confinement._NEW_USER | confinement._NEW_MOUNTS | confinement._NEW_PIDS | confinement._NEW_NETWORK"
    script = f"from benchmark.sandbox import confinement\nassert confinement._libc().unshare({flags}) == 0"
    return subprocess.run([sys.executable, "-c", script], capture_output=True, check=False).returncode == 0


def echo():
    return lambda request, arrays: Answer(request, arrays)


def counting():
    """Counts its requests."""
    seen = []

    def answer(request, arrays):
        seen.append(request)
        return Answer({"requests": len(seen), "pid": os.getpid()})

    return answer


def failing(how="raise"):
    """Fails in the way that it is asked for."""

    def answer(request, arrays):
        ways = {
            "raise": lambda: (_ for _ in ()).throw(ValueError("a bad\nvalue")),
            "told": lambda: (_ for _ in ()).throw(EarmarkError("a told error")),
            "exit": lambda: sys.exit(0),
            "end": lambda: os._exit(0),
            "exec": lambda: os.execv("/bin/true", ["true"]),
            "abort": os.abort,
            "interrupt": lambda: (_ for _ in ()).throw(KeyboardInterrupt),
            "unprintable": lambda: (_ for _ in ()).throw(Unprintable),
            "surrogate": lambda: (_ for _ in ()).throw(ValueError("caf\udce9.wav")),
            "loop": lambda: time.sleep(3600),
            "memory": lambda: np.ones(2**33),
            "garbage": lambda: os.write(_socket(), b"\xff" * 64),
            "half": lambda: (os.write(_socket(), (100).to_bytes(8, "little") + b"{"), time.sleep(3600)),
            "huge": lambda: os.write(_socket(), (2**40).to_bytes(8, "little")),
            "no json": lambda: Answer({"x": object()}),
        }
        return ways[request["how"]]() or Answer()

    return answer


def deaf():
    """Answers once and then reads no more: a thread keeps the interpreter to itself."""

    def answer(request, arrays):
        threading.Timer(0.2, lambda: re.fullmatch("(a+)+", "a" * 40 + "b")).start()
        return Answer()

    return answer


class Unprintable(BaseException):
    def __str__(self):
        raise RuntimeError


def _socket():
    """The file that leads to the host: the only socket."""
    return next(fd for fd in range(3, 100) if _is_socket(fd))


def _is_socket(fd):
    try:
        return os.readlink(f"/proc/self/fd/{fd}").startswith("socket:")
    except OSError:
        return False


def reaching():
    """Tries to reach what it may not; answers with what happened, by what was tried."""

    def answer(request, arrays):
        found = {}
        for name, (what, *arguments) in request["tries"].items():
            try:
                found[name] = repr(TRIES[what](*arguments))
            except OSError as error:
                found[name] = type(error).__name__
        return Answer({"found": found})

    return answer


def _write(path):
    with open(path, "w") as file:
        return file.write("mine")


def _read(path):
    with open(path, "rb") as file:
        return len(file.read())


def _connect(host, port):
    import socket

    return socket.create_connection((host, port), 2)


def _server():
    """Ask the server that forked this process for another one, which nobody would confine."""
    import socket
    from multiprocessing import forkserver

    with socket.socket(socket.AF_UNIX) as client:
        client.connect(forkserver._forkserver._forkserver_address)
    return "connected"


TRIES = {
    "server": _server,
    "read": _read,
    "write": _write,
    "list": lambda path: sorted(os.listdir(path)),
    "kill": lambda pid: os.kill(pid, signal.SIGKILL),
    "memory": lambda pid: _read(f"/proc/{pid}/mem"),
    "environment": lambda pid: _read(f"/proc/{pid}/environ"),
    "files": lambda pid: [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")],
    "connect": _connect,
    "variables": lambda: sorted(os.environ),
    "remove": os.remove,
    "link": os.symlink,
}


def leaving():
    """Starts a process that leaves its session and would live on."""

    def answer(request, arrays):
        code = "import os, time\nif os.fork(): os._exit(0)\nos.setsid()\ntime.sleep(600)"
        child = subprocess.Popen([sys.executable, "-c", code])
        child.wait()
        return Answer()

    return answer
