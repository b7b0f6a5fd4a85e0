"""Names of conditions: what is written is read back, whatever the axes and their order."""

from itertools import permutations

import pytest

from benchmark.conditions import (
    AXES,
    CLEAN,
    RECORDED,
    SNR,
    clean_first,
    condition_name,
    condition_values,
    is_clean,
    owned,
    readable,
)
from benchmark.errors import EarmarkError

VALUES = {"snr": "snr_-5", "room": "hall", "azimuth": "azimuth_30", "listener": "N3"}


@pytest.mark.parametrize("axes", [order for count in range(1, 5) for order in permutations(AXES, count)])
def test_a_name_is_read_back_whatever_the_order_of_its_axes(axes):
    values = {axis: VALUES[axis] for axis in axes}
    name = condition_name(VALUES, axes)
    assert name == " ".join(VALUES[axis] for axis in axes)
    assert condition_values(name, axes) == values


@pytest.mark.parametrize(
    ("name", "axes", "values"),
    [
        ("clean", ("snr",), {"snr": "clean"}),
        ("snr_2.5", ("snr",), {"snr": "snr_2.5"}),
        ("recorded", ("snr",), {"snr": "recorded"}),
        ("snr_5 N3", ("snr", "listener"), {"snr": "snr_5", "listener": "N3"}),
        ("N3", ("snr", "listener"), {"listener": "N3"}),  # a recording without an SNR
        ("snr_5", ("listener", "snr"), {"snr": "snr_5"}),
        ("hall clean N3", ("room", "snr", "listener"), {"room": "hall", "snr": "clean", "listener": "N3"}),
        ("clean azimuth_-30", ("snr", "azimuth"), {"snr": "clean", "azimuth": "azimuth_-30"}),
        ("clean N2", ("snr",), {"snr": "clean"}),
        ("", ("snr",), {}),
    ],
)
def test_missing_values_leave_the_others_where_they_belong(name, axes, values):
    assert condition_values(name, axes) == values


@pytest.mark.parametrize(
    ("snr", "text", "shown"),
    [
        (CLEAN, "clean", "clean"),
        (RECORDED, "recorded", "recorded"),
        (20, "snr_20", "20 dB"),
        (-5.0, "snr_-5", "−5 dB"),
        (2.5, "snr_2.5", "2.5 dB"),
    ],
)
def test_how_an_snr_is_written_and_shown(snr, text, shown):
    assert SNR.text(snr) == text
    assert readable(text) == shown.replace(" ", "\N{NO-BREAK SPACE}")


def test_how_other_values_are_written_and_shown():
    assert AXES["azimuth"].text(-30) == "azimuth_-30"
    assert AXES["listener"].text("N3") == "N3"
    assert readable("hall snr_-5 azimuth_-30 N3") == "hall −5\N{NO-BREAK SPACE}dB −30° N3"
    assert readable("snr_odd") == "snr_odd"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("snr_-7.5", -7.5),
        ("clean", float("inf")),
        ("recorded", None),
        ("snr_", None),
        ("snr_nan", None),
        ("5", None),
        ("N3", None),
    ],
)
def test_an_snr_is_read_as_a_number(text, number):
    assert SNR.number(text) == number


def test_values_have_the_order_of_their_axis():
    assert SNR.ordered(["clean", "snr_5", "recorded", "snr_-5", "snr_10", "snr_5"]) == [
        "snr_-5",
        "snr_5",
        "snr_10",
        "clean",
        "recorded",
    ]
    assert AXES["listener"].ordered(["N4", "N3", "N4"]) == ["N4", "N3"]


def test_clean_input_comes_first_wherever_its_axis_stands():
    assert clean_first(["snr_5", "clean", "snr_0", "snr_5"], ("snr",)) == ["clean", "snr_5", "snr_0"]
    names = ["N3 snr_5", "N3 clean", "S2 snr_5", "S2 clean"]
    assert clean_first(names, ("listener", "snr")) == ["N3 clean", "S2 clean", "N3 snr_5", "S2 snr_5"]
    assert clean_first(names, ("listener",)) == names
    assert not is_clean({"listener": "clean"})


def test_an_unknown_axis_is_refused():
    with pytest.raises(EarmarkError, match=r"unknown axis 'listner'; did you mean 'listener'\?"):
        condition_name({"snr": "clean"}, ("snr", "listner"))


def test_axes_have_an_owner():
    assert owned(VALUES | {"amount": 0.5}, "listener") == {"listener": "N3"}
    assert owned(VALUES, "scene") == {"snr": "snr_-5", "room": "hall", "azimuth": "azimuth_30"}
