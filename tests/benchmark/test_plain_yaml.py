"""YAML of recipes, cards and --option: the scalars of YAML 1.2, and limits."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.plain_yaml import DEEPEST, LONGEST, MOST, dump, load, parse

WORDS = st.text(st.characters(exclude_categories=["Cc", "Cs"]))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1.5E3", 1500.0),
        (".5", 0.5),
        ("010", 10),
        ("-010", -10),
        ("0o10", 8),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("[yes, no, on, off]", ["yes", "no", "on", "off"]),
        ("[true, False]", [True, False]),
        ("~", None),
        ("", None),
        ("=", "="),
        ("2024-01-01", datetime.date(2024, 1, 1)),
        ("{a: &x [1], b: *x}", {"a": [1], "b": [1]}),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text, value):
    found = parse(text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), f"nested deeper than {DEEPEST}"),
        ("[" + "1," * MOST + "]", f"more than {MOST} values"),
        ("#" + "x" * LONGEST, f"longer than {LONGEST}"),
        ("&a [*a]", "an alias stands inside what it stands for"),
        ("9223372036854775808", "beyond 64 bits"),
        ("9" * 5000, "beyond 64 bits"),
        ('"\\ud800"', "is no text"),
        ("\ud800", "special characters are not allowed"),
        ("{a: 1, a: 2}", "the key 'a' occurs twice"),
        ("2024-13-45", "month must be in 1..12"),
        ("!!timestamp x", "attribute"),
        ("!!python/name:os.system", "could not determine a constructor"),
        ("a\n--- b", "another document"),
    ],
)
def test_what_nobody_writes_by_hand_is_refused(text, message):
    with pytest.raises(ValueError, match=message) as error:
        parse(text)
    assert "\n" not in str(error.value)


def test_what_is_nested_as_deep_as_may_be_is_read():
    assert parse("[" * (DEEPEST - 1) + "1" + "]" * (DEEPEST - 1))


@given(st.dictionaries(WORDS, WORDS | st.floats(allow_nan=False) | st.booleans() | st.integers(-(2**62), 2**62)))
def test_what_is_written_is_read_back(value):
    assert parse(dump(value)) == value


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path):
    (tmp_path / "x.yaml").write_text("\ufeffa: 1\n", encoding="utf-8")
    assert load(tmp_path / "x.yaml") == {"a": 1}
    with pytest.raises(ValueError, match="it is no file"):
        load(tmp_path)
