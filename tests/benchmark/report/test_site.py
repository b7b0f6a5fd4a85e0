import hashlib
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
import soundfile
from invented_summaries import summary
from PIL import Image

from benchmark.cli import main
from benchmark.errors import EarmarkError
from benchmark.report.site import write_site
from benchmark.results.board import boards_of
from benchmark.results.leaderboard_files import write_leaderboard
from benchmark.results.summary_file import write_summaries
from benchmark.results.view import task_view, view_of

pytestmark = pytest.mark.usefixtures("stubs")
ADDRESS = re.compile(r"(?:src|href)=\"([^\"#]*)")


class Elements(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_page_is_whole_and_refers_to_its_own_files_alone(site):
    pages = sorted(site.rglob("*.html"))
    assert {str(path.relative_to(site)) for path in pages} == {
        "index.html",
        "toy & co/index.html",
        "toy/index.html",
        "toy/listening.html",
    }
    for page in pages:
        for tag, attributes in Elements(page).tags:
            assert not any(name.startswith("on") or name == "style" for name in attributes), (page, tag)
            for name in ("src", "href"):
                address = attributes.get(name)
                if address and not address.startswith("#"):
                    path = page.parent / address.replace("%20", " ").replace("%26", "&")
                    assert path.is_file(), (page, address)


def test_names_are_text_and_never_elements(site):
    for name in ("index.html", "toy & co/index.html"):
        page = Elements(site / name)
        assert "<script>alert(1)</script> · joint" in page.text or "<script>alert(1)</script>" in page.text
        assert [attributes.get("src") for tag, attributes in page.tags if tag == "script"] == [
            ("../" if "/" in name else "") + "page.js"
        ]
        assert any(attributes.get("data-front") == '=cmd()"&' for _, attributes in page.tags)


def test_equal_input_gives_equal_bytes(site, leaderboard, recorded, tmp_path):
    again = write_site([leaderboard, recorded], tmp_path / "again").parent
    assert digests(again) == digests(site)
    assert len(digests(site)) > 12


def test_numbers_are_those_of_the_csv_files(leaderboard, tmp_path):
    copy = shutil.copytree(leaderboard, tmp_path / "copy")
    write_leaderboard(copy)
    for board in boards_of(leaderboard):
        csv = pd.read_csv(copy / f"{board.task}.csv")
        lines = task_view(board).rows
        assert [line.who.front_end for line in lines] == [name.removeprefix("'") for name in csv["front_end"]]
        for name in ("score", "change"):
            mine = pd.DataFrame([getattr(line, name) or (None,) * 3 for line in lines], dtype=float).set_axis(
                range(3), axis=1
            )
            pd.testing.assert_frame_equal(
                mine, csv[[name, f"{name}_low", f"{name}_high"]].set_axis(range(3), axis=1), atol=5e-5, rtol=0
            )
        assert [line.who.rank for line in lines if line.who.ranked] == csv["rank"].dropna().astype(int).tolist()


def test_a_row_that_failed_on_something_says_so_on_every_board(site, leaderboard):
    found = boards_of(leaderboard)
    failures = {
        (board.task, *line.who.name): line.who.failures
        for board in found
        for line in task_view(board).rows
        if line.who.failures
    }
    assert set(failures.values()) == {1 / 90}
    ((task, *name),) = failures
    assert [row.who.failures for row in view_of(found).rows if row.who.name == tuple(name)] == [1 / 180]
    assert task == "asr"
    text = Elements(site / "toy & co" / "index.html").text
    assert text.count("failed on 1 %") == 1
    assert text.count("failed on less than 1 %") == 1


def test_gain_is_more_where_the_task_is_done_better(leaderboard):
    for board in boards_of(leaderboard):
        best = task_view(board).by_name["unet", "noisy"]
        assert best.gain is not None
        assert best.gain.low <= best.gain.value <= best.gain.high
        assert best.gain.value > 0
        assert best.change is not None
        assert best.change.value == pytest.approx(best.gain.value * board.sign)


def test_without_records_the_page_says_what_is_missing_and_why(site):
    assert "they need the records of a run" in Elements(site / "toy & co" / "index.html").text
    assert not (site / "toy & co" / "listening.html").exists()
    with_records = Elements(site / "toy" / "index.html").text
    assert "they need the records" not in with_records
    assert "Confusions" in with_records


def test_what_is_said_of_synthetic_sound_and_of_seeds(site, stubs, tmp_path):
    text = Elements(site / "toy" / "index.html").text
    assert "Synthetic." in text
    assert "Weights, not methods." in text
    folder = tmp_path / "leaderboards" / "real"
    write_summaries(folder / "summaries.jsonl", [summary(seed=seed, synthetic=False) for seed in (1, 2, 3)])
    text = Elements(write_site([folder], tmp_path / "page").parent / "real" / "index.html").text
    assert "Synthetic." not in text
    assert "Methods." in text


def test_sounds_have_one_scale_and_pictures(site):
    sounds = sorted((site / "toy" / "sounds").glob("*.wav"))
    assert len(sounds) == 3  # three sounds, which two tasks share
    peaks = sorted(float(abs(soundfile.read(path)[0]).max()) for path in sounds)
    assert peaks == pytest.approx([0.9 * 0.05, 0.9 * 0.25, 0.9], rel=0.01)
    assert {soundfile.info(path).subtype for path in sounds} == {"PCM_16"}
    for path in sounds:
        picture = Image.open(path.with_suffix(".png")).convert("L")
        rows = [sum(picture.crop((0, y, picture.width, y + 1)).tobytes()) for y in range(picture.height)]
        assert abs(rows.index(max(rows)) - picture.height * 7 / 8) < 3  # 1 kHz of 8 stands an eighth above the floor
    assert "× 0.45" in Elements(site / "toy" / "listening.html").text


def test_cards_are_shown(leaderboard, tmp_path):
    copy = shutil.copytree(leaderboard, tmp_path / "leaderboards" / "toy")
    (copy / "cards").mkdir()
    (copy / "cards" / "unet.yaml").write_text(
        "name: unet\ndescription: '<b>mine</b>'\npaper: 'javascript:alert(1)'\ntraining_data: Synthetic Commands, "
        "version 2\n"
    )
    page = Elements(write_site([copy], tmp_path / "page").parent / "toy" / "index.html")
    assert "<b>mine</b>" in page.text
    assert "Contaminated: its training data name synthetic/commands" in page.text
    assert not any((attributes.get("href") or "").startswith("javascript") for _, attributes in page.tags)


def test_a_page_takes_the_place_of_a_page_and_of_nothing_else(leaderboard, tmp_path):
    out = tmp_path / "site"
    write_site([leaderboard], out)
    (out / "stale.html").write_text("old")
    write_site([leaderboard], out)
    assert not (out / "stale.html").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["site"]
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    with pytest.raises(EarmarkError, match="choose another folder"):
        write_site([leaderboard], mine)
    assert (mine / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["leaderboards/none"], "no summaries.jsonl"),
        (["leaderboards/toy", "--out", "leaderboards"], "no page of Earmark's"),
    ],
)
def test_bad_arguments_are_one_line(leaderboard, tmp_path, monkeypatch, capsys, arguments, message):
    shutil.copytree(leaderboard, tmp_path / "leaderboards" / "toy")
    monkeypatch.chdir(tmp_path)
    assert main(["report", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_the_command_shows_every_leaderboard_that_is_here(leaderboard, tmp_path, monkeypatch, capsys):
    shutil.copytree(leaderboard, tmp_path / "leaderboards" / "toy")
    shutil.copytree(leaderboard, tmp_path / "leaderboards" / "other")
    monkeypatch.chdir(tmp_path)
    assert main(["report"]) == 0
    assert capsys.readouterr().out == "site/index.html\n"
    assert {path.parent.name for path in (tmp_path / "site").glob("*/index.html")} == {"toy", "other"}


def test_two_leaderboards_of_one_name_are_refused(leaderboard, tmp_path):
    with pytest.raises(EarmarkError, match="two leaderboards"):
        write_site([leaderboard, shutil.copytree(leaderboard, tmp_path / leaderboard.name)], tmp_path / "site")


def test_a_damaged_record_is_one_line(recorded, tmp_path):
    copy = shutil.copytree(recorded.parent.parent, tmp_path / "all")
    path = next((copy / "runs" / "records").glob("asr unet*/predictions.jsonl"))
    path.write_text(path.read_text()[:-20])
    with pytest.raises(EarmarkError, match="changed since it was written"):
        write_site([copy / "leaderboards" / "toy"], tmp_path / "site")
    assert not (tmp_path / "site").exists()
