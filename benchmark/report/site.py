"""The page as a folder: an index of all leaderboards, and for each its boards and scenes to listen to.

It opens as a file, with no server and no network. Equal summaries and records give equal bytes.
"""

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from benchmark.errors import EarmarkError
from benchmark.report import confusion, differences, plot, show, sounds
from benchmark.report.confusion import Confusion
from benchmark.report.curves import Curves, curves
from benchmark.report.diagram import Diagram, diagram
from benchmark.report.listening import KeptScene, kept_scenes
from benchmark.report.scatter import Scatter, scatters
from benchmark.results import cards
from benchmark.results.board import Board, boards_of, cache_of
from benchmark.results.cost_columns import COSTS
from benchmark.results.records import Records
from benchmark.results.view import Differences, Estimate, LeaderboardView, Name, TaskView, Who, view_of
from benchmark.store import clear_of_the_dead, full_disk, write_text

HERE = Path(__file__).parent
# A folder with this mark is a page, and may be written over.
GENERATOR = '<meta name="generator" content="Earmark">'


@dataclass(frozen=True)
class TaskPage:
    """What the tab of a task shows."""

    view: TaskView
    curves: list[Curves]
    diagrams: list[Diagram]
    confusions: list[Confusion]


@dataclass(frozen=True)
class LeaderboardPage:
    """What the page of a leaderboard shows."""

    name: str
    view: LeaderboardView
    diagrams: list[Diagram]
    scatters: list[Scatter]
    tasks: list[TaskPage]
    # of submissions, by front-end: what its authors said, and what was measured
    cards: Mapping[str, Mapping[str, Mapping[str, object]]]
    controls: list[Path]  # maps of the controls of front-ends
    tables: list[Path]  # CSV files
    scenes: list[KeptScene]
    missing: list[str]  # what is not shown, and why
    style: show.Style

    @property
    def front_ends(self) -> list[str]:
        """The labels of its front-ends, without the reference."""
        return list(dict.fromkeys(row.who.front_end for row in self.view.rows if row.who.ranked))

    @property
    def methods(self) -> bool:
        """Whether all rows have seeds enough to compare methods, and not only these weights."""
        return all(row.who.is_method for row in self.view.rows)


def write_site(folders: Sequence[Path], out: Path) -> Path:
    """Write the page of some leaderboards.

    Args:
        folders: leaderboards/<recipe> each, with summaries.jsonl; predictions and sounds come from runs/ beside
            leaderboards/, if it is there
        out: the folder to write; an earlier page there is replaced
    Returns:
        its index.html
    Raises:
        EarmarkError: two leaderboards have one name, summaries or records are damaged, or `out` holds something else;
            nothing is changed then
    """
    names = [folder.resolve().name for folder in folders]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise EarmarkError(
            f"{doubled[0]}: two leaderboards have this name; give one of them, or write two pages with --out"
        )
    if out.exists() and not _is_page(out):
        raise EarmarkError(f"{out}: it is there already and is no page of Earmark's; choose another folder with --out")
    try:
        out.resolve().parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f".{out.name}.{os.getpid()}.", dir=out.resolve().parent) as scratch:
            made = Path(scratch) / "page"
            _write([leaderboard_page(folder) for folder in folders], made)
            if out.exists():
                out.rename(Path(scratch) / "before")
            made.rename(out)
        clear_of_the_dead(out.resolve().parent, rf"\.{re.escape(out.name)}\.(\d{{1,9}})\..+")
    except OSError as error:
        raise full_disk(error, out) from error
    return out / "index.html"


def leaderboard_page(folder: Path) -> LeaderboardPage:
    """Everything that is shown of leaderboards/<recipe>."""
    boards = boards_of(folder, cache_of(folder))
    records = Records(folder.resolve().parent.parent / "runs")
    view = view_of(boards)
    scenes = [scene for board in boards for scene in kept_scenes(board, records)]
    return LeaderboardPage(
        name=folder.resolve().name,
        view=view,
        diagrams=_diagrams(view.differences, {row.who.name: (row.who, row.reduction) for row in view.rows}),
        scatters=scatters(view.rows),
        tasks=[_task_page(task, board, records) for task, board in zip(view.tasks, boards, strict=True)],
        cards=_cards(folder, boards),
        controls=sorted((folder / "controls").glob("*.svg")),
        tables=sorted(folder.glob("*.csv")) + sorted((folder / "controls").glob("*.csv")),
        scenes=scenes,
        missing=_missing(boards, records, bool(scenes)),
        style=show.Style([row.who for row in view.rows]),
    )


def _cards(folder: Path, boards: Sequence[Board]) -> dict[str, dict[str, Mapping[str, object]]]:
    """For each submission that has rows, what its authors say, and what was measured."""
    said = cards.submissions(folder)
    lines = {
        name: [line for board in boards for row in board.rows if row.name[0] == name for line in row.lines]
        for name in said
    }
    return {
        name: {"said": card, "measured": cards.measured(card, lines[name])}
        for name, card in said.items()
        if lines[name]
    }


def _task_page(view: TaskView, board: Board, records: Records) -> TaskPage:
    scores = {row.who.name: (row.who, row.score) for row in view.rows}
    drawings = _diagrams(view.differences, scores)
    return TaskPage(view, curves(view, board), drawings, confusion.confusions(board, records))


def _missing(boards: Sequence[Board], records: Records, sounds_here: bool) -> list[str]:
    found = []
    if not any(records.folder(row.lines[0]) for board in boards for row in board.rows):
        found.append(
            "Sounds, and most confusions: they need the records of a run, which are not beside these leaderboards. Run "
            "the recipe here, then write the page again."
        )
    elif not sounds_here:
        found.append("Sounds: the records beside these leaderboards hold none.")
    crowded = [board.task for board in boards if len(board.entered) > differences.MOST]
    return found + [
        f"{task}: the diagram of differences, which could not be read for more than {differences.MOST} rows."
        for task in crowded
    ]


def _diagrams(found: Sequence[Differences], rows: Mapping[Name, tuple[Who, Estimate]]) -> list[Diagram]:
    return [diagram(group, rows) for group in differences.groups(found) if len(group.names) > 1]


def _write(boards: Sequence[LeaderboardPage], out: Path) -> None:
    pages = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters |= show.FILTERS
    pages.globals |= {
        "generator": GENERATOR,
        "plot": plot,
        "factor": sounds.factor,
        "file_of": sounds.name,
        "clips": sounds.clips,
        "cost_columns": COSTS,
    }
    out.mkdir()
    for path in (HERE / "assets").iterdir():
        shutil.copyfile(path, out / path.name)
    write_text(out / "index.html", pages.get_template("index.html").render(boards=boards, root=""))
    for board in boards:
        folder = out / board.name
        for name in ["index.html"] + ["listening.html"] * bool(board.scenes):
            template = "leaderboard.html" if name == "index.html" else name
            write_text(folder / name, pages.get_template(template).render(board=board, boards=boards, root="../"))
        for path in board.controls + board.tables:
            (folder / "files").mkdir(exist_ok=True)
            shutil.copyfile(path, folder / "files" / path.name)
        for scene in board.scenes:
            sounds.write_sounds(scene, folder / "sounds")


def _is_page(folder: Path) -> bool:
    index = folder / "index.html"
    return folder.is_dir() and (
        not any(folder.iterdir())
        or (index.is_file() and GENERATOR in index.read_text(encoding="utf-8", errors="replace"))
    )
