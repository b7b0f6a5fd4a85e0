"""Pure functions from signals, labels and texts to numbers; one family a file."""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Literal

import numpy as np

from benchmark.audio import TINY

if TYPE_CHECKING:
    from benchmark.metrics.haspi import HASPI, haspi
    from benchmark.metrics.hasqi import HASQI, hasqi
    from benchmark.metrics.mbstoi import MBSTOI, mbstoi

__all__ = ["HASPI", "HASQI", "MBSTOI", "Undefined", "check_pair", "haspi", "hasqi", "mbstoi"]


class _Package(ModuleType):
    """The metrics of hearing come with torch and torchmetrics, so they are imported when asked for; a function stands
    where `import` would put its file.
    """


def _asked_for(name: str) -> property:
    def found(package: ModuleType) -> object:
        return getattr(import_module(f"{__name__}.{name.lower()}"), name)

    return property(found, lambda package, file: None)


for _name in ("haspi", "HASPI", "hasqi", "HASQI", "mbstoi", "MBSTOI"):
    setattr(_Package, _name, _asked_for(_name))
sys.modules[__name__].__class__ = _Package


class Undefined(ValueError):
    """A metric has no value on this utterance; `fault` says through whom."""

    def __init__(self, reason: str, fault: Literal["reference", "estimate"]) -> None:
        super().__init__(reason)
        self.fault = fault


def check_pair(reference: np.ndarray, estimate: np.ndarray) -> None:
    """Raise Undefined where (time,) and (time,) differ in length, or where either is silent or not finite."""
    if not np.square(reference).sum() > TINY * len(reference):  # also where there is nothing at all
        raise Undefined("the reference is silent", "reference")
    if len(estimate) != len(reference):
        raise Undefined(f"the output has {len(estimate)} samples, the reference {len(reference)}", "estimate")
    if not np.isfinite(estimate).all():
        raise Undefined("the output is not finite", "estimate")
    if not np.square(estimate).sum() > TINY * len(estimate):
        raise Undefined("the output is silent", "estimate")
