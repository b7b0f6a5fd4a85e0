"""What a digest sees: the code that a component computes with, wherever it lies, and what its options name."""

import importlib

import pytest
import torch

from benchmark import provenance, registry
from benchmark.catalogue import CorpusContent
from benchmark.contracts import Spec
from benchmark.metrics import si_sdr, snr
from benchmark.planning.cells import IDENTITY, Cell, Enhancing
from benchmark.results.board import Board
from benchmark.settings import ScoredScenes
from benchmark.training.schemes.sample_importance import SampleImportance

MINE = """from benchmark.contracts import FrontEnd
from {helper} import scale


class Mine(FrontEnd):
    def forward(self, audio):
        return scale(audio)
"""
HELPER = '"""Beside it."""\n\n\ndef scale(audio):\n    return {factor} * audio\n'

# A suite in small: a front-end, its base class, a helper, and a helper of that.
SUITE = {
    "benchmark/__init__.py": "",
    "benchmark/contracts.py": "class FrontEnd:\n    version = 1\n",
    "benchmark/frontends/__init__.py": "",
    "benchmark/frontends/louder.py": """
import torch

from benchmark.contracts import FrontEnd
from benchmark.frontends import _gains
from benchmark.frontends._base import Base

FACTOR = 2


class Louder(Base):
    def forward(self, audio, factor=FACTOR):
        return torch.tanh(_gains.amplified(audio, factor))


def unrelated():
    return 1
""",
    "benchmark/frontends/_base.py": """
from benchmark.contracts import FrontEnd


class Base(FrontEnd):
    opaque = False
""",
    "benchmark/frontends/_gains.py": """
from functools import cache


@cache
def amplified(audio, factor):
    from benchmark.audio import LIMIT as most

    return scaled(audio, min(factor, most))


def scaled(audio, factor):
    return audio * factor if factor else amplified(audio, 1)


def unused(audio):
    return audio
""",
    "benchmark/audio.py": "LIMIT = 4\n\n\ndef read(path):\n    return path\n",
}


@pytest.fixture
def suite(tmp_path, monkeypatch):
    """Writes SUITE with changes to its files, and gives the digest of the front-end Louder."""

    def louder(changes=None, moved=None):
        root = tmp_path / str(len(list(tmp_path.iterdir())))
        files = {**SUITE}
        for name, (old, new) in (changes or {}).items():
            assert old in files[name]
            files[name] = files[name].replace(old, new)
        for old, new in (moved or {}).items():
            files[new] = files.pop(old)
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        monkeypatch.setattr(provenance, "ROOT", root)
        reached = provenance.Reached()
        reached.start(root / "benchmark/frontends/louder.py", "Louder")
        return reached.digest()

    return louder


LOUDER, BASE, GAINS = (f"benchmark/frontends/{name}.py" for name in ("louder", "_base", "_gains"))


