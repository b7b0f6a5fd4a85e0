"""The linear prescription NAL-R, as a front-end: it hears with the listener and amplifies, whatever comes."""

import torch
from torch import Tensor

from benchmark.contracts import SAMPLE_RATE, Enhanced, FrontEnd, Heard
from benchmark.hearing.prescriptions import NAL_R_HZ, nal_r

_TAPS = 81  # as in the Clarity challenges' baselines
_GRID = 257  # frequencies from 0 to the Nyquist rate at which the filter is designed


class NalR(FrontEnd):
    """A filter of linear phase for each ear, designed by frequency sampling with a Hamming window; its delay of 2.5 ms is taken out again.

    The gains of benchmark.hearing.prescriptions.nal_r, in dB linear over frequency between theirs and held beyond, plus `gain` dB at all frequencies.
    """

    channels = None
    needs = frozenset({"listener"})
    controls = {"gain": 0.0}

    def __init__(self, gain: float = 0.0) -> None:
        """`gain`: dB more than prescribed, at all frequencies: a control that tells a gain's effect from a system's."""
        super().__init__()
        self.controls = {"gain": gain}

    def process(self, heard: Heard, **controls: float) -> Enhanced:
        """Amplify (batch, channels, time) for thresholds (batch, channels, 10)."""
        if heard.listener is None:
            raise ValueError("nal_r needs a listener")
        taps = self._filters(nal_r(heard.listener) + {**self.controls, **controls}["gain"])
        batch, channels, time = heard.audio.shape
        ears = heard.audio.reshape(1, batch * channels, time)
        output = torch.nn.functional.conv1d(ears, taps.reshape(-1, 1, _TAPS), padding=_TAPS // 2, groups=batch * channels)
        return Enhanced(output.reshape(heard.audio.shape))

    @staticmethod
    def _filters(gains: Tensor) -> Tensor:
        """(…, 6) dB at NAL_R_HZ to (…, 81) taps."""
        hertz = torch.linspace(0, SAMPLE_RATE / 2, _GRID, device=gains.device)
        known = gains.new_tensor(NAL_R_HZ)
        right = torch.searchsorted(known, hertz).clamp(1, len(known) - 1)
        share = ((hertz - known[right - 1]) / (known[right] - known[right - 1])).clamp(0, 1)
        magnitude = 10 ** ((gains[..., right - 1] * (1 - share) + gains[..., right] * share) / 20)
        symmetric = torch.fft.irfft(magnitude).roll(_TAPS // 2, -1)[..., :_TAPS]
        return symmetric * torch.hamming_window(_TAPS, periodic=False, device=gains.device)
