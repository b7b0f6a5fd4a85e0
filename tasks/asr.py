"""Speech recognition: the words and characters of an utterance."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchmark.contracts import Task
from benchmark.errors import EarmarkError
from benchmark.scores.text import CER, WER, character_error_rate, errors, normalise, word_error_rate


class ASR(Task):
    """Word and character error rate of the hypotheses, both texts normalised by scores.text.normalise.

    Args:
        schema: `alphabet`, the characters of the normalised column `text`; `words`, a lexicon that some decoders use
    """

    model = "crnn_ctc"
    asks = "text"
    whole = True
    figures = {"wer": WER, "cer": CER}

    def __init__(self, schema: Mapping[str, Any]) -> None:
        super().__init__(schema)
        if not schema.get("alphabet"):
            raise EarmarkError(
                "its corpus has no transcripts (`alphabet` is not in its schema); choose one that has, such as "
                "librispeech"
            )
        self.alphabet = "".join(schema["alphabet"])

    def check(self, row: Mapping[str, Any]) -> None:
        """Raise ValueError unless the transcript has words, all in characters of the alphabet."""
        if row.get("text") is None:
            raise ValueError("it has no transcript; write one, or remove the recording from the corpus")
        text = normalise(row["text"])
        if not text:
            raise ValueError(f"the transcript '{row['text']}' holds no word")
        if foreign := sorted(set(text) - set(self.alphabet)):
            raise ValueError(
                f"the transcript '{row['text']}' holds {' '.join(foreign)}, which the corpus's alphabet "
                f"'{self.alphabet}' lacks"
            )

    def collate(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """`text`: the normalised transcripts, a list of strings."""
        return {"text": [normalise(row["text"]) for row in rows]}

    def reference(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The transcript, as the corpus writes it."""
        return {"text": row["text"]}

    def score(self, predictions: pd.DataFrame, references: pd.DataFrame) -> pd.DataFrame:
        """Columns word_errors, words, character_errors, characters."""
        return errors(references["text"], predictions["text"])

    def floor(self, references: pd.DataFrame) -> pd.DataFrame:
        """The columns of empty hypotheses: every word and character is an error."""
        return errors(references["text"], [""] * len(references))

    @staticmethod
    def summarise(sums: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Word and character error rate."""
        return {"wer": word_error_rate(sums), "cer": character_error_rate(sums)}
