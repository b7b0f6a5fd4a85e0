"""A confined process that answers requests: started, asked with a time limit, and started anew where it was lost.

Requests and answers are JSON and arrays of numbers; nothing that the process sends is unpickled, and what it sends is
taken only as far as it was asked for.
"""

import importlib
import json
import multiprocessing
import os
import select
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmark.errors import EarmarkError, printable
from benchmark.processes import IMPORTED_ONCE, stop
from benchmark.sandbox.confinement import Confinement, enter, environment

STARTING = 300.0  # seconds that imports and constructors have; ours
LARGEST = 2**30  # bytes of an answer
HEAD = 2**24  # bytes of its JSON
LOADED = "ready"  # the first answer

Handler = Callable[[Mapping[str, Any], Sequence[np.ndarray]], "Answer"]


class ProcessLost(EarmarkError):
    """The process ended, was too slow, or answered with something else; another one can be started."""


class Answer(NamedTuple):
    """What a request is answered with."""

    values: Mapping[str, Any] = {}
    arrays: Sequence[np.ndarray] = ()


class SandboxedProcess:
    """A confined process.

    Args:
        target: "module:function", called in the process with `argument`; it returns what answers each request
        argument: plain JSON values
        confinement: what the process may touch
        name: whose code runs in it, for messages
        seconds: that it has until it is ready
    """

    def __init__(
        self,
        target: str,
        argument: Mapping[str, Any],
        confinement: Confinement,
        name: str,
        seconds: float = STARTING,
    ) -> None:
        self.target, self.argument, self.confinement, self.name = target, argument, confinement, name
        self.seconds = seconds
        self.process: Any = None
        self.socket: Connection | None = None
        self.folder: Path | None = None

    def __enter__(self) -> "SandboxedProcess":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def start(self) -> None:
        """Start the process, unless it runs; raise EarmarkError where its code cannot be loaded."""
        if self.process is not None:
            return
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([*IMPORTED_ONCE])
        _share_server()
        self.folder = Path(tempfile.mkdtemp(prefix=f"earmark-{os.getpid()}-")).resolve()
        self.socket, other = context.Pipe()
        self.process = context.Process(
            target=_serve,
            args=(
                other,
                self.target,
                json.dumps(self.argument),
                self.confinement,
                str(self.folder),
                environment(self.folder),
                os.getcwd(),
                os.getpid(),
            ),
        )
        self.process.start()
        other.close()
        os.set_blocking(self.socket.fileno(), False)  # a process that stops reading must not stop this one
        try:
            self._received(self.seconds, "not built")
        except ProcessLost as error:
            raise ProcessLost(f"{self.name}: {error} while it was built; fix it") from error

    def ask(
        self, request: Mapping[str, Any], arrays: Sequence[np.ndarray] = (), seconds: float | None = None
    ) -> Answer:
        """Send a request and wait for the answer.

        Args:
            seconds: that the answer may take; None: as long as it likes
        Raises:
            ProcessLost: there is none; the process has ended
            EarmarkError: the code raised it, or something that is told as one
        """
        self.start()
        assert self.socket is not None
        late = None if seconds is None else time.monotonic() + seconds
        try:
            _write(self.socket.fileno(), _packed(request, arrays), late)
        except TimeoutError as error:
            self.close()
            raise ProcessLost(f"no answer after {seconds:g} s") from error
        except OSError:
            pass  # it ended; the missing answer says how
        return self._received(seconds, "no answer")

    def close(self) -> None:
        """End the process, and all that it started."""
        if self.process is None:
            return
        stop([self.process], session=True)
        assert self.socket is not None
        self.socket.close()
        shutil.rmtree(str(self.folder), ignore_errors=True)
        self.process = self.socket = self.folder = None

    def _received(self, seconds: float | None, late: str) -> Answer:
        assert self.socket is not None
        try:
            values, arrays = _receive(self.socket.fileno(), None if seconds is None else time.monotonic() + seconds)
        except TimeoutError as error:
            self.close()
            raise ProcessLost(f"{late} after {seconds:g} s") from error
        except (EOFError, OSError) as error:
            raise ProcessLost(self._end()) from error
        except ValueError as error:
            self.close()
            raise ProcessLost(f"it answered with no answer ({error})") from error
        if "raised" in values:
            raise EarmarkError("\n".join(map(printable, str(values["raised"]).splitlines())))
        return Answer(values, arrays)

    def _end(self) -> str:
        """How the process ended."""
        self.process.join(5)
        status = self.process.exitcode
        self.close()
        if status is None:
            return "its process stopped answering"
        if status >= 0:
            return f"its process ended with status {status}"
        with suppress(ValueError):
            return f"its process was ended by {signal.Signals(-status).name}"
        return f"its process was ended by signal {-status}"


