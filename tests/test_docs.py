"""Every command and every example that the README and docs/ show, run: long ones as a dry run."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmark import audio
from benchmark.cli import main

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
MAKE = sorted(set(re.findall(r"(?:^|`)(make [a-z]+(?: [A-Z]+=\S+?)*)(?=[`\s#])", TEXT, re.MULTILINE)))
EARMARK = sorted(
    {
        re.split(r"\s+#", found)[0].strip()
        for found in re.findall(r"(?:^\.venv/bin/|`)(earmark [a-z][^`\n]*)", TEXT, re.MULTILINE)
    }
)
EXAMPLE = re.compile(r"```(python|yaml)\n(# (\S+\.(?:py|yaml))\n.*?)```", re.DOTALL)


def test_the_docs_show_commands():
    assert len(MAKE) >= 4
    assert len(EARMARK) >= 6


@pytest.mark.parametrize("command", MAKE)
def test_make_targets_exist(command):
    subprocess.run([*shlex.split(command), "--dry-run"], cwd=ROOT, check=True, capture_output=True)


@pytest.mark.parametrize("command", EARMARK)
def test_commands_run(command, examples, capsys):
    words = shlex.split(command)[1:]
    if words[0] == "run" and not {"--dry-run", "--help"} & set(words):
        words.append("--dry-run")
    words = ["demo" if word == "RECIPE" else word for word in words]
    status = main(words)
    error = capsys.readouterr().err
    if "FOLDER" in words and words[0] == "run":  # no recordings here: the plan says where to get them
        assert status == 2
        assert "FOLDER" in error
        assert all(line.startswith("earmark: ") for line in error.splitlines())
    else:
        assert status == 0, error


def test_examples_train(examples, capsys):
    """The example front-end: one batch of each training, one scene of each scoring, under fewer schemes."""
    recipe = examples / "softly.yaml"
    recipe.write_text(recipe.read_text(encoding="utf-8") + "schemes: {noisy: , joint: }\n", encoding="utf-8")
    assert main(["run", "softly.yaml", "--fast-dev-run", "--jobs", "1"]) == 0, capsys.readouterr().err


def test_the_table_of_difficulty_is_what_its_script_prints():
    page = (ROOT / "docs/results/sample_importance.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"`python (studies/where_weighting_helps\.py [^`]+)`", page)
    printed = subprocess.run(
        [sys.executable, *command.split()], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    rows = re.findall(r"^\| .+ \| (easy|middling|hard) \| (\d+) \| (.+) \|$", page, re.MULTILINE)
    shown = [(level, number, re.findall(r"-?\d\.\d{3}", rest)) for level, number, rest in rows]
    made = []
    for level, number, rest in re.findall(
        r"^\w+, (\w+) \((\d+) of.*?\): (.+?)(?=^\w|\Z)", printed, re.MULTILINE | re.DOTALL
    ):
        figures = [re.findall(r"-?\d\.\d{3}", line.partition(", p =")[0]) for line in rest.splitlines()]
        made.append(
            (level, number, [figures[0][0], *(line[0] for line in figures[1:]), *figures[1][1:], *figures[2][1:]])
        )
    assert len(shown) == 12
    assert sorted(shown) == sorted(made)


@pytest.fixture
def examples(tmp_path, monkeypatch):
    """A folder with every example that names its file, a recipe of one's own and a finished board."""
    for _, text, name in EXAMPLE.findall(TEXT):
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "my.yaml").write_text("# Mine\nbase: demo.yaml\nseeds: [2]\n", encoding="utf-8")
    (tmp_path / "FOLDER").mkdir()
    audio.write(tmp_path / "noisy.wav", np.random.default_rng(0).normal(0, 0.01, (1, 8000)))
    shutil.copytree(ROOT / "leaderboards", tmp_path / "leaderboards")
    monkeypatch.chdir(tmp_path)
    return tmp_path
