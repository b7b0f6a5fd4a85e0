"""What tasks share that ask for the class of an utterance."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from benchmark.contracts import Task
from benchmark.errors import EarmarkError


class Classification(Task):
    """The class of an utterance, one of schema["classes"]; a row of the corpus has it as `label`.

    The order of the classes is that of the models' logits. A subclass defines `counted` and `summarise`.
    """

    asks = "classes"

    def __init__(self, schema: Mapping[str, Any]) -> None:
        super().__init__(schema)
        if not schema.get("classes"):
            raise EarmarkError(
                "its corpus has no labels (`classes` is not in its schema); choose one that has, such as "
                "free_spoken_digits"
            )
        self.classes = list(schema["classes"])

    def check(self, row: Mapping[str, Any]) -> None:
        """Raise ValueError if the label is not one of the classes."""
        if row["label"] not in self.classes:
            raise ValueError(f"label '{row['label']}' is none of the classes {', '.join(self.classes)}")

    def collate(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
        """`label`: the indices of the classes, (batch,)."""
        return {"label": torch.tensor([self.classes.index(row["label"]) for row in rows])}

    def reference(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The label."""
        return {"label": row["label"]}

    @abstractmethod
    def counted(self, truth: pd.Series, predicted: pd.Series) -> pd.DataFrame:
        """Additive columns from true and predicted labels; a prediction of None is a failure."""

    def score(self, predictions: pd.DataFrame, references: pd.DataFrame) -> pd.DataFrame:
        """The columns of the predictions; see `counted`."""
        return self.counted(references["label"], predictions["label"])

    def floor(self, references: pd.DataFrame) -> pd.DataFrame:
        """The columns without any hit."""
        return self.counted(references["label"], pd.Series(None, references.index, dtype=object))
