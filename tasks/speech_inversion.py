"""Speech inversion: the movements of the vocal tract and the state of its source, every 10 ms.

Tabatabaee and Espy-Wilson, "Towards noise-robust speech inversion through multi-task learning with speech enhancement"
(2026), estimate such tracks and report Pearson correlation. The treatment of missing values is ours.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from benchmark.contracts import Batch, Task
from benchmark.errors import EarmarkError, unknown
from benchmark.scores.correlation import PEARSON, pearson, varies

# Lip aperture and protrusion; location and degree of the constrictions of tongue tip and tongue body; velopharyngeal
# opening; source features.
VARIABLES = ("LA", "LP", "TTCL", "TTCD", "TBCL", "TBCD", "VP", "periodicity", "aperiodicity", "pitch")
DECIMALS = 3  # that tracks are stored with


class SpeechInversion(Task):
    """Scored by Pearson correlation. A variable may be missing in a corpus, in an utterance or in a frame.

    The correlation of a variable in an utterance is taken over the frames where the target is known; it is averaged
    over utterances, then over variables. That of a constant prediction is 0. Where the target itself is constant or
    unknown, it is undefined, and this variable of this utterance is left out for all systems. A corpus row names its
    `tracks`: a .npy file, float32 (frames, variables), with a frame every 10 ms from the first sample on, and NaN where
    unknown.

    Args:
        schema: `variables`, the columns of the tracks, some of VARIABLES
    """

    model = "bigru"
    asks = "tracks"
    whole = True
    figures = {"pearson": PEARSON, **{f"pearson_{name}": PEARSON for name in VARIABLES}}

    def __init__(self, schema: Mapping[str, Any]) -> None:
        super().__init__(schema)
        if not schema.get("variables"):
            raise EarmarkError(
                "its corpus has no tracks (`variables` is not in its schema); choose one that has, such as "
                "synthetic/articulation"
            )
        self.variables = list(schema["variables"])
        for name in self.variables:
            if name not in VARIABLES:
                raise unknown("variable of speech_inversion", name, VARIABLES)

    def check(self, row: Mapping[str, Any]) -> None:
        """Raise ValueError unless the tracks can be read and have a column for each variable."""
        try:
            shape = _read(row).shape
        except (OSError, ValueError, EOFError) as error:
            raise ValueError(f"the tracks {row['tracks']} cannot be read ({error})") from error
        if len(shape) != 2 or shape[1] != len(self.variables) or not shape[0]:
            raise ValueError(
                f"the tracks {row['tracks']} have the shape {shape}; (frames, {len(self.variables)}) is wanted"
            )

    def collate(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
        """`tracks`: (batch, frames, variables), NaN where unknown and behind each length; `frames`: these, (batch,)."""
        tracks = [torch.from_numpy(_read(row)) for row in rows]
        return {
            "tracks": pad_sequence(tracks, batch_first=True, padding_value=float("nan")),
            "frames": torch.tensor([len(track) for track in tracks]),
        }

    def records(self, predicted: Tensor, batch: Batch) -> list[dict[str, Any]]:
        """Predictions as they are stored, from tracks (batch, frames, variables) on the CPU.

        Each has a list for every variable, as long as the target; `undefined`, the variables whose correlation is
        undefined because of the target; and, if all are, `excluded`, the reason.
        """
        target, frames = batch.labels["tracks"].cpu(), batch.labels["frames"].cpu()
        records = []
        for i, length in enumerate(frames.tolist()):
            varying = varies(np.round(target[i, :length].numpy().T, DECIMALS))
            record = self._stored(predicted[i, :length].numpy()) | {
                "undefined": [name for name, own in zip(self.variables, varying, strict=True) if not own]
            }
            records.append(record | ({} if varying.any() else {"excluded": "no variable of the target varies"}))
        return records

    def reference(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The tracks: a list for each variable, None where unknown."""
        return self._stored(_read(row))

    def _stored(self, tracks: np.ndarray) -> dict[str, Any]:
        columns = np.round(tracks.astype(float), DECIMALS).T.tolist()
        return {
            name: [None if value != value else value for value in column]
            for name, column in zip(self.variables, columns, strict=True)
        }

    def score(self, predictions: pd.DataFrame, references: pd.DataFrame) -> pd.DataFrame:
        """`r:<variable>`, its correlation, and `count:<variable>`, 1; zeros where it is undefined."""
        return self._columns(references, pearson(self._tracks(references), self._tracks(predictions)))

    def floor(self, references: pd.DataFrame) -> pd.DataFrame:
        """The columns of a correlation of 0, wherever it is defined."""
        tracks = self._tracks(references)
        return self._columns(references, pearson(tracks, np.zeros_like(tracks)))

    def _tracks(self, records: pd.DataFrame) -> np.ndarray:
        """Stack records: (utterances, variables, frames), NaN where unknown and behind each length."""
        tracks = np.full((len(records), len(self.variables), records[self.variables[0]].map(len).max()), np.nan)
        for column, name in enumerate(self.variables):
            for row, values in enumerate(records[name]):
                tracks[row, column, : len(values)] = values
        return tracks

    def _columns(self, references: pd.DataFrame, r: np.ndarray) -> pd.DataFrame:
        counts = {f"count:{name}": (~np.isnan(r[:, column])).astype(int) for column, name in enumerate(self.variables)}
        sums = {f"r:{name}": np.nan_to_num(r[:, column]) for column, name in enumerate(self.variables)}
        return pd.DataFrame(sums | counts, references.index)

    @staticmethod
    def summarise(sums: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The mean correlation of each variable that the corpus has, and the mean of those that are defined."""
        with np.errstate(invalid="ignore"):
            means = {
                f"pearson_{name}": np.divide(sums[f"r:{name}"], sums[f"count:{name}"])
                for name in VARIABLES
                if f"r:{name}" in sums
            }
            stacked = np.stack(list(means.values()))
            overall = np.divide(np.nan_to_num(stacked).sum(0), (~np.isnan(stacked)).sum(0))
        return {"pearson": overall, **means}


def _read(row: Mapping[str, Any]) -> np.ndarray:
    return np.load(row["tracks"], allow_pickle=False).astype(np.float32, copy=False)
