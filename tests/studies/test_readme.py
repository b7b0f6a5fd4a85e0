"""The list of studies."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "studies/README.md").read_text(encoding="utf-8")


def test_every_study_is_listed_and_tested():
    scripts = sorted(path.name for path in (ROOT / "studies").glob("*.py"))
    assert sorted(re.findall(r"^\| `(\w+\.py)` \|", README, re.MULTILINE)) == scripts
    assert sorted(path.name for path in Path(__file__).parent.glob("test_*.py") if path != Path(__file__)) == [
        f"test_{name}" for name in scripts
    ]


def test_commands_run_scripts_and_pages_are_there():
    commands = re.findall(r"`python ([^\s`]+)", README)
    assert commands
    assert all((ROOT / script).is_file() for script in commands)
    pages = re.findall(r"`(docs/\S+\.md)`", README)
    assert pages
    assert all((ROOT / page).is_file() for page in pages)