def test_moving_and_renaming_modules_leaves_a_digest_as_it_is(suite):
    before = suite()
    assert before == suite(
        moved={LOUDER: LOUDER, BASE: "benchmark/bases.py"}, changes={LOUDER: ("frontends._base", "bases")}
    )
    renamed = {LOUDER: ("_gains", "levels")}
    assert before == suite(moved={GAINS: "benchmark/frontends/levels.py"}, changes=renamed)
    direct = "from benchmark.gains import amplified as grown"
    text = SUITE[LOUDER].replace("from benchmark.frontends import _gains", direct).replace("_gains.amplified", "grown")
    assert before == suite(moved={GAINS: "benchmark/gains.py"}, changes={LOUDER: (SUITE[LOUDER], text)})


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (LOUDER, "import torch\n", "from typing import TYPE_CHECKING\n\nimport torch as torch\n"),
        (LOUDER, "from benchmark.frontends import _gains", "import benchmark.frontends._gains as _gains"),
        (LOUDER, "from benchmark.frontends import _gains", "from . import _gains"),
        (LOUDER, "from benchmark.frontends._base", "from ._base"),
        (LOUDER, "FACTOR = 2", "# twice\nFACTOR = (2)"),
        (LOUDER, "(Base):\n", '(Base):\n    """Makes it louder."""\n\n'),
        (LOUDER, "FACTOR = 2\n", "if TYPE_CHECKING:\n    from benchmark.frontends import unet\nFACTOR = 2\n"),
        (LOUDER, "return 1", "return 2"),
        (GAINS, "def unused(audio)", "def unused(audio, more)"),
        ("benchmark/audio.py", "return path", "return None"),
        ("benchmark/contracts.py", "1", "2"),
        ("benchmark/__init__.py", "", '"""The suite."""\n'),
    ],
)
def test_layout_imports_and_what_is_not_used_do_not_count(suite, file, old, new):
    assert suite() == suite({file: (old, new)})


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (LOUDER, "FACTOR = 2", "FACTOR = 3"),
        (LOUDER, "factor=FACTOR", "factor=1"),
        (LOUDER, "torch.tanh", "torch.sin"),
        (LOUDER, "import torch\n", "import numpy as torch\n"),
        (LOUDER, "class Louder(Base)", "class Louder(FrontEnd)"),
        (LOUDER, "FACTOR = 2\n", "FACTOR = 2\ntorch.manual_seed(1)\n"),
        (LOUDER, "FACTOR = 2\n", "FACTOR = 2\nfor _ in range(3):\n    FACTOR += 1\n"),
        (BASE, "False", "True"),
        (GAINS, "@cache\n", ""),
        (GAINS, "audio * factor", "audio + factor"),
        ("benchmark/audio.py", "4", "5"),
    ],
)
def test_whatever_a_component_computes_with_counts(suite, file, old, new):
    assert suite() != suite({file: (old, new)})


def test_functions_of_one_name_are_told_apart(suite):
    def nested(first, second):
        imports = f"from benchmark.{first} import read\nfrom benchmark.{second} import read as other\n"
        text = SUITE[LOUDER].replace("import torch\n", f"import torch\n{imports}")
        return {
            LOUDER: (SUITE[LOUDER], text.replace("return torch", "return read(other(audio)) or torch")),
            "benchmark/__init__.py": ("", "def read(path):\n    return path + 1\n"),
        }

    one, other = nested("audio", "__init__"), nested("__init__", "audio")
    assert suite(one) == suite(one) != suite(other)


def test_a_local_variable_is_not_the_module_of_that_name(suite):
    imported = {GAINS: ("from functools import cache", "from functools import cache\n\nfrom benchmark import audio")}
    assert suite(imported) == suite(imported | {"benchmark/audio.py": ("return path", "return None")})


@pytest.mark.parametrize(
    "line",
    ["from benchmark.audio import *", "from benchmark import audio\nvars(audio)", "import benchmark.audio as a; a.x"],
)
def test_a_module_whose_use_cannot_be_followed_counts_whole(suite, line):
    used = {LOUDER: ("FACTOR = 2", f"{line}\nFACTOR = 2")}
    assert suite(used) != suite(used | {"benchmark/audio.py": ("return path", "return None")})


def test_modules_that_import_each_other_come_to_an_end(suite):
    circle = {
        "benchmark/frontends/__init__.py": (
            "",
            "from benchmark.frontends.louder import Louder\nfrom . import _gains\n",
        ),
        BASE: ("class Base(FrontEnd):", "from benchmark.frontends import Louder\n\n\nclass Base(FrontEnd, Louder):"),
    }
    assert suite(circle) == suite(circle) != suite(circle | {GAINS: ("audio * factor", "audio + factor")})


def test_functions_and_modules_have_digests_too():
    assert provenance.reached_from(snr.snr).names() >= {"snr.snr", "_energies.EPSILON"}
    assert provenance.reached_from(snr.snr).names() < provenance.reached_from(snr).names()
    assert len({provenance.source_digest(part) for part in (snr.snr, si_sdr.si_sdr, snr)}) == 3


def test_figures_of_a_board_depend_on_statistics_rows_and_summaries():
    names = provenance.reached_from(Board).names()
    assert {"statistics", "board", "board_rows", "summary_file"} <= {name.partition(".")[0] for name in names}
    assert "statistics.scene_weights" in names


