"""How the losses of tasks that train one front-end are weighed against each other: detached losses, (tasks,), to
positive weights.
"""

import torch
from torch import Tensor


def equal(losses: Tensor) -> Tensor:
    """All alike."""
    return torch.ones_like(losses)


def uncertainty(losses: Tensor) -> Tensor:
    """The inverse of each loss.

    Kendall et al., "Multi-Task Learning Using Uncertainty to Weigh Losses", CVPR 2018, minimise exp(-s) loss + s over a
    learned s for each task. Here s stands at its optimum, log(loss), in every step, so that nothing is learned and
    nothing has to be resumed: each term is 1, and a task that is nearly solved takes nothing from the others. That is
    our choice, and so is the smallest loss that counts, 0.01.
    """
    return 1 / losses.clamp_min(0.01)


BALANCES = {function.__name__: function for function in (equal, uncertainty)}
