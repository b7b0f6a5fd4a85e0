"""Tensors that are computed once and used ever after, in whatever mode the first call came."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any

import torch


def constant(maxsize: int | None = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Remember what a function of hashable arguments returns, the last `maxsize` values; made under inference mode they
    could not be part of a gradient.
    """

    def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
        @lru_cache(maxsize)
        @wraps(function)
        def made(*arguments: object) -> Any:
            with torch.inference_mode(False):
                return function(*arguments)

        return made

    return decorated
