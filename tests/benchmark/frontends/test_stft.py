"""The transform against scipy, and its inverse."""

import numpy as np
import pytest
import torch
from scipy.signal import ShortTimeFFT

from benchmark.frontends._stft import STFT


@pytest.mark.parametrize(("size", "hop"), [(512, 256), (512, 128), (320, 160), (400, 100)])
@pytest.mark.parametrize("samples", [1, 160, 1000, 1024])
def test_the_inverse_is_exact(size, hop, samples):
    transform = STFT(size, hop)
    audio = torch.randn(2, 3, samples, generator=torch.Generator().manual_seed(0))
    spectrum = transform.analyse(audio)
    assert spectrum.shape == (2, 3, size // 2 + 1, transform.frames(samples))
    torch.testing.assert_close(transform.synthesise(spectrum, samples), audio, atol=1e-5, rtol=0)


def test_frames_are_scipys():
    audio = np.random.default_rng(0).standard_normal(3000)
    transform = STFT(512, 256)
    expected = ShortTimeFFT(transform.window.numpy().astype(float), 256, 16000, phase_shift=None).stft(audio)
    found = transform.analyse(torch.from_numpy(audio).float()).numpy()
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-3)


def test_no_frame_is_missing():
    transform = STFT(512, 128)
    long = torch.zeros(4000)
    long[:1001] = 1
    beyond = transform.analyse(long)[:, transform.frames(1001) :]
    assert beyond.abs().max() == 0
    assert transform.analyse(long)[:, transform.frames(1001) - 1].abs().max() > 0
