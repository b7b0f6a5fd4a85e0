"""The mean of a metric over utterances, as torchmetrics keeps it."""

from collections.abc import Callable
from typing import Any

import torch
import torchmetrics
from torch import Tensor


class Mean(torchmetrics.Metric):
    """The mean over utterances of a function with one value for each, for training loops that use torchmetrics.

    `Mean(haspi, level_spl=90.0)` binds an option; `update` takes the batch as the function does. A NaN among the values
    makes the mean NaN, and so it is before the first utterance.
    """

    full_state_update = False
    is_differentiable = True
    total: Tensor
    count: Tensor

    def __init__(self, function: Callable[..., Tensor], **options: Any) -> None:
        """`function`: from tensors to (batch,), such as benchmark.metrics.haspi.haspi; `options`: passed to it."""
        super().__init__()
        self.function, self.options = function, options
        self.add_state("total", torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("count", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, *signals: Tensor, **batch: Tensor) -> None:
        """Add a batch; `batch` are tensors by name, such as lengths."""
        values = self.function(*signals, **batch, **self.options)
        self.total = self.total + values.sum()
        self.count = self.count + values.numel()

    def compute(self) -> Tensor:
        """The mean so far."""
        return self.total / self.count
