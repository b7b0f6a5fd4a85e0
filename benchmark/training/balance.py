"""How to weight the losses of several tasks that train one front-end.

Each function turns detached losses, (tasks,), into positive weights, (tasks,).
"""

import torch
from torch import Tensor


def equal(losses: Tensor) -> Tensor:
    """All weights 1."""
    return torch.ones_like(losses)


def uncertainty(losses: Tensor) -> Tensor:
    """The inverse of each loss.

    Kendall et al., "Multi-Task Learning Using Uncertainty to Weigh Losses", CVPR 2018, minimise exp(-s) loss + s over a
    learned s for each task. Here s is at its optimum, log(loss), in every step, so there is nothing to learn and
    nothing to resume. Every weighted loss is then 1, and a task that is nearly solved takes nothing from the others.
    That is our choice, and so is the bound of 0.01: a loss below it is weighted as 0.01.
    """
    return 1 / losses.clamp_min(0.01)


BALANCES = {function.__name__: function for function in (equal, uncertainty)}
