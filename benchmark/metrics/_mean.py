"""The mean of a metric over utterances, as torchmetrics keeps it."""

import torch
from torch import Tensor
from torchmetrics import Metric


class UtteranceMean(Metric):
    """A subclass writes `update`, which gives its values to `add`; a NaN among them makes the mean NaN."""

    full_state_update = False
    higher_is_better = True
    is_differentiable = True
    total: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("count", torch.tensor(0), dist_reduce_fx="sum")

    def add(self, values: Tensor) -> None:
        """Count a value for each utterance, (batch,)."""
        self.total = self.total + values.sum()
        self.count = self.count + len(values)

    def compute(self) -> Tensor:
        """The mean so far; NaN before the first utterance."""
        return self.total / self.count
