"""A folder of enhanced files, right and wrong."""

import json

import numpy as np
import pytest
import soundfile
import torch

from benchmark import audio
from benchmark.contracts import Heard
from benchmark.enhancer import Enhancer
from benchmark.errors import EarmarkError
from benchmark.frontends import build_front_end
from benchmark.frontends.adapters.folder import audit, read_manifest
from benchmark.frontends.identity import Identity


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


def test_files_of_mixtures_of_several_lengths_are_heard_through_the_engine(batch, tmp_path):
    for index, name in enumerate(batch.heard.names):
        audio.write(tmp_path / f"{name}.wav", 0.25 * batch.heard.audio[index, :, : batch.heard.lengths[index]].numpy())
    enhancer = Enhancer(build_front_end({"adapters/folder": {"path": str(tmp_path)}}))
    expected = 0.25 * Enhancer(Identity())(batch.heard).audio
    torch.testing.assert_close(enhancer(batch.heard).audio, expected, atol=1e-7, rtol=1e-7)
    (tmp_path / f"{batch.heard.names[0]}.wav").unlink()
    with pytest.raises(EarmarkError, match=batch.heard.names[0]):
        enhancer(batch.heard)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda path: path.unlink(), "no such file; enhance every"),
        (
            lambda path: path.write_bytes(path.read_bytes()[:30]),
            "not audio that libsndfile reads, or cut short; enhance its mixture again",
        ),
        (
            lambda path: audio.write(path, np.zeros((2, 499), np.float32)),
            "2 channels of 499 samples, the mixture has 2 channels of 500 samples",
        ),
        (lambda path: audio.write(path, np.zeros((2, 501), np.float32)), "501 samples"),
        (lambda path: audio.write(path, np.zeros((1, 500), np.float32)), "1 channel of 500 samples"),
        (
            lambda path: audio.write(path, np.full((2, 500), np.nan, np.float32)),
            "not finite; enhance its mixture again",
        ),
        (lambda path: soundfile.write(path, np.zeros((500, 2)), 8000), "resampled to 8000 Hz, the mixture has 16000"),
        (lambda path: soundfile.write(path, np.zeros((1500, 2)), 48000), "resampled to 48000 Hz"),
    ],
)
def test_a_wrong_file_is_named_in_one_line(folder, heard, change, message):
    change(folder / "b.wav")
    front_end = build_front_end({"adapters/folder": {"path": str(folder)}})
    with pytest.raises(EarmarkError, match=message) as caught:
        front_end.process(heard)
    assert str(folder / "b.wav") in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.fixture
def manifest(heard):
    sizes = zip(heard.names, heard.lengths.tolist(), strict=True)
    return {"files": [{"name": name, "channels": 2, "samples": length, "sample_rate": 16000} for name, length in sizes]}


def test_an_audit_finds_nothing_in_a_folder_that_is_right(folder, manifest, tmp_path):
    assert audit(folder, manifest) == []
    path = tmp_path / "elsewhere" / "manifest.json"
    path.parent.mkdir()
    path.write_text(json.dumps(manifest))
    assert audit(folder, path) == []
    assert read_manifest(path) == manifest


def loud(path, subtype, share=1.0):
    soundfile.write(path, np.full((500, 2), share), 16000, subtype=subtype)


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (lambda path: path.unlink(), "b.wav: no such file"),
        (lambda path: audio.write(path, np.zeros((2, 499), np.float32)), "b.wav: 2 channels of 499 samples"),
        (lambda path: audio.write(path, np.zeros((1, 500), np.float32)), "b.wav: 1 channel of 500 samples"),
        (lambda path: soundfile.write(path, np.zeros((500, 2)), 44100), "b.wav: resampled to 44100 Hz"),
        (
            lambda path: audio.write(path, np.full((2, 500), np.inf, np.float32)),
            "b.wav: the file holds samples that are not finite",
        ),
        (lambda path: path.write_bytes(path.read_bytes()[:-100]), "b.wav: cut short"),
        (lambda path: loud(path, "PCM_16"), "b.wav: clipped, 1000 samples"),
        (lambda path: loud(path, "PCM_24", -1.0), "b.wav: clipped, 1000 samples"),
        (lambda path: loud(path, "FLOAT", -1.0), "b.wav: clipped, 1000 samples are at full scale"),
        (
            lambda path: path.with_name("c.wav").write_bytes(path.read_bytes()),
            "c.wav: no mixture was exported under this name",
        ),
    ],
)
def test_an_audit_names_each_thing_that_is_wrong(folder, manifest, change, finding):
    change(folder / "b.wav")
    (found,) = audit(folder, manifest)
    assert found.startswith(str(folder / finding))
    assert "\n" not in found


def test_loud_files_that_do_not_clip_are_no_finding(folder, manifest):
    for subtype, share in (("PCM_16", 0.99), ("FLOAT", 1.5)):
        loud(folder / "b.wav", subtype, share)
        assert audit(folder, manifest) == []


def test_a_sine_of_full_scale_is_not_clipped_and_what_was_cut_at_16_bits_is(folder, manifest):
    sine = np.repeat(np.sin(2 * np.pi * np.arange(500) / 16)[:, None], 2, 1)
    soundfile.write(folder / "b.wav", sine / np.abs(sine).max(), 16000, subtype="FLOAT")
    assert audit(folder, manifest) == []
    soundfile.write(folder / "b.wav", (3 * sine).clip(-1, 1 - 2.0**-15), 16000, subtype="FLOAT")
    (found,) = audit(folder, manifest)
    assert "clipped" in found


def test_every_file_of_an_audit_is_looked_at(folder, manifest):
    for path in folder.glob("*.wav"):
        path.unlink()
    assert len(audit(folder, manifest)) == 2
    with pytest.raises(EarmarkError, match="no such folder"):
        audit(folder / "none", manifest)


@pytest.mark.parametrize("text", [None, "no JSON", "[]", '{"files": [{"name": "a"}]}'])
def test_what_is_no_manifest(tmp_path, text):
    path = tmp_path / "manifest.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(EarmarkError, match="manifest"):
        read_manifest(path)


def test_no_folder(tmp_path):
    with pytest.raises(EarmarkError, match="no such folder"):
        build_front_end({"adapters/folder": {"path": str(tmp_path / "none")}})
    with pytest.raises(EarmarkError, match="needs the option 'path'"):
        build_front_end("adapters/folder")
