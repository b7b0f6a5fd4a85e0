"""Options bound to a constructor's signature."""

from typing import Literal

import pytest

from benchmark.errors import EarmarkError
from benchmark.options import bind


class Component:
    def __init__(self, schema: dict, size: int = 3, mask: Literal["a", "b"] = "a", rate: float = 1.0) -> None:
        pass


class Open:
    def __init__(self, **options: int) -> None:
        pass


def test_defaults_stand_in_the_signature():
    assert bind("x", Component, {"rate": 2}, given=1) == {"size": 3, "mask": "a", "rate": 2.0}
    assert bind("x", Open, {"anything": 1}) == {"anything": 1}


@pytest.mark.parametrize(
    ("options", "given", "message"),
    [
        ({"sizes": 1}, 1, "x: unknown option 'sizes'; did you mean 'size'?"),
        ({"size": "many"}, 1, "x: option 'size': Input should be a valid integer"),
        ({"mask": "c"}, 1, "x: option 'mask': Input should be 'a' or 'b'"),
        ({}, 0, "x: Component needs the option 'schema'"),
    ],
)
def test_what_is_wrong_is_one_line(options, given, message):
    with pytest.raises(EarmarkError) as caught:
        bind("x", Component, options, given)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
