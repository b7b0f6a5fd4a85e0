"""Nothing: the audio as it is heard, the baseline of every comparison."""

from torch import Tensor

from benchmark.contracts import FrontEnd


class Identity(FrontEnd):
    """Returns its input."""

    channels = None

    def forward(self, audio: Tensor) -> Tensor:
        """(batch, channels, time) to itself."""
        return audio
