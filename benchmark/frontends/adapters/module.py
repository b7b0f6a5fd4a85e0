"""Any torch module from audio (batch, 1, time) to audio (batch, 1, time) or (batch, time)."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from benchmark import registry
from benchmark.contracts import SAMPLE_RATE, FrontEnd
from benchmark.errors import EarmarkError
from benchmark.options import bind


class ModuleAdapter(FrontEnd):
    """Wraps a module that was not written for this suite; it gets one ear at a time.

    If the module has attributes `sample_rate`, `pretrained_on` or `causal`, they are the front-end's.
    """

    def __init__(self, module: str | nn.Module, options: Mapping[str, Any] | None = None) -> None:
        """Wrap or build the module.

        Args:
            module: a module, or "path/to/file.py:Class", which is then built with `options`
            options: of the class
        Raises:
            EarmarkError: it cannot be built, is no torch.nn.Module, or its sample_rate is not a positive integer
        """
        super().__init__()
        if isinstance(module, str):
            cls = registry.load("front_ends", module)
            module = cls(**bind(module, cls, options or {}))
        if not isinstance(module, nn.Module):
            raise EarmarkError(
                f"{type(module).__name__}: not a torch.nn.Module; a front-end is one, from audio to audio"
            )
        self.module = module
        self.pretrained_on = str(getattr(module, "pretrained_on", ""))
        rate = getattr(module, "sample_rate", SAMPLE_RATE)
        if not isinstance(rate, int) or rate < 1:
            raise EarmarkError(
                f"{type(module).__name__}: its sample_rate is {rate!r}; set a whole number of Hz, as 16000"
            )
        self.sample_rate = rate

    @property
    def causal(self) -> Any:
        """The module's own claim to be causal; None if it makes none."""
        return getattr(self.module, "causal", None)

    def forward(self, audio: Tensor) -> Tensor:
        """Enhance (batch, 1, time); EarmarkError if the module returns another shape."""
        enhanced = self.module(audio)
        if isinstance(enhanced, Tensor) and enhanced.shape == audio.shape[::2]:
            enhanced = enhanced[:, None]
        if not isinstance(enhanced, Tensor) or enhanced.shape != audio.shape:
            got = tuple(enhanced.shape) if isinstance(enhanced, Tensor) else type(enhanced).__name__
            raise EarmarkError(
                f"{type(self.module).__name__}: returned {got} for audio of shape {tuple(audio.shape)}; return audio "
                "of the same shape"
            )
        return enhanced
