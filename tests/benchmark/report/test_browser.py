"""The page in a browser, from file://, with clicks and with keys. Skipped where no Chromium is found."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from invented_summaries import summary

from benchmark.report.site import write_site
from benchmark.results.summary_file import write_summaries

sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
pytestmark = [pytest.mark.usefixtures("stubs"), pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=os.fspath(CHROMIUM or ""), args=QUIET)
        yield running
        running.close()


@pytest.fixture
def opened(browser: Any) -> Iterator[Any]:
    """Opens a page; afterwards nothing must have gone wrong in it, and nothing been asked of the network."""
    complaints: list[str] = []
    contexts = []

    def opened(path: Path, fragment: str = "", **options: Any) -> Any:
        context = browser.new_context(**{"viewport": {"width": 1200, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on(
            "console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.on(
            "request", lambda request: None if request.url.startswith("file://") else complaints.append(request.url)
        )
        page.on("requestfailed", lambda request: complaints.append(request.url))
        page.goto(path.resolve().as_uri() + fragment)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def column(page: Any, index: int, panel: str = "#panel-overall .board:not(.costs)") -> list[str]:
    return [
        row.locator("th, td").nth(index).inner_text().split("\n")[0].strip()
        for row in page.locator(f"{panel} tbody tr:visible").all()
    ]


def test_a_click_puts_the_best_first_and_another_turns_round(site, opened):
    page = opened(site / "toy" / "index.html")
    before = column(page, 3), column(page, 1)
    head = page.locator("#panel-overall .board:not(.costs) thead th").nth(3)
    values = [float(text.replace("−", "-").split()[0]) for text in before[0]]
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    assert [float(text.replace("−", "-").split()[0]) for text in column(page, 3)] == sorted(values, reverse=True)
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert [float(text.replace("−", "-").split()[0]) for text in column(page, 3)] == sorted(values)
    page.locator("#panel-overall .board:not(.costs) thead th").nth(0).get_by_role("button").click()
    assert column(page, 0)[0] == "1"
    assert column(page, 0)[-1] == ""  # the reference has no rank, and stays last
    assert page.locator("#panel-overall .board [aria-sort]").count() == 1
    page.get_by_role("button", name="Reset").click()
    assert (column(page, 3), column(page, 1)) == before
    assert page.locator("[aria-sort]").count() == 0


def test_of_errors_the_fewest_come_first(site, opened):
    page = opened(site / "toy" / "index.html", "#task-asr")
    page.locator("#panel-task-asr .board").get_by_role("button", name="wer").click()
    rates = [float(text.split()[0]) for text in column(page, 3, "#panel-task-asr .board")]
    assert rates == sorted(rates)
    assert len(set(rates)) > 1


def test_filters_reach_tables_maps_and_charts(site, opened):
    page = opened(site / "toy" / "index.html")
    page.get_by_label("Front-end", exact=True).select_option("unet")
    assert set(column(page, 1)) == {"unet"}
    assert page.locator(".heat tbody tr:visible").count() == 2
    assert page.locator("#count").inner_text() == "2 of 8 rows"
    page.get_by_label("Scheme", exact=True).select_option("joint")
    assert page.locator("#panel-overall .board:not(.costs) tbody tr:visible").count() == 1
    page.get_by_role("tab", name="asr").click()
    assert page.locator("#panel-task-asr .series:visible").count() == 1
    page.get_by_role("button", name="Reset").click()
    page.get_by_label("Find").fill("cmd()")
    assert page.locator("#panel-task-asr .board tbody tr:visible").count() == 2
    page.get_by_label("Find").fill("nobody")
    assert page.locator("#count").inner_text() == "Nothing is like that; Reset shows all."


def test_sounds_are_filtered_by_front_end(site, opened):
    page = opened(site / "toy" / "listening.html")
    takes, enhanced = page.locator(".take:visible"), page.locator(".take[data-front]:visible")
    before = takes.count(), enhanced.count()
    assert {take.get_attribute("data-front") for take in enhanced.all()} == {"unet"}
    page.get_by_label("Find").fill("nobody")
    assert enhanced.count() == 0
    assert takes.count() == before[0] - before[1] > 0  # noisy and clean stay, to compare


def test_tabs_by_click_by_key_and_by_address(site, opened):
    page = opened(site / "toy" / "index.html", "#task-commands")
    assert page.locator("#panel-task-commands").is_visible()
    assert not page.locator("#panel-overall").is_visible()
    page.get_by_role("tab", name="Overall").click()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.id") == "tab-task-asr"
    assert page.locator("#panel-task-asr").is_visible()
    assert page.get_by_role("tab", selected=True).count() == 1
    page.keyboard.press("End")
    assert page.locator("#panel-about").is_visible()
    page.keyboard.press("ArrowRight")
    assert page.locator("#panel-overall").is_visible()


def test_everything_is_reached_by_the_keyboard_and_shows_where_it_is(site, opened):
    page = opened(site / "toy" / "index.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    reached = set()
    for _ in range(16):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.className"))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none", reached
    assert {"find", "front", "scheme", "reset", "tab-overall", "panel-overall", "sort"} <= reached
    page.locator("#panel-overall .board .sort").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("#panel-overall .board:not(.costs) thead th").first.get_attribute("aria-sort") == "ascending"


def test_the_legend_takes_lines_away_and_back(site, opened):
    page = opened(site / "toy" / "index.html", "#task-asr")
    lines = page.locator("#panel-task-asr .series:visible")
    count = lines.count()
    button = page.locator("#panel-task-asr .legend .line").first
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    assert lines.count() == count - 1
    button.click()
    assert lines.count() == count


def test_dark_follows_the_system_and_the_button(site, opened):
    page = opened(site / "index.html", color_scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    button = page.get_by_role("button", name="Dark")
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    light = page.evaluate(ground)
    assert light != dark
    assert opened(site / "index.html", color_scheme="light").evaluate(ground) == light


def test_sounds_can_be_played_and_their_pictures_seen(site, opened):
    page = opened(site / "toy" / "listening.html")
    players = page.locator("audio[controls]")
    assert players.count() == 6
    seconds = page.evaluate(
        "async () => { const a = document.querySelector('audio'); a.muted = true; await a.play(); a.pause(); return "
        "a.duration }"
    )
    assert seconds == pytest.approx(0.5)
    picture = (
        "async () => { const i = new Image(); i.src = document.querySelector('image').href.baseVal; await i.decode(); "
        "return i.naturalHeight }"
    )
    assert page.evaluate(picture) == 129
    assert page.locator(".understood mark").all_inner_texts() == ["tree", "boxes"]
    assert page.get_by_text("no sound, failed: the front-end's output <script>").count() == 1


@pytest.mark.parametrize("name", ["index.html", "toy/index.html", "toy/listening.html"])
def test_a_phone_never_scrolls_sideways(site, opened, name):
    page = opened(site / name, viewport={"width": 360, "height": 740})
    for tab in [None, *page.get_by_role("tab").all()]:
        if tab:
            tab.click()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_large_boards_show_some_rows_and_all_on_demand(opened, tmp_path):
    folder = tmp_path / "leaderboards" / "large"
    write_summaries(
        folder / "summaries.jsonl",
        [summary(), *(summary(front_end=f"f{index:03}", rate=0.3, scenes=30) for index in range(130))],
    )
    page = opened(write_site([folder], tmp_path / "site").parent / "large" / "index.html")
    rows = page.locator("#panel-overall .board:not(.costs) tbody tr:visible")
    assert rows.count() == 100
    page.locator("#panel-overall .whole-table").first.click()
    assert rows.count() == 131
    page.get_by_role("tab", name="asr").click()
    assert page.locator("#panel-task-asr .series:visible").count() == 16
    page.get_by_label("Find").fill("f129")
    assert rows.count() == 0 or page.locator("#panel-task-asr .board tbody tr:visible").count() == 1


def test_without_scripts_everything_is_there(site, opened):
    page = opened(site / "toy" / "index.html", java_script_enabled=False)
    assert page.locator("[role=tabpanel]:visible").count() == 4
    assert not page.locator(".filters").is_visible()


def test_what_joins_rows_goes_where_some_are_filtered_away(site, opened):
    page = opened(site / "toy" / "index.html")
    joined = page.locator("#panel-overall .joined:not(.off)")
    assert joined.count() > 0
    page.locator("#front").select_option("unet")
    assert joined.count() == 0
    page.locator("#reset").click()
    assert joined.count() > 0


def test_on_a_phone_the_score_is_seen_beside_the_name(site, opened):
    page = opened(site / "toy" / "index.html", viewport={"width": 390, "height": 800})
    box = page.locator("#panel-overall .board:not(.costs) tbody tr").first.locator("td.n").nth(1).bounding_box()
    assert box["x"] + 40 < 390
    for table in ("#panel-overall .board:not(.costs)", "#panel-overall .heat", "#panel-overall .costs"):
        # which stays in sight with the name
        assert page.locator(f"{table} tbody tr:has-text('unet') .below").first.inner_text() in ("noisy", "joint")
        assert page.locator(f"{table} .scheme:visible").count() == 0


def test_costs_stand_beside_quality(site, opened):
    page = opened(site / "toy" / "index.html")
    heads = page.locator("#panel-overall .costs thead th").all_inner_texts()
    assert [head.strip(" ↕↑↓") for head in heads][3:6] == ["error reduction", "parameters", "MACs per second"]
    # no reference
    assert (
        page.locator("#panel-overall .costs tbody tr").count()
        == page.locator("#panel-overall .board:not(.costs) tbody tr").count() - 1
    )
