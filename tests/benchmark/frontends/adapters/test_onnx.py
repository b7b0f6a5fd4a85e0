"""ONNX models, written byte by byte, since the package onnx is not needed to run them."""

import struct
import sys

import pytest
import torch

from benchmark.contracts import Heard
from benchmark.errors import EarmarkError
from benchmark.frontends import build_front_end
from benchmark.frontends.adapters._external import External


def field(number, value):
    """One field of a protocol buffer: an integer, or bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def varint(value):
    low = value & 127
    return bytes([low]) if value < 128 else bytes([low | 128]) + varint(value >> 7)


def declared(name, shape, kind=1):
    """A ValueInfoProto: integers are fixed sizes, words are free ones; kind 1: 32-bit floats, 11: doubles."""
    sizes = b"".join(field(1, field(1 if isinstance(size, int) else 2, size)) for size in shape)
    return field(1, name) + field(2, field(1, field(1, kind) + field(2, sizes)))


def model(
    path,
    shape=("batch", "time"),
    gain=0.5,
    nodes=(("Mul", "x", "g", "y"),),
    inputs=("x",),
    kind=1,
    external=False,
    outputs=("y",),
):
    """Write y = gain x."""
    where = (
        field(13, field(1, "location") + field(2, "weights.bin")) + field(14, 1)
        if external
        else field(9, struct.pack("<f", gain))
    )
    constant = field(2, kind) + field(8, "g") + (where if kind == 1 else field(9, struct.pack("<d", gain)))
    (path.parent / "weights.bin").write_bytes(struct.pack("<f", gain))
    graph = b"".join(
        field(1, b"".join(field(1, name) for name in names) + field(2, output) + field(4, op))
        for op, *names, output in nodes
    )
    graph += (
        field(2, "graph") + field(5, constant) + b"".join(field(12, declared(name, shape, kind)) for name in outputs)
    )
    graph += b"".join(field(11, declared(name, shape, kind)) for name in inputs)
    path.write_bytes(field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 13)))
    return path


def built(path, **options):
    return build_front_end({"adapters/onnx": {"path": str(path), **options}})


@pytest.fixture
def heard():
    audio = 0.02 * torch.randn(3, 1, 900, generator=torch.Generator().manual_seed(0))
    audio[1, :, 600:] = 0
    return Heard(audio, torch.tensor([900, 600, 900]))


@pytest.mark.parametrize("shape", [("batch", "time"), ("batch", 1, "time"), (1, "time"), (1, 1, "time")])
def test_either_layout_is_read_off_the_declaration(tmp_path, heard, shape):
    front_end = built(model(tmp_path / "half.onnx", shape))
    torch.testing.assert_close(front_end.process(heard).audio, 0.5 * heard.audio)
    assert (front_end.pretrained_on, front_end.dropped_in_only, front_end.sample_rate) == ("unknown", False, 16000)
    assert not list(front_end.parameters())


def test_a_neighbour_and_its_padding_change_nothing(tmp_path, heard):
    front_end = built(
        model(tmp_path / "mean.onnx", nodes=(("ReduceMean", "x", "m"), ("Sub", "x", "m", "z"), ("Mul", "z", "g", "y")))
    )
    together = front_end.process(heard).audio
    alone = front_end.process(Heard(heard.audio[1:2, :, :600], heard.lengths[1:2])).audio
    assert torch.equal(together[1:2, :, :600], alone)
    assert not together[1, :, 600:].any()


def test_the_level_that_a_model_expects_is_put_on_and_taken_off(tmp_path, heard):
    sign = (("Sign", "x", "s"), ("Mul", "s", "g", "z"), ("Add", "x", "z", "y"))  # x + 0.5 sign(x): it knows the level
    path = model(tmp_path / "level.onnx", nodes=sign)
    torch.testing.assert_close(
        built(path, gain=20.0).process(heard).audio[0], heard.audio[0] + 0.05 * heard.audio[0].sign()
    )
    whole = model(tmp_path / "loud.onnx", gain=40.0)
    torch.testing.assert_close(built(whole, rescale=True).process(heard).audio, heard.audio)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shape": ("batch", 512)}, "takes 512 samples and no others; export it with a dynamic time axis"),
        ({"shape": ("batch", 2, "time")}, "export it for 32-bit floats and one channel"),
        ({"shape": (4, "time")}, "one channel"),
        ({"shape": ("time",)}, "a model of one input and output"),
        (
            {"inputs": ("x", "state"), "nodes": (("Mul", "x", "g", "z"), ("Add", "z", "state", "y"))},
            "it declares x .*, state .*; export a model of one input",
        ),
        ({"kind": 11}, "tensor\\(double\\)"),
        ({"external": True}, "not a model that onnxruntime .* can run .*; export it into one file"),
    ],
)
def test_a_model_of_another_kind_is_refused_in_one_line(tmp_path, changes, message):
    path = model(tmp_path / "odd.onnx", **changes)
    with pytest.raises(EarmarkError, match=message) as caught:
        built(path)
    assert "odd.onnx" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_no_model(tmp_path, monkeypatch):
    with pytest.raises(EarmarkError, match="cannot be read"):
        built(tmp_path / "none.onnx")
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(EarmarkError, match="not a model that onnxruntime"):
        built(tmp_path / "text.onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(EarmarkError, match="the package onnxruntime is missing; install the extra 'onnx'"):
        built(model(tmp_path / "half.onnx"))


def test_an_output_of_another_length_is_refused(tmp_path, heard):
    front_end = built(model(tmp_path / "mean.onnx", nodes=(("ReduceMean", "x", "m"), ("Mul", "m", "g", "y"))))
    with pytest.raises(EarmarkError, match="return as many samples as came in"):
        front_end.process(heard)


def test_of_two_outputs_the_one_as_long_as_the_input_counts(tmp_path, heard):
    nodes = (("ReduceMean", "x", "state"), ("Mul", "x", "g", "y"))
    for outputs in (("state", "y"), ("y", "state")):
        front_end = built(model(tmp_path / "two.onnx", nodes=nodes, outputs=outputs))
        torch.testing.assert_close(front_end.process(heard).audio, 0.5 * heard.audio)


def test_two_outputs_that_may_both_be_audio_are_refused_in_one_line(tmp_path):
    nodes = (("Sub", "x", "g", "noise"), ("Mul", "x", "g", "y"))
    with pytest.raises(EarmarkError, match=r"two.onnx: for 16000 samples it returns noise .*, y .*; export it with"):
        built(model(tmp_path / "two.onnx", nodes=nodes, outputs=("noise", "y")))


def test_an_output_of_whole_frames_is_told_how_to_be_longer():
    class Frames(External):
        def enhance(self, signal):
            return signal[: len(signal) // 256 * 256]

    heard = Heard(torch.zeros(1, 1, 900), torch.tensor([900]))
    with pytest.raises(EarmarkError, match=r"returned \(768,\) for 900 samples, perhaps whole frames alone; pad the"):
        Frames(16000, "", 0.0, False).process(heard)