def test_a_helper_beside_a_user_s_file_belongs_to_it(tmp_path):
    digests = []
    for factor, comment in ((2, ""), (2, "# the same\n"), (3, "")):
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
        (tmp_path / "scaling.py").write_text(HELPER.format(factor=factor))
        (tmp_path / "mine.py").write_text("from scaling import scale")
        digests.append(provenance.file_digest(str(tmp_path / "mine.py")))
    assert digests[0] != digests[1]


def test_a_helper_beside_a_user_s_file_may_be_renamed(tmp_path):
    digests = set()
    for name in ("scaling", "gains"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / f"{name}.py").write_text(HELPER.format(factor=2))
        (folder / "mine.py").write_text(MINE.format(helper=name))
        digests.add(provenance.file_digest(str(folder / "mine.py")))
    assert len(digests) == 1


def test_of_the_suite_a_user_s_file_has_what_it_names(tmp_path):
    (tmp_path / "mine.py").write_text("from benchmark.metrics import snr\n\nMEASURE = snr.snr\n")
    reached = provenance.Reached()
    reached.start(tmp_path / "mine.py")
    assert {"mine.MEASURE", "snr.snr"} < reached.names()
    assert not {"snr.SNR", "si_sdr.si_sdr", "contracts.Figure"} & reached.names()


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
        (folder / "mykit" / "half.py").write_text(f"half = {half}\n")
        (folder / "otherkit" / "__init__.py").write_text(f"scale = {scale}\n")
        digests.append(provenance.source_digest(importlib.import_module("mykit").Mine))
    assert digests[0] == digests[1] != digests[2]


def test_other_packages_beside_an_installed_module_do_not_belong_to_it(tmp_path, monkeypatch):
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    (folder / "single_module.py").write_text("import other_module\n\n\nclass Mine:\n    value = other_module.value\n")
    digests = set()
    for value in (1, 2):
        (folder / "other_module.py").write_text(f"value = {value}\n")
        digests.add(provenance.source_digest(importlib.import_module("single_module").Mine))
    assert len(digests) == 1


def test_what_the_suite_s_components_compute_with_belongs_to_them():
    names = {
        *provenance.reached_from(SampleImportance).names(),
        *provenance.reached_from(registry.load("tasks", "enhancement")).names(),
        *provenance.reached_from(registry.load("front_ends", "unet")).names(),
    }
    files = {name.partition(".")[0] for name in names}
    assert {"sample_importance", "importance", "enhancement", "si_sdr", "unet", "_stft", "_losses"} <= files
    assert not {"contracts", "plan", "system", "errors", "options", "registry"} & files
    assert {name for name in names if name.startswith("audio.")} == {"audio.TINY", "audio.resample"}


def key(front_end: Spec = IDENTITY) -> str:
    source = {"targets": CorpusContent("x/y", {}, "somewhere")}
    return Cell("a cell", Enhancing(front_end, {}, source, ScoredScenes(), None, "cpu")).key


def test_what_is_in_a_file_that_options_name_is_part_of_the_key_and_its_place_is_not(tmp_path):
    weights = [tmp_path / name / "w.pt" for name in ("a", "b", "c")]
    for path, text in zip(weights, ("one", "one", "two"), strict=True):
        path.parent.mkdir()
        path.write_text(text)
    keys = [key(Spec("mine", 1, {"weights": str(path)})) for path in weights]
    assert keys[0] == keys[1] != keys[2]
    folders = [key(Spec("folder", 1, {"path": str(path.parent)})) for path in weights]
    assert folders[0] == folders[1] != folders[2]
    (tmp_path / "a" / "more.wav").write_text("more")
    assert key(Spec("folder", 1, {"path": str(weights[0].parent)})) != folders[1]


def test_the_current_folder_does_not_change_the_names_of_corpora(tmp_path, monkeypatch):
    before = key()
    (tmp_path / "x" / "y").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert key() == before
