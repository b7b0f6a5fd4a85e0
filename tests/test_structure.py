"""What the folders promise: whole packages, imports that run one way, private names that stay at home."""

import ast
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("benchmark", "tasks")


def imported(source: str, module: str, is_package: bool = False) -> Iterator[str]:
    """The absolute dotted path of everything that a module's source imports, wherever the statement is."""
    package = module if is_package else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            start = ".".join([*above, *(node.module or "").split(".")]).strip(".")
            yield from (f"{start}.{alias.name}" for alias in node.names)


def trespasses(root: Path) -> list[str]:
    """Every import of a private name from outside the package (the folder) that holds it, as "importer: name"."""
    found = []
    for path in sorted(file for package in PACKAGES for file in (root / package).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        module = ".".join(part for part in parts if part != "__init__")
        for name in imported(path.read_text(encoding="utf-8"), module, path.name == "__init__.py"):
            holder: list[str] = []
            for part in name.split("."):
                if part.startswith("_") and not part.endswith("__") and holder and holder[0] in PACKAGES:
                    while not root.joinpath(*holder).is_dir():  # a name in a module belongs to the module's package
                        holder.pop()
                    if not f"{module}.".startswith(".".join(holder) + "."):
                        found.append(f"{module}: {name}")
                    break
                holder.append(part)
    return found


def test_private_names_stay_in_their_package():
    assert trespasses(ROOT) == []


@pytest.mark.parametrize(
    ("importer", "statement", "name"),
    [
        ("benchmark/room/use.py", "from benchmark.other._hidden import f", "benchmark.other._hidden.f"),
        ("benchmark/room/use.py", "from benchmark.other import _hidden", "benchmark.other._hidden"),
        ("benchmark/room/use.py", "import benchmark.other._hidden as h", "benchmark.other._hidden"),
        ("benchmark/room/use.py", "from benchmark.other.shown import _f", "benchmark.other.shown._f"),
        ("benchmark/room/use.py", "from ..other import _hidden", "benchmark.other._hidden"),
        ("benchmark/room/__init__.py", "from ..other import _hidden", "benchmark.other._hidden"),
        ("benchmark/room/use.py", "def g():\n    from benchmark.other import _hidden", "benchmark.other._hidden"),
        ("tasks/use.py", "from benchmark.other import _hidden", "benchmark.other._hidden"),
        ("benchmark/other/use.py", "from benchmark.other import _hidden", None),
        ("benchmark/other/inner/use.py", "from benchmark.other._hidden import f", None),
        ("benchmark/other/use.py", "from ._hidden import f", None),
        ("benchmark/other/use.py", "from benchmark.other.shown import _f", None),
        ("benchmark/room/use.py", "from torch.utils._pytree import tree_map", None),
        ("benchmark/room/use.py", "from benchmark import __version__", None),
    ],
)
def test_a_trespass_is_found_and_nothing_else(tmp_path, importer, statement, name):
    for file in ("benchmark/other/_hidden.py", "benchmark/other/shown.py", "benchmark/room/shown.py"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("")
    path = tmp_path / importer
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(statement)
    module = ".".join(part for part in Path(importer).with_suffix("").parts if part != "__init__")
    assert trespasses(tmp_path) == ([] if name is None else [f"{module}: {name}"])


def packages() -> list[Path]:
    """Every folder of the suite that holds Python files."""
    return sorted({path.parent for package in PACKAGES for path in (ROOT / package).rglob("*.py")})


def test_every_package_has_its_init():
    assert not [str(folder) for folder in packages() if not (folder / "__init__.py").is_file()]


def test_the_import_contract_names_every_module():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    named = {name.strip() for layer in contracts[0]["layers"] for name in layer.split("|")}
    entries = [path for path in (ROOT / "benchmark").iterdir() if not path.name.startswith("__")]
    there = {f"benchmark.{path.stem}" for path in entries if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert named == there | {"tasks"}


def test_the_suite_is_found_whole_before_another_package_of_its_name(tmp_path):
    for name in PACKAGES:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('the other one')\n")
        (tmp_path / name / "running.py").write_text("")
    modules = [".".join(folder.relative_to(ROOT).parts) for folder in packages()]
    script = f"import importlib.util\nfor name in {modules}: print(importlib.util.find_spec(name).origin)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)])}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=tmp_path.parent, capture_output=True, text=True, check=True
    )
    assert [Path(line).parent for line in done.stdout.splitlines()] == packages()
