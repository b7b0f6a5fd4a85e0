"""What a task model made of a sound, as pages show it: words with their errors, a label, or values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jiwer

from benchmark.results.board_rows import BoardRow
from benchmark.scores.text import normalise

# hit, substitute, delete or insert; the word that was said; the word that was understood
Words = list[tuple[str, str, str]]


@dataclass(frozen=True)
class Understood:
    """One stored prediction: the reason of a failure, or words, or a label, or values."""

    who: tuple[str, str]
    track: str
    failed: str = ""
    words: Words | None = None
    label: str = ""
    right: bool = False
    values: Mapping[str, float] | None = None

    @property
    def errors(self) -> int:
        """How many words are wrong, missing or too many."""
        return sum(kind != "hit" for kind, _, _ in self.words or [])


def understood(row: BoardRow, entry: Mapping[str, Any]) -> Understood:
    """What a row's model made of a scene.

    Args:
        entry: as `evaluate` yielded it; tracks of speech inversion, which are lists, are not shown
    """
    reference, prediction = entry["reference"], entry["prediction"]
    if entry["failed"] is not None:
        return Understood(row.name, row.track, failed=str(entry["failed"]))
    if "text" in reference:
        return Understood(row.name, row.track, words=aligned(reference["text"], prediction["text"]))
    if "label" in reference:
        return Understood(
            row.name, row.track, label=str(prediction["label"]), right=prediction["label"] == reference["label"]
        )
    return Understood(
        row.name,
        row.track,
        values={name: value for name, value in prediction.items() if isinstance(value, int | float)},
    )


def aligned(reference: str, hypothesis: str) -> Words:
    """Two transcripts word by word, normalised as they are for scoring."""
    said, heard = normalise(reference).split(), normalise(hypothesis).split()
    if not said:
        return [("insert", "", word) for word in heard]
    words: Words = []
    for chunk in jiwer.process_words(" ".join(said), " ".join(heard)).alignments[0]:
        kind = "hit" if chunk.type == "equal" else chunk.type
        left, right = said[chunk.ref_start_idx : chunk.ref_end_idx], heard[chunk.hyp_start_idx : chunk.hyp_end_idx]
        words += [(kind, *pair) for pair in zip(left or [""] * len(right), right or [""] * len(left), strict=True)]
    return words
