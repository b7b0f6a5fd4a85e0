"""Auditory loss: how differently two sounds are heard, by the distance of their auditory-model outputs."""

import torch
from torch import Tensor, nn

from benchmark.hearing.auditory_model import AuditoryModel


class AuditoryLoss(nn.Module):
    """Mean over channels and time of |AM(processed; audiogram) - AM(reference; normal ear)|, where AM is AuditoryModel.

    With the processed sound heard by an impaired ear and the reference by a normal ear, it measures how well a device
    compensates for a hearing loss. Gonzalez et al. (arXiv 2507.09372) train with this loss or its square; the choice of
    the absolute value is ours.
    """

    def __init__(self) -> None:
        super().__init__()
        self.model = AuditoryModel()

    def forward(self, processed: Tensor, reference: Tensor, lengths: Tensor, audiogram: Tensor | None = None) -> Tensor:
        """The loss per example, (batch,), 0 or more. The reference gets no gradient.

        Args:
            processed, reference: (batch, time) at 16 kHz, where rms 1.0 is 100 dB SPL
            lengths: (batch,) in samples; what follows is not counted
            audiogram: (batch, 10) in dB HL, of the ear that hears `processed`; None for a normal ear
        """
        with torch.no_grad():
            wanted = self.model(reference)
        valid = torch.arange(processed.shape[-1], device=lengths.device) < lengths[:, None]
        difference = (self.model(processed, audiogram) - wanted).abs().mean(1)
        return (difference * valid).sum(-1) / lengths.clamp(min=1)
