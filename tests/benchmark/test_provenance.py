"""What a digest sees: a component's own files, what they import, what its options name."""

import importlib
from pathlib import Path

import pytest
import torch

from benchmark import provenance, registry
from benchmark.planning.cells import Cell
from benchmark.training.schemes.sample_importance import SampleImportance

MINE = """from benchmark.contracts import FrontEnd
from {helper} import scale


class Mine(FrontEnd):
    def forward(self, audio):
        return scale(audio)
"""
HELPER = '"""Beside it."""\n\n\ndef scale(audio):\n    return {factor} * audio\n'


def test_a_helper_beside_a_user_s_file_belongs_to_it(tmp_path):
    digests = []
    for factor, comment in ((2, ""), (2, "# the same\n"), (3, "")):
        provenance._syntax.cache_clear()
        (tmp_path / "scaling.py").write_text(HELPER.format(factor=factor) + comment)
        (tmp_path / "mine.py").write_text(MINE.format(helper="scaling"))
        digests.append(provenance.source_digest(registry.load("front_ends", f"{tmp_path / 'mine.py'}:Mine")))
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize(
    "line",
    [
        "from .parts.scaling import scale",
        "from .parts import scaling; scale = scaling.scale",
        "from . import parts; scale = parts.scaling.scale",
        "from kit.parts.scaling import scale",
        "import kit.parts.scaling; scale = kit.parts.scaling.scale",
        "from kit import parts; scale = parts.scaling.scale",
    ],
)
def test_modules_of_a_user_s_package_belong_to_it(tmp_path, line):
    digests = []
    for factor in (2, 3):
        provenance._syntax.cache_clear()
        provenance._imports.cache_clear()
        package = tmp_path / "kit"
        (package / "parts").mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").write_text("")
        (package / "parts" / "__init__.py").write_text("from . import scaling\n")
        (package / "parts" / "scaling.py").write_text(HELPER.format(factor=factor))
        (package / "mine.py").write_text(line)
        digests.append(provenance.file_digest(str(package / "mine.py")))
    assert digests[0] != digests[1]


def test_a_user_s_file_in_the_checkout_is_followed_too(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    digests = []
    for factor in (2, 3):
        provenance._syntax.cache_clear()
        provenance._imports.cache_clear()
        (tmp_path / "scaling.py").write_text(HELPER.format(factor=factor))
        (tmp_path / "mine.py").write_text("from scaling import scale")
        digests.append(provenance.file_digest(str(tmp_path / "mine.py")))
    assert digests[0] != digests[1]


def test_classes_of_one_name_are_told_apart(tmp_path, monkeypatch):
    for name, factor in (("one_part", 1), ("other_part", 2)):
        (tmp_path / f"{name}.py").write_text(
            f"from torch import nn\n\n\nclass Block(nn.Module):\n    factor = {factor}\n"
        )
    monkeypatch.syspath_prepend(tmp_path)
    blocks = [importlib.import_module(name).Block() for name in ("one_part", "other_part")]
    assert list(provenance.code_of(torch.nn.Sequential(*blocks), "front-end")) == [
        "front-end one_part.Block",
        "front-end other_part.Block",
    ]


def test_an_installed_front_end_s_own_package_belongs_to_it_and_others_do_not(tmp_path, monkeypatch):
    folder = tmp_path / "site-packages"
    for package, line in (
        ("mykit", "from otherkit import scale\nfrom mykit.half import half\n\n\nclass Mine:\n    pass\n"),
        ("otherkit", "scale = 1\n"),
    ):
        (folder / package).mkdir(parents=True)
        (folder / package / "__init__.py").write_text(line)
    monkeypatch.syspath_prepend(folder)
    digests = []
    for half, scale in (("0.5", "1"), ("0.5", "2"), ("0.25", "2")):
        provenance._syntax.cache_clear()
        (folder / "mykit" / "half.py").write_text(f"half = {half}\n")
        (folder / "otherkit" / "__init__.py").write_text(f"scale = {scale}\n")
        digests.append(provenance.source_digest(importlib.import_module("mykit").Mine))
    assert digests[0] == digests[1] != digests[2]


def test_what_the_suite_s_components_compute_with_belongs_to_them(monkeypatch):
    seen: list[str] = []
    monkeypatch.setattr(provenance, "_syntax", lambda path: seen.append(Path(path).name) or "")
    provenance.source_digest(SampleImportance)
    provenance.source_digest(registry.load("tasks", "enhancement"))
    provenance.source_digest(registry.load("front_ends", "unet"))
    assert {
        "sample_importance.py",
        "importance.py",
        "enhancement.py",
        "si_sdr.py",
        "unet.py",
        "_stft.py",
        "_losses.py",
    } <= set(seen)
    assert not {"contracts.py", "plan.py", "system.py", "audio.py"} & set(seen)


def key(**config) -> str:
    return Cell(
        "score", "a cell", {"source": {"targets": {"name": "x/y", "options": {}, "path": "somewhere"}}, **config}, ()
    ).key


def test_what_is_in_a_file_that_options_name_is_part_of_the_key_and_its_place_is_not(tmp_path):
    weights = [tmp_path / name / "w.pt" for name in ("a", "b", "c")]
    for path, text in zip(weights, ("one", "one", "two"), strict=True):
        path.parent.mkdir()
        path.write_text(text)
    keys = [key(front_end={"name": "mine", "config": {"weights": str(path)}}) for path in weights]
    assert keys[0] == keys[1] != keys[2]
    folders = [key(front_end={"name": "folder", "config": {"path": str(path.parent)}}) for path in weights]
    assert folders[0] == folders[1] != folders[2]
    (tmp_path / "a" / "more.wav").write_text("more")
    assert key(front_end={"name": "folder", "config": {"path": str(weights[0].parent)}}) != folders[1]


def test_the_current_folder_does_not_change_the_names_of_corpora(tmp_path, monkeypatch):
    before = key()
    (tmp_path / "x" / "y").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert key() == before
