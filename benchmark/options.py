"""Options of components, checked against the constructor's signature.

Defaults and bounds (`channels: Size`) are written there and nowhere else.
"""

import inspect
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from textwrap import shorten
from typing import Annotated, Any, get_type_hints

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from benchmark.errors import EarmarkError, unknown

Size = Annotated[int, Field(ge=1, le=16384)]  # of a layer: channels, kernel, units


def named(where: str, value: Any) -> tuple[str, dict[str, Any]]:
    """Name and options of a component that is written as `name` or `{name: options}`. Raises EarmarkError otherwise."""
    if isinstance(value, str):
        value = {value: None}
    if not isinstance(value, Mapping) or len(value) != 1:
        raise EarmarkError(f"{where}: {value!r} is no component; write a name, or {{name: options}}")
    name, options = next(iter(value.items()))
    if not isinstance(options, Mapping | None):
        remedy = (
            f"write a mapping, {{option: value}}, or, if {name} is an option, the component's name before it: "
            f"{{name: {{{name}: {options!r}}}}}"
        )
        raise EarmarkError(f"{where}: {options!r} are no options of {name}; {remedy}")
    return name, dict(options or {})


def bind(where: str, cls: type, options: Mapping[str, Any], given: int = 0) -> dict[str, Any]:
    """The options of a class as plain JSON values, with the constructor's defaults filled in and all types checked.

    Args:
        where: beginning of error messages: the place in a recipe, or the name of the component
        given: how many of the first parameters are no options, since the engine passes them
    Raises:
        EarmarkError: an option is unknown, missing, of the wrong type, or JSON cannot hold it
    """
    signature = inspect.signature(cls).parameters.values()
    known = {p.name: p for p in list(signature)[given:] if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    open_ended = any(p.kind is p.VAR_KEYWORD for p in signature)
    for key in options:
        if key not in known and not open_ended:
            raise EarmarkError(f"{where}: {unknown('option', key, known)}")
    for name, parameter in known.items():
        if parameter.default is parameter.empty and name not in options:
            raise EarmarkError(f"{where}: {cls.__name__} needs the option '{name}'; give it")
    hints = _hints(cls)
    bound = {name: parameter.default for name, parameter in known.items()} | dict(options)
    # None is accepted where it is the default, whatever the annotation says.
    return {
        name: None
        if value is None and name in known and known[name].default is None
        else _checked(f"{where}: option '{name}'", hints.get(name, Any), value)
        for name, value in bound.items()
    }


@contextmanager
def reported(where: str) -> Iterator[None]:
    """Turn any exception inside, while a component is found or built, into an EarmarkError that begins with `where`."""
    try:
        yield
    except EarmarkError as error:
        raise EarmarkError(f"{where}: {error}") from error
    except (Exception, SystemExit) as error:  # a constructor may be anyone's
        reason = shorten(f"{type(error).__name__}: {error}", 240)
        raise EarmarkError(
            f"{where}: cannot be built ({reason}); change its options, or fix its constructor"
        ) from error


def _checked(where: str, kind: Any, value: Any) -> Any:
    """A value of the annotated type as JSON has it.

    Neither '8', true nor NaN is a number; a path becomes its text, a tuple a list, and 1 a float where one is wanted.
    """
    adapter = _adapter(kind)
    try:
        return adapter.dump_python(
            adapter.validate_json(json.dumps(value, allow_nan=False, default=os.fspath), strict=True), mode="json"
        )
    except ValidationError as error:
        first = error.errors()[0]
        place = "".join(f"[{part}]" for part in first["loc"] if isinstance(part, int))
        raise EarmarkError(f"{where}{place}: {first['msg']}; it is {value!r}") from error
    except (TypeError, ValueError, RecursionError) as error:
        raise EarmarkError(
            f"{where}: {shorten(repr(value), 80)} is no plain value; write finite numbers, words, truth values, lists "
            "or mappings"
        ) from error


def _adapter(kind: Any) -> TypeAdapter[Any]:
    try:
        return TypeAdapter(kind, config=ConfigDict(arbitrary_types_allowed=True))
    except Exception:  # a model type brings its own configuration
        return TypeAdapter(kind)


def _hints(cls: Any) -> dict[str, Any]:
    try:
        return get_type_hints(cls.__init__, include_extras=True)
    except NameError:  # a user's annotation may name what cannot be resolved
        return {}
