"""What the process of code from outside may touch.

It has a folder and an environment of its own. On Linux an unprivileged process can give up more, and does so as far as
the kernel lets it: Landlock (Linux 5.13) keeps it from files, and from the memory of other processes; namespaces keep
it from the network, and end all that it starts with it. What was given up cannot be had again.
"""

import ctypes
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import forkserver
from pathlib import Path

from benchmark.processes import alive, end_with

# Variables that it keeps; what is not among them, such as a token, stays outside.
VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "CUDA_VISIBLE_DEVICES")
MODEL_CACHES = ("HF_HOME", "TORCH_HOME", "XDG_CACHE_HOME")  # folders in which pretrained models are kept
SYSTEM = (
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/opt",
    "/etc",
    "/proc",
    "/sys",
    "/nix",
    "/run/current-system",
)
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
MEMORY_GIB = 16.0  # beyond what the process has at its start; ours

# Flags of unshare(2) and mount(2).
_NEW_MOUNTS, _NEW_USER, _NEW_PIDS, _NEW_NETWORK = 0x00020000, 0x10000000, 0x20000000, 0x40000000
_PRIVATE = 0x4000 | 0x40000
_PARENT_DEATH_SIGNAL, _NO_NEW_PRIVILEGES = 1, 38  # of prctl(2)
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # system calls, the same on all architectures
_EXECUTE, _WRITE, _READ, _READ_FOLDER = (1 << bit for bit in range(4))
_TRUNCATE, _CONTROL = 1 << 14, 1 << 15
_OF_FILES = _EXECUTE | _WRITE | _READ | _TRUNCATE | _CONTROL  # rights that a rule for a single file can grant
_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # how many rights on files each version of Landlock knows
_SCOPED = 0b11  # abstract sockets and signals, from version 6 on


@dataclass(frozen=True)
class Confinement:
    """What a process may touch beside the system, Python and its own folder."""

    readable: tuple[str, ...] = ()  # files and folders
    writable: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()  # folders that cannot be read, wherever they lie, but for files named in `readable`
    downloads: bool = False  # whether it may use the network, and write where models are kept
    memory_gib: float | None = MEMORY_GIB


def environment(folder: Path) -> dict[str, str]:
    """The variables of a confined process with this folder."""
    kept = {name: value for name in (*VARIABLES, *MODEL_CACHES) if (value := os.environ.get(name))}
    return {**kept, "TMPDIR": str(folder), "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def enter(confinement: Confinement, folder: Path, variables: Mapping[str, str], host: int) -> None:
    """Confine this process, which must have a single thread, to a folder of its own and what is granted.

    It returns in a child of the calling process where that can have a space of process numbers of its own; the caller
    then ends with the child's status. All of it ends with the process `host`.
    """
    os.environ.clear()
    os.environ.update(variables)
    tempfile.tempdir = str(folder)  # modules that were imported before have asked for it already
    if sys.platform != "linux" or not _enter_namespaces(confinement.downloads, host):
        end_with(host)
    if confinement.memory_gib is not None:
        with suppress(ValueError, OSError):
            limit = _address_space() + int(confinement.memory_gib * 2**30)
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        _restrict_files(confinement, folder)


def landlock_version() -> int:
    """The version of Landlock that the kernel has; 0 where it has none."""
    if sys.platform != "linux":
        return 0
    return max(int(_libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), 1)), 0)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _address_space() -> int:
    """Bytes of address space that this process has."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()


def _enter_namespaces(network: bool, host: int) -> bool:
    """Go on in a child with namespaces of users, mounts, processes and, unless it may use it, networks.

    False if that is refused.
    """
    libc, user, group = _libc(), os.getuid(), os.getgid()
    if libc.unshare(_NEW_USER | _NEW_MOUNTS | _NEW_PIDS | (0 if network else _NEW_NETWORK)):
        return False
    with suppress(OSError):  # without the maps files belong to nobody, and can be used all the same
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    # Landlock does not keep it from sockets that are files, and there servers listen that run what they are asked to.
    libc.mount(None, b"/", None, _PRIVATE, None)
    for place in (_server_folder(), None if network else "/run"):
        if place:
            libc.mount(b"tmpfs", os.fsencode(place), b"tmpfs", 0, None)
    if child := os.fork():
        code = os.waitstatus_to_exitcode(_status(child, host))
        if code < 0:  # ended by a signal: end likewise
            signal.signal(-code, signal.SIG_DFL)
            with suppress(OSError):
                os.kill(os.getpid(), -code)
        os._exit(code if code >= 0 else 128 - code)
    libc.prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    return True


def _server_folder() -> str | None:
    """Where the socket of the server lies that forked this process."""
    address = getattr(getattr(forkserver, "_forkserver", None), "_forkserver_address", None)
    return os.path.dirname(address) if isinstance(address, str) and address.startswith("/") else None


def _status(child: int, host: int) -> int:
    """The status with which a child ends; it is killed once the process `host` has ended."""
    while True:  # a thread that waits for the host cannot be had behind unshare
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        if not alive(host):
            os.kill(child, signal.SIGKILL)
        time.sleep(0.02)


def _restrict_files(confinement: Confinement, folder: Path) -> None:
    """Give up all files but those granted, other processes' memory, and, from version 6 on, signals to them."""
    version, libc = landlock_version(), _libc()
    if not version:
        return
    handled = (1 << _RIGHTS.get(version, 16)) - 1
    attributes = (ctypes.c_uint64 * 3)(handled, 0, _SCOPED if version >= 6 else 0)
    size = 8 if version < 4 else 16 if version < 6 else 24
    rules = libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(size), 0)
    if rules < 0:
        return
    reading, writing = _EXECUTE | _READ | _READ_FOLDER, handled
    for path, whole in _granted(confinement):
        _allow(libc, rules, path, (reading if whole else _READ_FOLDER) & handled)
    caches = [str(path) for path in _model_caches(confinement)] if confinement.downloads else []
    for path in (str(folder), *confinement.writable, *caches):
        _allow(libc, rules, path, writing)
    for path in (*DEVICES, *(str(path) for path in Path("/dev").glob("nvidia*"))):
        _allow(libc, rules, path, (_READ | _WRITE | _CONTROL) & handled)
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    libc.syscall(_RESTRICT_SELF, rules, 0)
    os.close(rules)


