"""What planning knows of a front-end, and that code from outside is not run to know it."""

import sys

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from benchmark.errors import EarmarkError
from benchmark.front_end_description import describe, foreign, paths_in

LOADS = """
from pathlib import Path
import numpy as np
import torch
from safetensors.torch import load_file
from benchmark.contracts import FrontEnd

class Loads(FrontEnd):
    needs = frozenset({"listener"})
    controls = {"amount": 1.0}
    pretrained_on = "somebody's speech"

    def __init__(self, channels: int = 4):
        super().__init__()
        here = Path(__file__).parent
        self.torch = torch.load(here / "weights.pt", weights_only=True)
        self.safe = load_file(str(here / "weights.safetensors"))
        self.numpy = np.load(here / "weights.npy")
        self.layer = torch.nn.Linear(channels, 1)

    def process(self, heard, **controls):
        return None
"""


@pytest.fixture
def loads(tmp_path):
    torch.save({"a": torch.ones(2)}, tmp_path / "weights.pt")
    save_file({"a": torch.ones(2)}, tmp_path / "weights.safetensors")
    np.save(tmp_path / "weights.npy", np.ones(2))
    (tmp_path / "unread.npy").write_bytes(b"x")
    (tmp_path / "loads.py").write_text(LOADS)
    return f"{tmp_path}/loads.py:Loads"


def test_one_of_the_suite():
    found = describe({"chain": ["spectral", "unet"]})
    assert (found.trainable, found.dropped_in_only, found.learned_elsewhere, found.reads) == (True, False, (), ())
    assert [name for name, _ in found.members] == ["Spectral", "UNet"]
    assert found.spec("chain").config["members"] == ["spectral", "unet"]
    assert "front-end UNet" in found.code


def test_one_from_outside_is_described_without_being_imported_here(loads):
    found = describe({loads: {"channels": 2}})
    assert found.name == "Loads"
    assert found.config == {"channels": 2}
    assert found.needs == {"listener"}
    assert found.controls == {"amount": 1.0}
    assert found.trainable
    assert found.learned_elsewhere == ("somebody's speech",)
    assert [name for name, _ in found.reads] == ["weights.npy", "weights.pt", "weights.safetensors"]
    assert not [name for name in sys.modules if name.endswith(".loads")]


@pytest.mark.parametrize("name", ["weights.pt", "weights.safetensors", "weights.npy"])
def test_the_content_of_what_a_constructor_reads_is_part_of_its_identity(loads, tmp_path, name):
    before = describe(loads)
    content = (tmp_path / name).read_bytes()
    (tmp_path / "loads.py").write_text(LOADS + "# looked at again\n")
    assert describe(loads).reads == before.reads
    (tmp_path / name).write_bytes(content.replace(b"\x80\x3f", b"\x00\x40").replace(b"\xf0\x3f", b"\x00\x40"))
    assert (tmp_path / name).read_bytes() != content
    assert describe(loads).reads != before.reads


@pytest.mark.parametrize(
    ("name", "options", "outside"),
    [
        ("unet", {}, False),
        ("chain", {"members": ["unet", "spectral"]}, False),
        ("chain", {"members": ["unet", {"mine.py:Mine": {}}]}, True),
        ("mine.py:Mine", {}, True),
        ("adapters/speechbrain", {"source": "x"}, True),
        ("adapters/folder", {"path": "x"}, False),
        ("chain", {"members": [{"adapters/speechbrain": {"source": "x"}}]}, True),
    ],
)
def test_what_comes_from_outside(name, options, outside):
    assert foreign(name, options) == outside


def test_the_paths_that_it_may_read(tmp_path):
    for name in ("mine/code.py", "weights/w.pt", "other/more.py"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("")
    found = paths_in(
        f"{tmp_path}/mine/code.py:Mine",
        {"weights": f"{tmp_path}/weights/w.pt", "members": [{f"{tmp_path}/other/more.py:More": {}}], "word": "tanh"},
    )
    assert set(found) == {str(tmp_path / "mine"), str(tmp_path / "weights/w.pt"), str(tmp_path / "other")}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("class Mine: pass", "Mine is not a Module; derive it from that class"),
        ("class Other: pass", "did you mean 'Other'|unknown class"),
        (
            "from torch import nn\nclass Mine(nn.Module):\n    version = 'one'",
            r"Mine: it describes itself wrongly \(version: Input should be a valid integer",
        ),
    ],
)
def test_what_is_none_is_one_line(tmp_path, text, said):
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(EarmarkError, match=said) as caught:
        describe(f"{tmp_path}/mine.py:Mine")
    assert "\n" not in str(caught.value)