def _serve(
    other: Connection,
    target: str,
    text: str,
    confinement: Confinement,
    folder: str,
    variables: Mapping[str, str],
    here: str,
    host: int,
) -> None:
    """The life of the process: confine it, load the code, answer requests until the socket is closed."""
    os.chdir(here)
    own: Any = multiprocessing.current_process()
    own._config.pop("tempdir", None)  # the host's, where it cannot put its sockets
    os.setsid()  # a session of its own, so that all that it starts can be ended
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    enter(confinement, Path(folder), variables, host)
    file = other.fileno()
    module, _, function = target.partition(":")
    handler = None
    with suppress(EOFError, OSError):
        while True:
            try:
                if handler is None:
                    handler = getattr(importlib.import_module(module), function)(**json.loads(text))
                    message = _packed({LOADED: True}, ())
                else:
                    message = _packed(*handler(*_receive(file, None)))
            except EOFError:
                break
            except BaseException as error:  # code from outside may raise anything
                message = _packed({"raised": described(error)}, ())
            _write(file, message, None)
            if handler is None:
                break
    os._exit(0)


def _share_server() -> None:
    """In a process that a server forked, have that server fork the next one, too: it did all imports already.

    multiprocessing would start another server. Where its insides are others than these, it does; that takes seconds.
    """
    server = getattr(forkserver, "_forkserver", None)
    if getattr(server, "_forkserver_address", None) and getattr(server, "_forkserver_pid", 0) is None:
        server.ensure_running = lambda: None  # type: ignore[union-attr]


def described(error: BaseException) -> str:
    """An error in one line, even one that cannot be printed; one that is told to users as it is."""
    return str(error) if isinstance(error, EarmarkError) else f"{type(error).__name__}: {printable(error, 500)}"


def _packed(values: Mapping[str, Any], arrays: Sequence[np.ndarray]) -> list[bytes]:
    """A message: the length of its head, the head, and the arrays."""
    plain = [np.ascontiguousarray(array, "<f4") for array in arrays]
    head = json.dumps({"values": values, "shapes": [array.shape for array in plain]}, ensure_ascii=True).encode()
    return [len(head).to_bytes(8, "little"), head, *(array.tobytes() for array in plain)]


def _write(file: int, message: list[bytes], late: float | None) -> None:
    """Write a message. Raises TimeoutError after `late`."""
    for part in message:
        view = memoryview(part)
        while view:
            if not select.select([], [file], [], _left(late))[1]:
                raise TimeoutError
            with suppress(BlockingIOError):
                view = view[os.write(file, view) :]


def _receive(file: int, late: float | None) -> tuple[dict[str, Any], list[np.ndarray]]:
    """Read a message. Raises TimeoutError after `late`, EOFError at the end, and ValueError for what is no message."""
    length = int.from_bytes(_read(file, 8, late), "little")
    if length > HEAD:
        raise ValueError("its head is too long")
    try:
        head = json.loads(_read(file, length, late))
        values, shapes = head["values"], [tuple(map(int, shape)) for shape in head["shapes"]]
    except (KeyError, TypeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError("it is no message") from error
    if not isinstance(values, dict) or any(size < 0 for shape in shapes for size in shape):
        raise ValueError("it is no message")
    sizes = [4 * int(np.prod(shape, dtype=object)) for shape in shapes]
    if sum(sizes) > LARGEST:
        raise ValueError(f"it is larger than {LARGEST} bytes")
    arrays = [
        np.frombuffer(_read(file, size, late), "<f4").reshape(shape) for size, shape in zip(sizes, shapes, strict=True)
    ]
    return values, arrays


def _left(late: float | None) -> float | None:
    return None if late is None else max(late - time.monotonic(), 0)


def _read(file: int, size: int, late: float | None) -> bytes:
    parts: list[bytes] = []
    while size:
        if not select.select([file], [], [], _left(late))[0]:
            raise TimeoutError
        part = os.read(file, min(size, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
