import jiwer
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.scores.text import CER, WER, character_error_rate, errors, normalise, word_error_rate

REFERENCES = ["turn left now", "Don't stop!", "seven new books", "one"]
HYPOTHESES = ["turn right now please", "dont stop", "", "one"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  Turn\tLEFT,  now! ", "turn left now"),
        ("don’t — don't", "don't don't"),
        ("well-known_thing", "well known thing"),
        ("ﬁve №５", "five no5"),  # NFKC: a ligature, a sign, a wide digit
        ("Ärger über Öl", "ärger über öl"),
        ("cafe\u0301", "caf\u00e9"),
        ("हिन्दी", "हिन्दी"),  # marks belong to their letters
        ("ශ්\u200dරී", "ශ්රී"),  # a joiner is no end of a word
        ("e\u200d\u0301", "\u00e9"),
        ("Ver\u00adband", "verband"),
        ("?!", ""),
    ],
)
def test_normalise(text: str, expected: str) -> None:
    assert normalise(text) == expected


@given(st.text())
def test_normalise_twice_is_once(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once


def test_rates_are_those_of_jiwer() -> None:
    sums = errors(pd.Series(REFERENCES), HYPOTHESES).sum()
    references, hypotheses = [normalise(text) for text in REFERENCES], [normalise(text) for text in HYPOTHESES]
    assert word_error_rate(sums) == pytest.approx(jiwer.wer(references, hypotheses))
    assert character_error_rate(sums) == pytest.approx(jiwer.cer(references, hypotheses))


def test_errors_by_hand() -> None:
    table = errors(pd.Series(REFERENCES, index=list("abcd")), HYPOTHESES)
    assert table.loc["a"].tolist()[:2] == [2, 3]  # one substituted, one inserted
    assert table.loc["b"].tolist() == [1, 2, 1, 10]  # the apostrophe
    assert table.loc["c"].tolist() == [3, 3, 15, 15]
    assert table.loc["d"].tolist() == [0, 1, 0, 3]


def test_rates_keep_leading_dimensions_and_may_exceed_one() -> None:
    sums = {"word_errors": np.array([[1.0, 6.0], [0.0, 0.0]]), "words": np.array([[4.0, 3.0], [2.0, 0.0]])}
    np.testing.assert_array_equal(word_error_rate(sums), [[0.25, 2.0], [0.0, np.nan]])


def test_nothing_said_gives_no_table_rows() -> None:
    assert errors(pd.Series([], dtype=object), []).shape == (0, 4)


def test_less_is_better() -> None:
    assert WER.sign == CER.sign == -1
    assert WER.floor == 1
