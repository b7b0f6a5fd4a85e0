"""What the engine does around a front-end: ears, listeners, lengths, gain, share of the output."""

import pytest
import torch
from toys import AUDIOGRAM_HZ, Gain, HearingAid, Shortener, TwoEars

from benchmark.contracts import Batch, Enhanced, FrontEnd
from benchmark.enhancer import Enhancer
from benchmark.errors import EarmarkError


def two_ears(batch: Batch) -> Batch:
    noisy = torch.cat([batch.heard.audio, 0.5 * batch.heard.audio], 1)
    return Batch(batch.scenes, batch.heard._replace(audio=noisy), noisy, batch.labels, batch.rows)


def test_a_two_ear_front_end_gets_both_ears_and_a_one_ear_front_end_gets_them_in_the_batch(batch):
    both = two_ears(batch)
    enhancer = Enhancer(TwoEars())
    valid = torch.arange(both.heard.audio.shape[-1]) < both.heard.lengths[:, None, None]
    expected = (both.heard.audio - 0.1 * both.heard.audio.flip(1)) * valid
    torch.testing.assert_close(enhancer(both.heard).audio, expected)

    seen = []
    one_ear = Gain(0.5)
    one_ear.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].shape))
    enhanced = Enhancer(one_ear.eval())(both.heard)
    assert seen == [(2 * len(batch.scenes), 1, both.heard.audio.shape[-1])]
    torch.testing.assert_close(enhanced.audio, 0.5 * both.heard.audio * valid)


def test_what_task_models_share_with_a_one_ear_front_end_is_the_mean_over_ears(batch):
    class Levels(FrontEnd):
        def process(self, heard):
            return Enhanced(heard.audio, heard.audio.square().mean((1, 2))[:, None, None])

    both = two_ears(batch)
    shared = Enhancer(Levels())(both.heard).shared
    torch.testing.assert_close(shared[:, 0, 0], both.heard.audio.square().mean((1, 2)))


def test_a_listener_aware_front_end_hears_the_audiogram_of_each_ear_and_obeys_its_control(batch):
    both = two_ears(batch)
    thresholds = torch.zeros(len(batch.scenes), 2, len(AUDIOGRAM_HZ))
    thresholds[:, 1, AUDIOGRAM_HZ.index(1000)] = 40
    heard = both.heard._replace(listener=thresholds)
    enhancer = Enhancer(HearingAid())
    full = enhancer(heard).audio
    none = enhancer(heard, amount=0.0).audio
    torch.testing.assert_close(full[:, 0], none[:, 0])
    torch.testing.assert_close(full[:, 1], 10 * none[:, 1])  # 20 dB


def test_another_shape_is_refused(batch):
    with pytest.raises(EarmarkError, match="Shortener: the output must be floats of the input's shape"):
        Enhancer(Shortener())(batch.heard)


def test_the_fixed_gain_scales_the_output_and_wet_is_its_share(batch):
    enhancer, heard = Enhancer(Gain(0.5)).eval(), batch.heard
    enhancer.gain.fill_(4.0)
    for wet, factor in ((1.0, 2.0), (0.25, 1.25), (0.0, 1.0)):
        torch.testing.assert_close(enhancer(heard, wet).audio, factor * heard.audio)


def test_there_is_silence_behind_each_length(batch):
    lengths = batch.heard.lengths - 100
    enhanced = Enhancer(Gain()).eval()(batch.heard._replace(lengths=lengths)).audio
    for audio, length in zip(enhanced, lengths, strict=True):
        assert audio[:, :length].any()
        assert not audio[:, length:].any()
