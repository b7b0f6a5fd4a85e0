"""Word and character error rates of normalised text, from counts per utterance.

Errors are jiwer's minimum edit distances. The error rates are functions of sums of these counts, arrays of any shape;
they are NaN where no utterance was summed.
"""

import unicodedata
from collections.abc import Mapping, Sequence

import jiwer
import numpy as np
import pandas as pd

from benchmark.contracts import Figure
from benchmark.scores._ratio import ratio

WER = Figure(0, 1)
CER = Figure(0, 1)


def normalise(text: str) -> str:
    """Normalise a text as it is trained on and scored; version 1 of this normaliser, whose rules are ours.

    Unicode NFKC and lower case. Letters, marks and digits of any script stay, and so do apostrophes (the typographic
    one becomes '). Characters that only steer how their neighbours are written, such as joiners and soft hyphens
    (category Cf), are left out. Anything else separates words, and words are separated by single spaces. Numbers are
    not spelled out, and no spelling is changed.
    """
    text = "".join(c for c in text if unicodedata.category(c) != "Cf")
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).lower()).replace("’", "'")
    return " ".join("".join(c if c == "'" or unicodedata.category(c)[0] in "LMN" else " " for c in text).split())


def errors(references: pd.Series, hypotheses: Sequence[str] | pd.Series) -> pd.DataFrame:
    """Errors and lengths per utterance, after normalisation; spaces between words count as characters.

    Args:
        references: the true text of every utterance
        hypotheses: the recognised texts, in the same order
    Returns:
        columns word_errors, words, character_errors and characters over the index of `references`
    """
    rows = [
        _errors(normalise(reference), normalise(hypothesis))
        for reference, hypothesis in zip(references, hypotheses, strict=True)
    ]
    return pd.DataFrame(rows, references.index, ["word_errors", "words", "character_errors", "characters"])


def word_error_rate(sums: Mapping[str, np.ndarray]) -> np.ndarray:
    """Word error rate: errors over words; 0 is perfect, and insertions can bring it above 1."""
    return ratio(sums["word_errors"], sums["words"])


def character_error_rate(sums: Mapping[str, np.ndarray]) -> np.ndarray:
    """Character error rate: errors over characters, as in word_error_rate."""
    return ratio(sums["character_errors"], sums["characters"])


def _errors(reference: str, hypothesis: str) -> tuple[int, ...]:
    words, characters = jiwer.process_words(reference, hypothesis), jiwer.process_characters(reference, hypothesis)
    return tuple(
        n
        for o in (words, characters)
        for n in (o.substitutions + o.deletions + o.insertions, o.hits + o.substitutions + o.deletions)
    )
