"""A user's own file finds what lies beside it, and nobody else does."""

import sys
from pathlib import Path

import pytest

from benchmark import provenance, registry
from benchmark.errors import EarmarkError
from benchmark.foreign_modules import import_file, neighbour

MINE = "from torch import nn\n{line}\n\nclass Mine(nn.Module):\n    value = {value}\n"


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.py" if not name.startswith("init") else folder / "__init__.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def value(path: Path) -> object:
    return registry.load("front_ends", f"{path}:Mine").value


@pytest.mark.parametrize("line", ["import utils", "from utils import VALUE", "import utils as other"])
def test_two_repositories_have_a_module_of_one_name_each(tmp_path, line):
    found = []
    for number in (1, 2):
        name = {"import utils": "utils.VALUE", "from utils import VALUE": "VALUE"}.get(line, "other.VALUE")
        folder = write(
            tmp_path / f"repository{number}{len(line)}",
            utils=f"VALUE = {number}",
            mine=MINE.format(line=line, value=name),
        )
        found.append(value(folder / "mine.py"))
    assert found == [1, 2]


def test_relative_imports_and_packages(tmp_path):
    package = tmp_path / "package"
    write(package, init="", layers="FACTOR = 3", sub__deep="from ..layers import FACTOR")
    (package / "sub/__init__.py").write_text("")
    write(
        package,
        mine=MINE.format(line="from .sub.deep import FACTOR\nfrom . import layers", value="FACTOR + layers.FACTOR"),
    )
    assert value(package / "mine.py") == 6
    write(
        package,
        also=MINE.format(
            line="import package.layers\nfrom package.sub import deep", value="package.layers.FACTOR + deep.FACTOR"
        ),
    )
    assert value(package / "also.py") == 6


@pytest.mark.parametrize("name", ["tasks", "datasets", "speechbrain", "statistics"])
def test_a_neighbour_may_be_called_like_a_module_of_the_suite_or_a_package(tmp_path, name):
    before = sys.modules.get(name)
    write(tmp_path, **{name: "VALUE = 7", "mine": MINE.format(line=f"import {name}", value=f"{name}.VALUE")})
    assert value(tmp_path / "mine.py") == 7
    assert sys.modules.get(name) is before
    import tasks

    assert Path(tasks.__file__).parent.name == "tasks"


def test_the_suite_itself_is_what_it_is(tmp_path):
    from benchmark.contracts import FrontEnd

    path = tmp_path / "mine.py"
    path.write_text("from benchmark.contracts import FrontEnd\n\nclass Mine(FrontEnd):\n    value = FrontEnd\n")
    assert value(path) is FrontEnd


def test_what_is_beside_it_counts_for_its_digest(tmp_path):
    digests = []
    for number in (1, 2):
        folder = write(tmp_path, tasks=f"VALUE = {number}", mine=MINE.format(line="import tasks", value="tasks.VALUE"))
        digests.append(provenance.file_digest(str(folder / "mine.py")))
    assert digests[0] != digests[1]


def test_a_folder_without_init_does_not_hide_a_package(tmp_path):
    write(tmp_path, torch__x="")
    assert neighbour(tmp_path, "torch") is None
    write(tmp_path, layers__x="")
    assert neighbour(tmp_path, "layers") == tmp_path / "layers"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("from .nowhere import x", "ModuleNotFoundError"),
        ("def broken(:", "SyntaxError"),
        ("raise SystemExit(0)", "SystemExit: 0"),
    ],
)
def test_what_cannot_be_imported_is_one_line_and_may_be_mended(tmp_path, text, said):
    path = tmp_path / "mine.py"
    path.write_text(text)
    with pytest.raises(EarmarkError, match=said) as caught:
        value(path)
    assert "\n" not in str(caught.value)
    path.write_text(MINE.format(line="", value="1") + "# longer, so that no compiled file is taken for it\n")
    assert value(path) == 1


def test_a_file_is_imported_once(tmp_path):
    path = write(tmp_path, mine=MINE.format(line="", value="object()")) / "mine.py"
    assert import_file(path) is import_file(path)
    assert value(path) is value(path)
