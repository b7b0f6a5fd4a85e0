"""SpeechBrain's layout, with models so small that what they do is known."""

import os

import pytest
import torch

from benchmark.contracts import Heard
from benchmark.errors import EarmarkError
from benchmark.frontends import build_front_end

MODELS = """
import torch
from torch import nn


class Mask(nn.Module):
    def __init__(self):
        super().__init__()
        self.value = nn.Parameter(torch.tensor(0.0))

    def forward(self, features, lengths=None):
        return self.value.expand_as(features)


class Louder(Mask):
    def forward(self, wavs):
        return self.value * wavs, None


class Masks(Mask):
    def forward(self, encoded):
        return self.value.expand(1, *encoded.shape)
"""

MASKING = """
compute_stft: !new:speechbrain.processing.features.STFT {sample_rate: 16000, n_fft: 512, win_length: 32, hop_length: 16}
compute_istft: !new:speechbrain.processing.features.ISTFT {sample_rate: 16000, n_fft: 512, win_length: 32, hop_length: 16}
spectral_magnitude: !name:speechbrain.processing.features.spectral_magnitude {power: 0.5}
resynth: !name:speechbrain.processing.signal_processing.resynthesize
    stft: !ref <compute_stft>
    istft: !ref <compute_istft>
enhance_model: !new:tiny_models.Mask
modules: {enhance_model: !ref <enhance_model>}
pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
    loadables: {enhance_model: !ref <enhance_model>}
"""

WAVEFORM = """
enhance_model: !new:tiny_models.Louder
modules: {enhance_model: !ref <enhance_model>}
pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
    loadables: {enhance_model: !ref <enhance_model>}
"""

SEPARATION = """
sample_rate: 8000
num_spks: 1
encoder: !new:speechbrain.lobes.models.dual_path.Encoder {kernel_size: 2, out_channels: 2}
masknet: !new:tiny_models.Masks
decoder: !new:speechbrain.lobes.models.dual_path.Decoder {in_channels: 2, out_channels: 1, kernel_size: 2, stride: 1, bias: False}
modules: {encoder: !ref <encoder>, masknet: !ref <masknet>, decoder: !ref <decoder>}
pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
    loadables: {masknet: !ref <masknet>}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "tiny_models.py").write_text(MODELS)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def written(folder, hyperparams, weights, name="enhance_model"):
    (folder / "hyperparams.yaml").write_text(hyperparams)
    torch.save(weights, folder / f"{name}.ckpt")
    return folder


def built(source, **options):
    return build_front_end({"adapters/speechbrain": {"source": str(source), **options}}).eval()


@pytest.fixture
def heard():
    audio = 0.02 * torch.randn(2, 1, 4000, generator=torch.Generator().manual_seed(0))
    audio[1, :, 3000:] = 0
    return Heard(audio, torch.tensor([4000, 3000]))


def test_a_mask_of_one_gives_back_what_came_in_at_its_level_or_normalised(folder, heard):
    written(folder, MASKING, {"value": torch.tensor(1.0)})
    kept = built(folder)
    torch.testing.assert_close(kept.process(heard).audio, heard.audio, atol=1e-6, rtol=1e-3)
    assert (kept.pretrained_on, kept.sample_rate) == ("unknown", 16000)
    assert not any(parameter.requires_grad for parameter in kept.parameters())
    peak = built(folder, rescale=False).process(heard).audio.abs().amax(-1)
    torch.testing.assert_close(peak, torch.ones_like(peak))  # as SpeechBrain leaves it


def test_a_waveform_model_and_a_separator_of_one_speaker(folder, heard):
    louder = built(written(folder, WAVEFORM, {"value": torch.tensor(3.0)}), rescale=False)
    torch.testing.assert_close(louder.process(heard).audio, 3 * heard.audio)
    separator = built(written(folder, SEPARATION, {"value": torch.tensor(0.0)}, "masknet"))
    assert separator.sample_rate == 8000
    assert not separator.process(heard).audio.any()


def test_it_is_trained_further_only_where_that_is_asked_for(folder, heard):
    front_end = built(written(folder, WAVEFORM, {"value": torch.tensor(3.0)}), trainable=True, rescale=False)
    (parameter,) = front_end.parameters()
    front_end.process(heard).audio.square().sum().backward()
    torch.testing.assert_close(parameter.grad, 6 * heard.audio.square().sum())


class Pickled:
    def __reduce__(self):
        return os.mkdir, ("unpickled",)


@pytest.mark.parametrize(
    ("hyperparams", "weights", "message"),
    [
        (MASKING, {}, "not weights of Mask .*Missing key"),
        (MASKING, {"value": torch.tensor(1.0), "other": torch.tensor(1.0)}, "not weights of Mask .*Unexpected key"),
        (MASKING, {"value": Pickled()}, "not weights of Mask .*get the model again"),
        (
            MASKING.replace("modules: {enhance_model", "modules: {model"),
            {"value": torch.tensor(1.0)},
            "its modules model are not those of an enhancement model",
        ),
        ("lr: 0.1", {}, "modules or pretrainer are missing"),
        (WAVEFORM + "num_spks: 2", {"value": torch.tensor(1.0)}, "it separates 2 speakers; give a model of one output"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(folder, monkeypatch, hyperparams, weights, message):
    monkeypatch.chdir(folder)
    with pytest.raises(EarmarkError, match=message) as caught:
        built(written(folder, hyperparams, weights))
    assert "\n" not in str(caught.value)
    assert not (folder / "unpickled").exists()


def test_a_name_on_the_hub_has_to_be_trusted(folder):
    with pytest.raises(EarmarkError, match="runs code, and is loaded with the option trust: true"):
        built("somebody/some-model")
    with pytest.raises(EarmarkError, match="no such file; give the folder of a pretrained"):
        built(folder)
