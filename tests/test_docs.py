"""Every command and every example that the pages show, run (long ones as a dry run); their links and their tables of
keys and columns.
"""

import csv
import inspect
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from benchmark import audio, registry
from benchmark.cli import main
from benchmark.contracts import ROLES
from benchmark.planning.recipe import TaskEntry, _Document
from benchmark.results import compare
from benchmark.settings import Phase, Score, Strict, Train, Trainer

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
MAKE = sorted(set(re.findall(r"(?:^|`)(make [a-z]+(?: [A-Z]+=\S+?)*)(?=[`\s#])", TEXT, re.MULTILINE)))
EARMARK = sorted(
    {
        re.split(r"\s+#", found)[0].strip()
        for found in re.findall(r"(?:^\.venv/bin/|`)(earmark [a-z][^`\n]*)", TEXT, re.MULTILINE)
    }
)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
INSIDE = ("roles", "options")  # fields that hold several keys of a task
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
    (command,) = re.findall(r"`python (studies/gain_by_scene_difficulty\.py [^`]+)`", page)
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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    for link in LINK.findall(CODE.sub("", page.read_text(encoding="utf-8"))):
        if link.startswith("https://"):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.is_relative_to(ROOT), link
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_is_in_a_list_of_pages():
    """The site shows a page where a toctree names it."""
    listed = {ROOT / "docs/index.md"}
    for page in PAGES:
        for entries in re.findall(r"^```\{toctree\}\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S):
            listed |= {page.parent / f"{entry}.md" for entry in entries.split("\n") if entry and entry[0] != ":"}
    assert set((ROOT / "docs").rglob("*.md")) <= listed


@pytest.mark.parametrize(
    ("section", "model", "others"),
    [
        ("The recipe", _Document, {"base"}),
        ("A task", TaskEntry, {*ROLES, "<option>"}),
        ("Training", Train, set()),
        ("Phase", Phase, set()),
        ("Scoring", Score, set()),
        ("Trainer", Trainer, set()),
    ],
)
def test_recipe_keys_are_all_described_with_their_defaults(section: str, model: type[Strict], others: set[str]):
    described = {cells[0].strip("`"): cells[2] for cells in table("docs/reference/recipe_keys.md", section)}
    fields = {key: field for key, field in model.model_fields.items() if key not in INSIDE}
    assert set(described) == set(fields) | others
    for role in ROLES.keys() & others:
        assert described[role] == ("required" if ROLES[role].required else "none"), role
    for key, field in fields.items():
        if field.is_required() or key == "model":
            assert described[key] in ("required", "the label", "the recipe's", "the task's own"), key
        else:
            default = field.get_default(call_default_factory=True)
            if isinstance(default, Strict):
                assert described[key] == "its defaults", key
            else:
                plain = list(default) if isinstance(default, tuple) else default
                assert yaml.safe_load(described[key].strip("`").replace("1e-3", "1.0e-3")) == plain, key


def test_options_of_tasks_are_all_described_with_their_defaults():
    rows = table("docs/reference/recipe_keys.md", "Options of tasks")
    described = {(task.strip("`"), key.strip("`")): default.strip("`") for task, key, _, default, _ in rows}
    options = {
        (name, key): parameter.default
        for name in registry.names("tasks")
        for key, parameter in inspect.signature(registry.load("tasks", name)).parameters.items()
        if key != "schema"
    }
    plain = {key: list(value) if isinstance(value, tuple) else value for key, value in options.items()}
    assert {key: yaml.safe_load(default) for key, default in described.items()} == plain


def test_kinds_of_questions_and_what_answers_them_are_described():
    rows = table("docs/guides/add_a_task_model.md", "What task and model exchange")
    described = {kind.strip("`"): set(re.findall(r"`(\w+)`", tasks)) for kind, *_, tasks in rows}
    asked: dict[str, set[str]] = {}
    for name in registry.names("tasks"):
        task = registry.load("tasks", name)
        if task.model is not None:
            asked.setdefault(task.asks, set()).add(name)
    assert described == asked
    assert {registry.load("task_models", name).answers for name in registry.names("task_models")} == set(asked)


def test_columns_of_the_boards_are_all_described():
    page = "docs/reference/csv_columns.md"
    described = {kind: columns(page, f"`{kind}.csv`") for kind in ("<task>", "overall", "costs")}
    metrics = columns(page, "Metrics")
    seen: dict[str, set[str]] = {kind: set() for kind in described}
    for path in sorted((ROOT / "leaderboards").glob("*/*.csv")):
        tasks = {other.stem for other in path.parent.glob("*.csv")} - {"overall", "costs"}
        kind = path.stem if path.stem in described else "<task>"
        placeholders = {
            "<condition>": r"(clean|snr_-?\d+(\.\d+)?)( [\w-]+)?",
            "<secondary>": "|".join(re.sub("<variable>", r"\\w+", metric) for metric in metrics),
            "<task>": "|".join(tasks),
        }
        patterns = {}
        for column in described[kind]:
            parts = re.split(r"(<\w+>)", column)
            patterns[column] = "".join(f"({placeholders[p]})" if p in placeholders else re.escape(p) for p in parts)
        with path.open(encoding="utf-8") as file:
            rows = list(csv.reader(file))
        for header in rows[0]:
            found = {column for column, pattern in patterns.items() if re.fullmatch(pattern, header)}
            assert found, f"{path}: {header}"
            seen[kind] |= found
    assert seen == {kind: set(described[kind]) for kind in described}


def test_columns_of_comparisons_are_all_described():
    described = columns("docs/reference/csv_columns.md", "The table of a comparison")
    assert described == ["first_row", "second_row", *compare.COLUMNS]


def test_every_metric_is_described():
    described = columns("docs/reference/csv_columns.md", "Metrics")
    measuring = [registry.load(kind, name) for kind in ("tasks", "metrics") for name in registry.names(kind)]
    for figure in (figure for component in measuring for figure in component.figures):
        assert any(re.fullmatch(re.sub("<variable>", r"\\w+", metric), figure) for metric in described), figure


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as forges and MyST make them."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def table(page: str, section: str) -> list[list[str]]:
    """The cells of the first table below a heading, without its head."""
    text = (ROOT / page).read_text(encoding="utf-8")
    (body,) = re.findall(rf"^## {re.escape(section)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in re.findall(r"^\|.*\|$", body, re.M)]
    return rows[2:]


def columns(page: str, section: str) -> list[str]:
    """The names in the first column of a table."""
    return [cells[0].strip("`") for cells in table(page, section)]


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
