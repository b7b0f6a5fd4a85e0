"""Options bound to a constructor's signature."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pytest

from benchmark.errors import EarmarkError
from benchmark.options import Size, bind, named, reported


class Component:
    def __init__(self, schema: dict, size: int = 3, mask: Literal["a", "b"] = "a", rate: float = 1.0) -> None:
        pass


class Sized:
    def __init__(
        self,
        size: Size = 3,
        folder: Path = Path("a"),
        widths: Sequence[int] = (1, 2),
        rate: float = 1,
        limit: int = None,  # noqa: RUF013 (a default of None stands for itself)
    ) -> None:  # type: ignore
        pass


class Inherited(Sized):
    pass


class Open:
    def __init__(self, **options: int) -> None:
        pass


def test_defaults_stand_in_the_signature():
    assert bind("x", Component, {"rate": 2}, given=1) == {"size": 3, "mask": "a", "rate": 2.0}
    assert bind("x", Open, {"anything": 1}) == {"anything": 1}


def test_options_are_what_json_holds():
    defaults = bind("x", Inherited, {})
    assert defaults == {"size": 3, "folder": "a", "widths": [1, 2], "rate": 1.0, "limit": None}
    assert isinstance(defaults["rate"], float)
    for values in (defaults, {"folder": Path("a"), "widths": (1, 2), "rate": 1}):
        assert repr(bind("x", Inherited, values)) == repr(defaults)


@pytest.mark.parametrize(
    ("options", "given", "message"),
    [
        ({"sizes": 1}, 1, "x: unknown option 'sizes'; did you mean 'size'?"),
        ({"size": "many"}, 1, "x: option 'size': Input should be a valid integer"),
        ({"mask": "c"}, 1, "x: option 'mask': Input should be 'a' or 'b'"),
        ({}, 0, "x: Component needs the option 'schema'; give it"),
        ({"size": "8"}, 1, "x: option 'size': Input should be a valid integer; it is '8'"),
        ({"size": True}, 1, "x: option 'size': Input should be a valid integer; it is True"),
        ({"size": None}, 1, "x: option 'size': Input should be a valid integer; it is None"),
        ({"rate": float("nan")}, 1, "x: option 'rate': nan is no plain value"),
        ({"rate": {1, 2}}, 1, "x: option 'rate': {1, 2} is no plain value"),
    ],
)
def test_what_is_wrong_is_one_line(options, given, message):
    with pytest.raises(EarmarkError) as caught:
        bind("x", Component, options, given)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 0}, "x: option 'size': Input should be greater than or equal to 1; it is 0"),
        ({"size": 10**9}, "x: option 'size': Input should be less than or equal to 16384"),
        ({"widths": [1, 2.5]}, "x: option 'widths'[1]: Input should be a valid integer"),
    ],
)
def test_bounds_stand_in_the_signature(options, message):
    with pytest.raises(EarmarkError) as caught:
        bind("x", Inherited, options)
    assert str(caught.value).startswith(message)


def test_a_default_that_json_cannot_hold_is_refused():
    class Odd:
        def __init__(self, kind=object) -> None:
            pass

    with pytest.raises(
        EarmarkError, match="x: option 'kind': <class 'object'> is no plain value; write finite numbers"
    ):
        bind("x", Odd, {})


def test_a_name_with_options():
    assert named("x", "a") == named("x", {"a": None}) == named("x", {"a": {}}) == ("a", {})
    assert named("x", {"a": {"b": 1}}) == ("a", {"b": 1})
    for wrong in (3, None, [], {}, {"a": {}, "b": {}}):
        with pytest.raises(EarmarkError, match=r"x: .* is no component; write a name, or"):
            named("x", wrong)
    for wrong in (0, "b", [1]):
        with pytest.raises(EarmarkError, match=r"x: .* are no options of a; write a mapping"):
            named("x", {"a": wrong})
    with pytest.raises(
        EarmarkError, match=r"if path is an option, the component's name before it: {name: {path: 'enhanced'}}$"
    ):
        named("front_ends.folder", {"path": "enhanced"})


@pytest.mark.parametrize(
    "error", [ValueError, RuntimeError, IndexError, TypeError, KeyError, MemoryError, OSError, SystemExit]
)
def test_what_a_constructor_raises_is_one_line(error):
    with (
        pytest.raises(
            EarmarkError, match=f"^x: cannot be built .{error.__name__}: .*many.*lines.*; change its options"
        ) as caught,
        reported("x"),
    ):
        raise error("many\n  lines")
    assert "\n" not in str(caught.value)
    with pytest.raises(EarmarkError, match=r"^x: as it was$"), reported("x"):
        raise EarmarkError("as it was")
