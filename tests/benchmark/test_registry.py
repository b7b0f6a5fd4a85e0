"""A user's own file: what it may import, here and in other processes."""

import subprocess
import sys

import pytest

from benchmark import registry

MINE = """
from torch import nn
from beside import FACTOR

class Mine(nn.Module):
    def forward(self, audio):
        from later import OFFSET
        return FACTOR * audio + OFFSET
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "beside.py").write_text("FACTOR = 2")
    (tmp_path / "later.py").write_text("OFFSET = 1")
    (tmp_path / "wave.py").write_text("raise AssertionError('shadows the standard library')")
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield f"{tmp_path / 'mine.py'}:Mine"
    for name in ("beside", "later"):
        sys.modules.pop(name, None)


def test_a_users_file_may_import_what_lies_beside_it_then_and_later(mine, tmp_path, monkeypatch):
    cls = registry.load("front_ends", mine)
    assert cls()(3) == 7
    assert registry.load("front_ends", mine) is cls
    assert sys.path[-1] == str(tmp_path)
    assert sys.path.count(str(tmp_path)) == 1
    monkeypatch.delitem(sys.modules, "wave", raising=False)
    import wave

    assert wave.__file__ != str(tmp_path / "wave.py")


def test_a_users_file_is_loaded_alike_in_a_process_of_its_own(mine, tmp_path):
    code = f"from benchmark.frontends import build_front_end; print(build_front_end({mine!r}).module(3))"
    (tmp_path / "elsewhere").mkdir()
    place = {"cwd": tmp_path / "elsewhere", "env": {"PYTHONPATH": str(registry.ROOT.parent)}}
    assert (
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, **place).stdout.strip()
        == "7"
    )
