"""What task models share that classify utterances."""

from typing import Any

import torch.nn.functional as F
from torch import Tensor

from benchmark.contracts import Batch, Task, TaskModel


class Classifier(TaskModel):
    """A classifier trained by cross entropy. A subclass defines `forward`, which gives logits, (batch, classes)."""

    answers = "classes"

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.classes = list(task.schema["classes"])

    def loss(self, output: Tensor, batch: Batch) -> Tensor:
        """Cross entropy in nats, (batch,)."""
        return F.cross_entropy(output.float(), batch.labels["label"], reduction="none")

    def predict(self, output: Tensor, batch: Batch) -> list[dict[str, Any]]:
        """`label`, the most probable class, and `log_probability`, the true class's, in nats."""
        true = -self.loss(output, batch)
        best = output.argmax(-1).tolist()
        return [
            {"label": self.classes[index], "log_probability": p} for index, p in zip(best, true.tolist(), strict=True)
        ]
