"""Costs against counts by hand, and against front-ends whose latency is known."""

import json
import time

import numpy as np
import pytest
import torch
from torch import nn
from torchaudio.functional import lfilter, overdrive

from benchmark.contracts import Enhanced, FrontEnd
from benchmark.costs import count_macs, look_ahead, measure
from benchmark.frontends import build_front_end


class Filter(FrontEnd):
    """A convolution over the next `ahead` samples."""

    def __init__(self, ahead):
        super().__init__()
        self.ahead = ahead
        self.layer = nn.Conv1d(1, 1, ahead + 1)

    def forward(self, audio):
        return self.layer(nn.functional.pad(audio, (0, self.ahead)))


class Frames(FrontEnd):
    """Every frame of 160 samples is divided by its own level."""

    def forward(self, audio):
        frames = nn.functional.pad(audio, (0, -audio.shape[-1] % 160)).unflatten(-1, (-1, 160))
        return (frames / (1 + frames.std(-1, keepdim=True))).flatten(-2)[..., : audio.shape[-1]]


class Normaliser(FrontEnd):
    def forward(self, audio):
        return audio / audio.std(-1, keepdim=True)


class Late(FrontEnd):
    def forward(self, audio):
        return nn.functional.pad(audio, (100, 0))[..., : audio.shape[-1]]


class Aid(FrontEnd):
    channels = None
    needs = frozenset({"listener"})

    def process(self, heard, **controls):
        return Enhanced(heard.audio * heard.listener[..., :1])


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode, torch.enable_grad])
@pytest.mark.parametrize(
    ("module", "shape", "macs"),
    [
        (nn.Linear(8, 3), (2, 8), 2 * 8 * 3),
        (nn.Conv1d(2, 3, 5), (1, 2, 14), 10 * 3 * 2 * 5),
        (nn.Conv1d(4, 4, 3, groups=4), (1, 4, 12), 10 * 4 * 3),
        (nn.ConvTranspose1d(2, 3, 4, stride=2), (1, 2, 10), 10 * 2 * 3 * 4),
        (nn.LSTM(4, 5), (7, 3, 4), 7 * 3 * 4 * 5 * (4 + 5)),
        (nn.LSTM(4, 5, 2, bidirectional=True), (7, 3, 4), 2 * 7 * 3 * 4 * 5 * ((4 + 5) + (10 + 5))),
        (nn.GRU(4, 5, batch_first=True), (3, 7, 4), 7 * 3 * 3 * 5 * (4 + 5)),
        (
            nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval(),
            (1, 6, 8),
            4 * 6 * 8 * 8 + 2 * 6 * 6 * 8 + 2 * 6 * 8 * 16,
        ),
    ],
)
def test_macs_of_layers(module, shape, macs, context):
    with context():
        assert count_macs(lambda: module(torch.randn(shape))) == (macs, [])


