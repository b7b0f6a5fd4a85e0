"""How differently two sounds are heard: the mean distance of what the auditory model makes of them, per example."""

import torch
from torch import Tensor, nn

from benchmark.hearing.auditory_model import AuditoryModel


class AuditoryLoss(nn.Module):
    """Mean over channels and time of |AM(processed; audiogram) - AM(reference; normal ear)|, (batch,), 0 or more.

    With the processed sound for an impaired ear and the reference for a normal one this asks a device to make up for a
    loss (Gonzalez et al., arXiv 2507.09372, train with it or its square); with audiogram None both are heard by a
    normal ear. The absolute value is our default's choice.
    """

    def __init__(self) -> None:
        super().__init__()
        self.model = AuditoryModel()

    def forward(self, processed: Tensor, reference: Tensor, lengths: Tensor, audiogram: Tensor | None = None) -> Tensor:
        """Signals (batch, time) at 16 kHz, rms 1.0 at 100 dB SPL; lengths (batch,); audiogram (batch, 10) in dB HL. The
        reference gets no gradient.
        """
        with torch.no_grad():
            wanted = self.model(reference)
        valid = torch.arange(processed.shape[-1], device=lengths.device) < lengths[:, None]
        difference = (self.model(processed, audiogram) - wanted).abs().mean(1)
        return (difference * valid).sum(-1) / lengths.clamp(min=1)
