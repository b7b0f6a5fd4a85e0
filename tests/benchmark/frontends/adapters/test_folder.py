"""A folder of enhanced files, right and wrong."""

import numpy as np
import pytest
import soundfile
import torch

from benchmark import audio
from benchmark.contracts import Heard
from benchmark.errors import EarmarkError
from benchmark.frontends import build_front_end


@pytest.fixture
def heard():
    mixtures = torch.randn(2, 2, 800, generator=torch.Generator().manual_seed(0))
    mixtures[1, :, 500:] = 0
    return Heard(mixtures, torch.tensor([800, 500]), names=("a", "b"))


@pytest.fixture
def folder(tmp_path, heard):
    for name, mixture, length in zip(heard.names, heard.audio, heard.lengths, strict=True):
        audio.write(tmp_path / f"{name}.wav", 0.5 * mixture[:, :length].numpy())
    return tmp_path


def test_files_are_the_output(folder, heard):
    front_end = build_front_end({"adapters/folder": {"path": str(folder)}})
    torch.testing.assert_close(front_end.process(heard).audio, 0.5 * heard.audio)
    assert front_end.dropped_in_only
    assert front_end.channels is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda path: path.unlink(), "no such file; enhance every"),
        (lambda path: path.write_bytes(path.read_bytes()[:30]), "not audio that libsndfile reads, or cut short; enhance its mixture again"),
        (lambda path: audio.write(path, np.zeros((2, 499), np.float32)), "2 channels of 499 samples, the mixture has 2 channels of 500 samples"),
        (lambda path: audio.write(path, np.zeros((2, 501), np.float32)), "501 samples"),
        (lambda path: audio.write(path, np.zeros((1, 500), np.float32)), "1 channel of 500 samples"),
        (lambda path: audio.write(path, np.full((2, 500), np.nan, np.float32)), "not finite; enhance its mixture again"),
        (lambda path: soundfile.write(path, np.zeros((500, 2)), 8000), "1000 samples"),
    ],
)
def test_a_wrong_file_is_named_in_one_line(folder, heard, change, message):
    change(folder / "b.wav")
    front_end = build_front_end({"adapters/folder": {"path": str(folder)}})
    with pytest.raises(EarmarkError, match=message) as caught:
        front_end.process(heard)
    assert str(folder / "b.wav") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_folder(tmp_path):
    with pytest.raises(EarmarkError, match="no such folder"):
        build_front_end({"adapters/folder": {"path": str(tmp_path / "none")}})
    with pytest.raises(EarmarkError, match="needs the option 'path'"):
        build_front_end("adapters/folder")
