"""Tensors that are computed once and kept, whether the first call runs in inference mode or not."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any

import torch


def constant(maxsize: int | None = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator that keeps the last `maxsize` results of a function of hashable arguments; None: all of them.

    They are computed outside inference mode, since a tensor made there cannot take part in a gradient.
    """

    def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
        @lru_cache(maxsize)
        @wraps(function)
        def made(*arguments: object) -> Any:
            with torch.inference_mode(False):
                return function(*arguments)

        return made

    return decorated
