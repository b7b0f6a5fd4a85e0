"""A component's options, bound to its constructor's signature: defaults stand there and nowhere else."""

import inspect
from collections.abc import Mapping
from typing import Any, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from benchmark.errors import EarmarkError, unknown


def bind(where: str, cls: type, options: Mapping[str, Any], given: int = 0) -> dict[str, Any]:
    """Options with the constructor's defaults filled in and its types checked; the first `given` parameters are the engine's own.

    Raises EarmarkError, one line that begins with `where`, for an unknown option ("did you mean"), a missing one or a wrong type.
    """
    parameters = [p for p in list(inspect.signature(cls).parameters.values())[given:] if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    open_ended = any(p.kind is p.VAR_KEYWORD for p in inspect.signature(cls).parameters.values())
    known = {p.name: p for p in parameters}
    for key in options:
        if key not in known and not open_ended:
            raise EarmarkError(f"{where}: {unknown('option', key, known)}")
    for parameter in parameters:
        if parameter.default is parameter.empty and parameter.name not in options:
            raise EarmarkError(f"{where}: {cls.__name__} needs the option '{parameter.name}'")
    hints = _hints(cls)
    bound = {p.name: p.default for p in parameters}
    for key, value in options.items():
        bound[key] = _checked(f"{where}: option '{key}'", hints.get(key, Any), value)
    return bound


def _checked(where: str, kind: Any, value: Any) -> Any:
    try:
        return _adapter(kind).validate_python(value)
    except ValidationError as error:
        hint = " (YAML reads yes, no, on and off as truth values: put them in quotes)" if _has_truth(value) else ""
        raise EarmarkError(f"{where}: {error.errors()[0]['msg']}; it is {value!r}{hint}") from error


def _adapter(kind: Any) -> TypeAdapter[Any]:
    try:
        return TypeAdapter(kind, config=ConfigDict(arbitrary_types_allowed=True))
    except Exception:  # a model type brings its own configuration
        return TypeAdapter(kind)


def _hints(cls: type) -> dict[str, Any]:
    try:
        return get_type_hints(vars(cls).get("__init__", cls))
    except NameError:  # a user's annotation that cannot be resolved is no reason to refuse the class
        return {}


def _has_truth(value: Any) -> bool:
    return isinstance(value, bool) or (isinstance(value, list) and any(isinstance(entry, bool) for entry in value))
