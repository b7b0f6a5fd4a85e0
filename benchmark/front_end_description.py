"""What planning knows of a front-end. Code from outside is built in a process of its own to find it out."""

import inspect
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Annotated, Any
from unittest.mock import patch

import safetensors.torch
from pydantic import AfterValidator, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass
from torch import nn

from benchmark import provenance, registry
from benchmark.contracts import Spec
from benchmark.errors import EarmarkError
from benchmark.frontends import as_front_end, front_ends, learned_elsewhere
from benchmark.options import bind, named, reported
from benchmark.sandbox import Confinement, SandboxedProcess
from benchmark.sandbox.confinement import SYSTEM
from benchmark.sandbox.process import Answer, Handler
from benchmark.store import default_cache, file_hash

Word = Annotated[str, Field(max_length=500)]


def _sorted(values: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(sorted(values))


@dataclass(frozen=True)
class Description:
    """A front-end as it is built: how cells specify it, and its traits."""

    name: Word  # of its class
    version: int
    config: Mapping[str, Any]  # with every default
    members: tuple[tuple[Word, int], ...]  # class and version of each component inside a composite one
    reads: tuple[tuple[Word, Word], ...]  # name and digest of each file that its constructor opened
    needs: frozenset[Word]
    controls: Mapping[Word, float]
    trainable: bool
    dropped_in_only: bool
    exported: bool
    learned_elsewhere: Annotated[tuple[Word, ...], AfterValidator(_sorted)]
    code: Mapping[Word, Word]  # digests of the code of its classes
    files: tuple[str, ...] = ()  # paths of those that its constructor opened

    def spec(self, name: str) -> Spec:
        """How cells specify it, as registered or written under this name."""
        return Spec(name, self.version, self.config, self.members, self.reads)


_DESCRIPTION = TypeAdapter(Description)
_known: dict[tuple[str, str], tuple[Any, Description]] = {}


def foreign(name: str, options: Any = None) -> bool:
    """Whether code from outside the suite takes part in building a front-end."""
    text = repr((name, options))
    outside = name in registry.names("front_ends") and not registry.names("front_ends")[name].startswith("benchmark.")
    return ".py:" in text or "adapters/speechbrain" in text or outside


def describe(entry: str | Mapping[str, Any], hidden: Sequence[Path] = (), where: str = "") -> Description:
    """Describe a front-end: `name`, or {name: options}; a list in place of options fills the first of them.

    Args:
        hidden: folders that code from outside cannot read
        where: how error messages begin
    Raises:
        EarmarkError: it is none, or cannot be built
    """
    name, options = _named(where or "front-end", entry)
    if not foreign(name, options):
        return _described(name, options, where)
    key = (name, repr(options))
    stamps, found = _known.get(key, (None, None))
    if found is None or stamps != _stamps(name, options, found.files):
        argument = {"name": name, "options": options, "where": where}
        confinement = confined(name, options, hidden, downloads=True)
        with SandboxedProcess("benchmark.front_end_description:serve", argument, confinement, name) as process:
            values = process.ask({}).values
        with _checked(where or name):
            found = _DESCRIPTION.validate_python(values)
        _known[key] = _stamps(name, options, found.files), found
    return found


@contextmanager
def _checked(where: str) -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        first = error.errors()[0]
        trait = ".".join(map(str, first["loc"]))
        raise EarmarkError(f"{where}: it describes itself wrongly ({trait}: {first['msg']}); fix it") from error


def serve(name: str, options: Any, where: str) -> Handler:
    """In the process of code from outside: describe the front-end on request."""
    return lambda request, arrays: Answer(_DESCRIPTION.dump_python(_described(name, options, where), mode="json"))


def confined(
    name: str, options: Any, hidden: Iterable[Path], files: Iterable[str] = (), downloads: bool = False
) -> Confinement:
    """What the process of a front-end may touch before it gets test audio, and while it does.

    Args:
        hidden: folders that it cannot read; the cache is one of them in any case
        files: that it may read besides
        downloads: whether it may fetch models
    """
    return Confinement(
        readable=(os.getcwd(), *paths_in(name, options), *files),
        hidden=tuple(map(str, (default_cache(), *hidden))),
        downloads=downloads,
    )


def paths_in(name: str, options: Any) -> tuple[str, ...]:
    """The files and folders that building a front-end may read: those that it names, and those beside its code."""
    found = [str(Path(name.rpartition(":")[0]).expanduser().resolve().parent)] if ".py:" in name else []
    if isinstance(options, Mapping):
        for key, value in options.items():
            found += [*paths_in(str(key), None), *paths_in("", value)]
    elif isinstance(options, (list, tuple)):
        for value in options:
            found += paths_in("", value)
    elif isinstance(options, str):
        found += [*paths_in(options, None)] if ".py:" in options else []
        found += [
            str(Path(word).expanduser().resolve())
            for word in [options, *options.split()]
            if ("/" in word or "." in word) and os.path.exists(os.path.expanduser(word))
        ]
    return tuple(dict.fromkeys(found))


def _named(where: str, entry: str | Mapping[str, Any]) -> tuple[str, Any]:
    if isinstance(entry, Mapping) and len(entry) == 1 and isinstance(next(iter(entry.values())), list):
        return next(iter(entry.items()))
    return named(where, entry)


def _described(name: str, options: Any, where: str) -> Description:
    with reported(where) if where else nullcontext():
        cls: Any = registry.load("front_ends", name)
    if not issubclass(cls, nn.Module):
        raise EarmarkError(f"{where or name}: {cls.__name__} is not a Module; derive it from that class")
    if isinstance(options, list):  # chain: [spectral, unet] fills the first option
        options = {next(iter(inspect.signature(cls).parameters), "options"): options}
    config = bind(where or name, cls, options)
    with reported(where or name), _opened() as files:
        module = cls(**config)
    front_end = as_front_end(module)
    with _checked(where or name):
        return Description(
            name=type(front_end).__name__,
            version=getattr(cls, "version", 1),
            config=config,
            members=tuple((type(member).__name__, member.version) for member in front_ends(front_end)[1:]),
            reads=tuple(sorted((path.name, file_hash(path)) for path in files)) if foreign(name, options) else (),
            needs=frozenset(front_end.needs),
            controls=dict(front_end.controls),
            trainable=any(parameter.requires_grad for parameter in front_end.parameters()),
            dropped_in_only=front_end.dropped_in_only,
            exported=front_end.exported,
            learned_elsewhere=tuple(learned_elsewhere(front_end)),
            code=provenance.code_of(front_end, "front-end"),
            files=tuple(map(str, sorted(files))) if foreign(name, options) else (),
        )


@contextmanager
def _opened() -> Iterator[set[Path]]:
    """The files that are read inside, but for those of Python, of installed packages and of the system."""
    found: set[Path] = set()
    own = [Path(folder).resolve() for folder in (sys.prefix, sys.base_prefix, provenance.ROOT / "benchmark", *SYSTEM)]

    def note(path: Any) -> None:
        with suppress(TypeError, ValueError, OSError):
            file = Path(os.fsdecode(path)).resolve()
            written = file.suffix in (".py", ".pyc")  # which count by their code
            if file.is_file() and not written and not any(folder in file.parents for folder in own):
                found.add(file)

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and watching and not isinstance(arguments[0], int):
            note(arguments[0])

    watching = True
    sys.addaudithook(watch)  # for good: one cannot be removed
    real = safetensors.safe_open  # it opens files outside of Python

    def noted(path: Any, *rest: Any, **options: Any) -> Any:
        note(path)
        return real(path, *rest, **options)

    try:
        with patch("safetensors.safe_open", noted), patch("safetensors.torch.safe_open", noted):
            yield found
    finally:
        watching = False


def _stamps(name: str, options: Any, files: Sequence[str]) -> list[tuple[str, int, int]]:
    """When the files that a front-end names or reads changed last, and their sizes."""
    found = []
    for text in (name.rpartition(":")[0], *paths_in("", options), *files):
        with suppress(OSError):
            state = os.stat(os.path.expanduser(text))
            found.append((text, state.st_mtime_ns, state.st_size))
    return found
