"""Speed of HASPI, HASQI and MBSTOI on a batch, against pyclarity; one thread each."""

import logging
import time

import numpy as np
import pytest
import torch
from side_by_side import in_turns

from benchmark.contracts import AUDIOGRAM_HZ
from benchmark.metrics import _kates
from benchmark.metrics.haspi import haspi
from benchmark.metrics.hasqi import hasqi
from benchmark.metrics.mbstoi import mbstoi

BATCH, SECONDS, RATE, RATIO = 16, 4, 16000, 10
N3 = [35, 35, 35, 35, 40, 45, 50, 55, 60, 65]


def signals(batch, seconds):
    """Noise bursts at a syllabic rate, clean and with noise added, (batch, 2, time) each."""
    rng = np.random.default_rng(0)
    time = np.arange(int(seconds * RATE)) / RATE
    clean = (
        0.05
        * rng.standard_normal((batch, 1, len(time)))
        * np.clip(np.sin(2 * np.pi * 4 * time), 0, None)
        * [[1.0], [0.6]]
    )
    return clean, clean + 0.01 * rng.standard_normal(clean.shape)


@pytest.mark.parametrize("metric", ["haspi", "hasqi", "mbstoi"])
def test_ten_times_as_fast_as_pyclarity(benchmark, metric):
    from clarity.evaluator.haspi import haspi_v2
    from clarity.evaluator.hasqi import hasqi_v2
    from clarity.evaluator.mbstoi import mbstoi as binaural
    from clarity.utils.audiogram import Audiogram

    logging.getLogger().setLevel(logging.WARNING)
    clean, processed = signals(BATCH, SECONDS) if benchmark.enabled else signals(1, 1.2)
    x, y = (torch.from_numpy(signal).float() for signal in (clean, processed))
    audiograms = torch.tensor([N3] * len(x))
    audiogram = Audiogram(levels=np.array(N3), frequencies=np.array(AUDIOGRAM_HZ))
    ours = {
        "haspi": lambda: haspi(x[:, 0], y[:, 0], audiograms),
        "hasqi": lambda: hasqi(x[:, 0], y[:, 0], audiograms),
        "mbstoi": lambda: mbstoi(x, y),
    }[metric]
    theirs = {
        "haspi": lambda a, b: haspi_v2(a[0], RATE, b[0], RATE, audiogram, level1=100.0),
        "hasqi": lambda a, b: hasqi_v2(a[0], RATE, b[0], RATE, audiogram, level1=100.0),
        "mbstoi": lambda a, b: binaural(*a, *b, RATE),
    }[metric]

    def timed(score):
        _kates._kept.clear()  # or it would reuse the hearing model's output of an earlier round
        start = time.perf_counter()
        with torch.no_grad():
            score()
        return [time.perf_counter() - start]

    medians = in_turns(
        benchmark,
        lambda: timed(ours),
        lambda: timed(lambda: [theirs(*pair) for pair in zip(clean, processed, strict=True)]),
        rounds=2,
    )
    if medians:
        ratio = medians.theirs / medians.ours
        print(
            f"\n{metric} of {BATCH} x {SECONDS} s: {medians.ours:.2f} s, pyclarity {medians.theirs:.2f} s: {ratio:.1f} "
            f"times as fast (limit {RATIO})"
        )
        assert ratio >= RATIO
