"""How much each example matters to the front-end, given its task loss.

In the paper, sample importance comes from the sample-wise performance of the task, "especially to overcome difficult
samples" (Milling et al. 2024, JCST 39(4)). Its equations are not at hand; the four functions are ours. Each turns
losses, (examples,), into positive weights, (examples,). `normalised` scales these to mean 1, so that the front-end's
learning rate keeps its meaning.
"""

import torch
from torch import Tensor


def proportional(losses: Tensor, temperature: float, gamma: float) -> Tensor:
    """The loss itself."""
    return losses


def softmax(losses: Tensor, temperature: float, gamma: float) -> Tensor:
    """Softmax of the losses over `temperature`; the lower that is, the more the hardest example takes."""
    return torch.softmax(losses / temperature, 0)


def rank(losses: Tensor, temperature: float, gamma: float) -> Tensor:
    """The rank of the loss, 1 for the easiest example; ties share their mean rank. Only the order of losses counts."""
    below = (losses[:, None] > losses[None]).sum(1)
    equal = (losses[:, None] == losses[None]).sum(1)
    return below + (equal + 1) / 2


def focal(losses: Tensor, temperature: float, gamma: float) -> Tensor:
    """(1 - p)^gamma with p = exp(-loss): for cross entropy, the probability of the true class (Lin et al. 2017)."""
    return (1 - torch.exp(-losses.clamp_min(0))).pow(gamma)


FUNCTIONS = {function.__name__: function for function in (proportional, softmax, rank, focal)}


def normalised(weights: Tensor) -> Tensor:
    """Weights scaled to mean 1; all 1 if they are all 0."""
    mean = weights.mean()
    return torch.ones_like(weights) if mean == 0 else weights / mean
