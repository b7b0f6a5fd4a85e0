"""How much an example matters to the front-end, from its task loss.

The paper says that sample importance comes from the sample-wise performance of the task, "especially to overcome
difficult samples" (Milling et al. 2024, JCST 39(4)); its equations are not at hand, so that the four functions are
ours. Each returns positive raw weights over the given losses; `normalised` brings them to mean 1, so that the
front-end's learning rate keeps its meaning.
"""

import torch
from torch import Tensor


def proportional(losses: Tensor, temperature: float, gamma: float) -> Tensor:
    """The loss itself."""
    return losses


def softmax(losses: Tensor, temperature: float, gamma: float) -> Tensor:
    """Softmax of the losses over `temperature`: as it falls, the hardest example takes all."""
    return torch.softmax(losses / temperature, 0)


def rank(losses: Tensor, temperature: float, gamma: float) -> Tensor:
    """1 for the easiest example, 2 for the next, …; blind to how large the losses are. Ties share their mean rank."""
    below = (losses[:, None] > losses[None]).sum(1)
    equal = (losses[:, None] == losses[None]).sum(1)
    return below + (equal + 1) / 2


def focal(losses: Tensor, temperature: float, gamma: float) -> Tensor:
    """(1 - p)^gamma with p = exp(-loss), the probability of the truth for a cross entropy (Lin et al. 2017)."""
    return (1 - torch.exp(-losses.clamp_min(0))).pow(gamma)


FUNCTIONS = {function.__name__: function for function in (proportional, softmax, rank, focal)}


def normalised(weights: Tensor) -> Tensor:
    """Weights of mean 1; all 1 where nothing distinguishes the examples."""
    mean = weights.mean()
    return torch.ones_like(weights) if mean == 0 else weights / mean