def test_macs_of_transforms():
    # 2.5 n log2 n operations for n real points, 5 n log2 n for complex ones, half as many MACs
    real, complex_ = torch.randn(3, 512), torch.randn(3, 64, dtype=torch.complex64)
    assert count_macs(lambda: torch.fft.rfft(real)) == (3 * 2.5 * 512 * 9 // 2, [])
    assert count_macs(lambda: torch.fft.irfft(torch.fft.rfft(real))) == (2 * (3 * 2.5 * 512 * 9 // 2), [])
    assert count_macs(lambda: torch.fft.fft(complex_)) == (3 * 5 * 64 * 6 // 2, [])
    assert count_macs(lambda: torch.fft.fft2(torch.randn(8, 16, dtype=torch.complex64))) == (5 * 128 * 7 // 2, [])
    window = torch.hann_window(512)
    frames = 1 + 4096 // 256
    assert count_macs(lambda: torch.stft(real.new_zeros(4096), 512, 256, window=window, return_complex=True)) == (
        frames * 2.5 * 512 * 9 // 2,
        [],
    )


def test_macs_of_recursive_filters():
    forward, back = torch.tensor([0.1, 0.0, 0.3]), torch.tensor([1.0, -0.9, 0.2])
    assert count_macs(lambda: lfilter(torch.randn(2, 3, 100), back, forward)) == (2 * 3 * 100 * (3 + 2), [])


def test_what_cannot_be_counted_is_named():
    assert count_macs(lambda: overdrive(torch.randn(1, 100)))[1] == ["torchaudio::_overdrive_core_loop"]
    assert any("solve" in name for name in count_macs(lambda: torch.linalg.solve(torch.eye(2), torch.ones(2)))[1])

    assert count_macs(lambda: torch.from_numpy(2 * torch.ones(3).numpy()))[1] == ["arithmetic of NumPy"]
    assert count_macs(lambda: np.asarray(torch.ones(3)))[1] == ["arithmetic of NumPy"]
    assert count_macs(lambda: torch.ones(3).numpy(force=True) + 1)[1] == ["arithmetic of NumPy"]
    assert any(
        "trilinear" in name for name in count_macs(lambda: nn.Bilinear(3, 4, 5)(torch.ones(2, 3), torch.ones(2, 4)))[1]
    )

    class Solver(FrontEnd):
        def forward(self, audio):
            return audio * torch.linalg.solve(torch.eye(2), torch.ones(2)).sum()

    costs = measure(Solver())
    assert costs["macs_per_second"] is None
    assert any("solve" in note for note in costs["notes"])


@pytest.mark.parametrize(
    ("front_end", "samples"),
    [(Filter(0), 0), (Filter(37), 37), (Filter(700), 700), (Frames(), 159), (Late(), 0), (Normaliser(), None)],
)
def test_look_ahead_is_found_to_the_sample(front_end, samples):
    with torch.inference_mode():
        assert look_ahead(front_end) == samples


def test_look_ahead_of_our_own():
    with torch.inference_mode():
        assert look_ahead(build_front_end("identity")) == 0
        # its window, but for a slope too faint to tell
        assert look_ahead(build_front_end("spectral")) in range(506, 512)
        assert look_ahead(build_front_end({"unet": {"channels": 2, "depth": 2}})) is None


class Slow(Filter):
    sample_rate = 8000


def test_resampling_and_both_ears_are_part_of_the_costs():
    plain, slow = measure(Filter(0)), measure(Slow(0))
    assert slow["macs_per_second"] > plain["macs_per_second"]
    assert 0 < slow["latency_ms"] < 5
    assert measure(Filter(0), channels=2)["macs_per_second"] == 2 * plain["macs_per_second"]


def test_measured_costs():
    threads = torch.get_num_threads()
    costs = measure(Filter(15))
    assert costs["parameters"] == 17
    assert costs["macs_per_second"] == 16000 * 16
    assert 0 < costs["real_time_factor"] < 0.1
    assert costs["latency_ms"] == pytest.approx(15 / 16)
    assert costs["notes"] == []
    assert json.loads(json.dumps(costs)) == costs
    assert torch.get_num_threads() == threads
    assert measure(Normaliser())["notes"] == ["latency_ms: it needs the whole utterance"]


def test_any_front_end_can_be_measured(tmp_path):
    assert measure(Aid(), channels=2)["latency_ms"] == 0
    folder = measure(build_front_end({"adapters/folder": {"path": str(tmp_path)}}))
    assert folder["parameters"] is folder["real_time_factor"] is None
    assert folder["notes"]


class Lonely(FrontEnd):
    """Takes one example at a time."""

    def forward(self, audio):
        if len(audio) > 1:
            raise AssertionError("one\nat a time")
        return audio


class Moody(FrontEnd):
    """Fails on every second call."""

    calls = 0

    def forward(self, audio):
        self.calls += 1
        if self.calls % 2 == 0:
            raise RuntimeError("not again")
        return audio


def test_a_cost_that_cannot_be_measured_is_none_and_the_others_are_kept():
    threads = torch.get_num_threads()
    costs = measure(Lonely())
    assert costs["latency_ms"] is None
    assert costs["notes"] == ["latency_ms: AssertionError: one at a time"]
    assert costs["parameters"] == costs["macs_per_second"] == 0
    assert costs["real_time_factor"] > 0
    costs = measure(Moody())
    assert costs["macs_per_second"] == 0
    assert costs["real_time_factor"] is None
    assert "real_time_factor: RuntimeError: not again" in costs["notes"]
    assert json.loads(json.dumps(costs)) == costs
    assert torch.get_num_threads() == threads


def test_measuring_is_quick():
    start = time.process_time()
    measure(build_front_end("unet"))
    assert time.process_time() - start < 4  # less than 2 s on an idle machine
