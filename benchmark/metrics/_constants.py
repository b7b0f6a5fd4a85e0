"""A cache for constant tensors that can be used in any autograd mode."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any

import torch


def constant(maxsize: int | None = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Cache the last `maxsize` results of a function with hashable arguments; None for no limit.

    The function runs outside inference mode, since tensors made in inference mode cannot be used for gradients.
    """

    def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
        @lru_cache(maxsize)
        @wraps(function)
        def made(*arguments: object) -> Any:
            with torch.inference_mode(False):
                return function(*arguments)

        return made

    return decorated
