"""The linear prescription NAL-R as a front-end: gains that depend on the audiogram alone."""

import torch

from benchmark.contracts import SAMPLE_RATE, Enhanced, FrontEnd, Heard
from benchmark.hearing.filters import interpolated, linear_phase
from benchmark.hearing.prescriptions import NAL_R_HZ, nal_r

_TAPS = 81  # as in the Clarity challenges' baselines
_GRID = 257  # frequencies from 0 to the Nyquist frequency at which the filter is designed


class NalR(FrontEnd):
    """A linear-phase filter for each ear with the gains of benchmark.hearing.prescriptions.nal_r.

    It is designed by frequency sampling with a Hamming window, and its delay of 2.5 ms is removed. Between the
    prescribed frequencies, gains in dB are linear over frequency; beyond them they are held. `gain` dB are added at all
    frequencies.
    """

    channels = None
    needs = frozenset({"listener"})
    controls = {"gain": 0.0}

    def __init__(self, gain: float = 0.0) -> None:
        """`gain`: dB in addition to the prescription, to tell the effect of mere gain from that of a system."""
        super().__init__()
        self.controls = {"gain": gain}

    def process(self, heard: Heard, **controls: float) -> Enhanced:
        """Amplify (batch, channels, time) for thresholds (batch, channels, 10)."""
        if heard.listener is None:
            raise ValueError("nal_r needs a listener")
        gains = nal_r(heard.listener) + {**self.controls, **controls}["gain"]
        hertz = torch.linspace(0, SAMPLE_RATE / 2, _GRID, dtype=gains.dtype, device=gains.device)
        taps = linear_phase(10 ** (interpolated(gains, gains.new_tensor(NAL_R_HZ), hertz) / 20), _TAPS)
        batch, channels, time = heard.audio.shape
        ears = heard.audio.reshape(1, batch * channels, time)
        output = torch.nn.functional.conv1d(
            ears, taps.reshape(-1, 1, _TAPS), padding=_TAPS // 2, groups=batch * channels
        )
        return Enhanced(output.reshape(heard.audio.shape))
