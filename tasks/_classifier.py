"""What tasks share that choose one class for an utterance."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmark.contracts import Batch, Task
from benchmark.errors import EarmarkError


class Classifier(Task):
    """One of schema["classes"] by cross entropy; a row's column `label` holds it. A subclass writes `forward`, to
    logits (batch, classes), and `counted`.
    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        super().__init__(schema)
        if not schema.get("classes"):
            raise EarmarkError(
                "its corpus has no labels (`classes` is not in its schema); choose one that has, such as "
                "free_spoken_digits"
            )
        self.classes = list(schema["classes"])

    def check(self, row: Mapping[str, Any]) -> None:
        """A label is one of the classes."""
        if row["label"] not in self.classes:
            raise ValueError(f"label '{row['label']}' is none of the classes {', '.join(self.classes)}")

    def collate(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
        """`label`: indices of classes, (batch,)."""
        return {"label": torch.tensor([self.classes.index(row["label"]) for row in rows])}

    def loss(self, output: Tensor, batch: Batch) -> Tensor:
        """Cross entropy, (batch,)."""
        return F.cross_entropy(output.float(), batch.labels["label"], reduction="none")

    def predict(self, output: Tensor, batch: Batch) -> list[dict[str, Any]]:
        """`label`, the likeliest class, and `log_probability`, that of the true class."""
        true = -self.loss(output, batch)
        return [
            {"label": self.classes[best], "log_probability": p}
            for best, p in zip(output.argmax(-1).tolist(), true.tolist(), strict=True)
        ]

    def reference(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The label."""
        return {"label": row["label"]}

    @abstractmethod
    def counted(self, truth: pd.Series, predicted: pd.Series) -> pd.DataFrame:
        """Additive columns of labels; a prediction of None stands for a failure."""

    def score(self, predictions: pd.DataFrame, references: pd.DataFrame) -> pd.DataFrame:
        """The columns of what was predicted."""
        return self.counted(references["label"], predictions["label"])

    def floor(self, references: pd.DataFrame) -> pd.DataFrame:
        """No hit."""
        return self.counted(references["label"], pd.Series(None, references.index, dtype=object))
