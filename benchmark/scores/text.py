"""Word and character error rates as sums over utterances, of normalised text.

Errors are jiwer's minimum edit distances; the figures are functions of sums over any leading dimensions, NaN where
nothing was summed.
"""

import unicodedata
from collections.abc import Mapping, Sequence

import jiwer
import numpy as np
import pandas as pd

from benchmark.contracts import Figure

WER = Figure(0, 1)
CER = Figure(0, 1)


def normalise(text: str) -> str:
    """The text that is scored and trained on; version 1 of this normaliser.

    Unicode NFKC, lower case; letters, marks and digits of any script stay, apostrophes stay (the typographic one
    becomes '), anything else separates words; words are separated by single spaces. Numbers are not spelled out and no
    spelling is changed. The choice of rules is ours.
    """
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).lower()).replace("’", "'")
    return " ".join("".join(c if c == "'" or unicodedata.category(c)[0] in "LMN" else " " for c in text).split())


def errors(references: pd.Series, hypotheses: Sequence[str] | pd.Series) -> pd.DataFrame:
    """Columns word_errors, words, character_errors, characters over the index of `references`; spaces between words are
    characters.
    """
    rows = [
        _errors(normalise(reference), normalise(hypothesis))
        for reference, hypothesis in zip(references, hypotheses, strict=True)
    ]
    return pd.DataFrame(rows, references.index, ["word_errors", "words", "character_errors", "characters"])


def word_error_rate(sums: Mapping[str, np.ndarray]) -> np.ndarray:
    """Errors over words: 0 is perfect, above 1 where more was inserted than was said."""
    return _ratio(sums["word_errors"], sums["words"])


def character_error_rate(sums: Mapping[str, np.ndarray]) -> np.ndarray:
    """Errors over characters, as word_error_rate."""
    return _ratio(sums["character_errors"], sums["characters"])


def _errors(reference: str, hypothesis: str) -> tuple[int, ...]:
    words, characters = jiwer.process_words(reference, hypothesis), jiwer.process_characters(reference, hypothesis)
    return tuple(
        n
        for o in (words, characters)
        for n in (o.substitutions + o.deletions + o.insertions, o.hits + o.substitutions + o.deletions)
    )


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.divide(part, whole)