def _allow(libc: ctypes.CDLL, rules: int, path: str, rights: int) -> None:
    class Rule(ctypes.Structure):
        _pack_ = 1
        _fields_ = (("rights", ctypes.c_uint64), ("file", ctypes.c_int32))

    with suppress(OSError):  # what is not there needs no rule
        file = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            rule = Rule(rights if os.path.isdir(path) else rights & _OF_FILES, file)
            libc.syscall(_ADD_RULE, rules, 1, ctypes.byref(rule), 0)
        finally:
            os.close(file)


def _granted(confinement: Confinement) -> Iterator[tuple[str, bool]]:
    """The files and folders that may be read, each with whether all in it may, or only its names."""
    yield from ((path, True) for path in SYSTEM)
    python = {sys.prefix, sys.base_prefix, sys.exec_prefix, *sys.path, *_of_python_files()}
    libraries = os.environ.get("LD_LIBRARY_PATH", "").split(":")
    hidden = [Path(path).resolve() for path in confinement.hidden]
    for folder in sorted({*python, *libraries} - {""}):
        yield from _without(Path(folder).resolve(), hidden)
    for path in _model_caches(confinement):
        yield from _without(path, hidden)
    for text in confinement.readable:
        named = Path(text).expanduser().resolve()
        # a file that is named may be read wherever it lies, and of a folder nothing that is hidden
        yield from [(str(named), True)] if named.is_file() else _without(named, hidden)


def _of_python_files() -> Iterable[str]:
    """The folders of the suite's own packages, and of modules that an editable installation takes from elsewhere."""
    for name in ("benchmark", "tasks"):
        yield str(Path(__file__).resolve().parents[2] / name)


def _model_caches(confinement: Confinement) -> list[Path]:
    home = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    folders = [Path(value) for name in MODEL_CACHES[:2] if (value := os.environ.get(name))]
    with suppress(OSError):
        folders += [path for path in home.iterdir() if path.is_dir()]
    hidden = [Path(path).resolve() for path in confinement.hidden]
    resolved = [folder.expanduser().resolve() for folder in folders]
    return [path for path in resolved if not any(path == folder or folder in path.parents for folder in hidden)]


def _without(path: Path, hidden: list[Path]) -> Iterator[tuple[str, bool]]:
    """A path whole; where something hidden lies in it, its names, and all that lies beside what is hidden."""
    if any(path == folder or folder in path.parents for folder in hidden):
        return
    whole = not any(path in folder.parents for folder in hidden)
    yield str(path), whole
    if whole:
        return
    with suppress(OSError):
        for entry in sorted(path.iterdir()):
            if not entry.is_symlink():  # which may lead anywhere
                yield from _without(entry, hidden)
