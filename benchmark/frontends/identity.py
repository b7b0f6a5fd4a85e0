"""No processing: the audio as it is, the baseline of every comparison."""

from torch import Tensor

from benchmark.contracts import FrontEnd


class Identity(FrontEnd):
    """Returns its input."""

    channels = None

    def forward(self, audio: Tensor) -> Tensor:
        """Return the audio, (batch, channels, time)."""
        return audio
