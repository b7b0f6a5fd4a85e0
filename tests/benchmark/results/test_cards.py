"""Cards of submissions."""

import pytest

from benchmark.costs import WHOLE
from benchmark.errors import EarmarkError
from benchmark.results.cards import Card, contaminated, latency, measured, read_card, submissions, write_card

NAMES = {
    "librispeech": ("LibriSpeech",),
    "esc50": ("ESC-50-master", "ESC-50"),
    "free_spoken_digits": ("free-spoken-digit-dataset",),
    "synthetic/commands": (),
}


@pytest.mark.parametrize(
    ("training_data", "named"),
    [
        ("", []),
        ("LibriSpeech train-clean-100 with ESC 50 noise", ["esc50", "librispeech"]),
        ("the Free Spoken Digit Dataset", ["free_spoken_digits"]),
        ("DNS Challenge 2020", []),
        ("Libri-Speech and esc-50", ["esc50", "librispeech"]),
        ("our own resc500 recordings", []),
        ("a table of LibriSpeeches", []),
        ("Google's Speech Commands", []),
        ("synthetic/commands", ["synthetic/commands"]),
    ],
)
def test_training_data_that_name_a_corpus_of_the_board(training_data, named):
    assert contaminated(training_data, NAMES) == named


def test_what_an_author_says_comes_back(tmp_path):
    (tmp_path / "card.yaml").write_text("description: 'Says: <b>much</b>'\npaper: 10.1234/5\n")
    card = read_card(tmp_path / "card.yaml")
    assert card == Card(description="Says: <b>much</b>", paper="10.1234/5")
    write_card(tmp_path, {"name": "mine", **card.model_dump(), "track": "closed"})
    assert submissions(tmp_path)["mine"]["description"] == "Says: <b>much</b>"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("descripton: x", "did you mean 'description'"),
        ("paper: [1, 2]", "paper: "),
        ("- a\n- b", "card.yaml"),
        ("a: b: c", "no YAML"),
        ("description: 2024-13-40", "no YAML"),
        ("description: " + "[" * 5000, "no YAML .values are nested deeper than 50"),
        ("description: 2024-01-02", "description: .*write text"),
        ("description: !!binary x", "no YAML"),
        ("? [a]\n: b", "no YAML"),
        ("\x00", "no YAML"),
        ("1: x", "1: Keys should be strings"),
    ],
)
def test_a_card_that_is_none_is_one_line(tmp_path, text, message):
    (tmp_path / "card.yaml").write_text(text)
    with pytest.raises(EarmarkError, match=message) as raised:
        read_card(tmp_path / "card.yaml")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "[]",
            "name: [mine]",
            "2024-13-40",
            "[" * 5000,
            "name: mine\npretrained_on:",
            "name: mine\npretrained_on: [1]",
        ),
        *("name: mine\ndescription: 2024-01-02", "name: mine\npretrained_on: x", "name: mine\x00"),
    ],
)
def test_a_damaged_card_is_one_line_with_the_remedy(tmp_path, text):
    path = write_card(tmp_path, {"name": "mine"})
    path.write_text(text)
    with pytest.raises(EarmarkError, match=r"no card of mine; restore it") as raised:
        submissions(tmp_path)
    assert "\n" not in str(raised.value)


def test_a_card_under_another_name_is_refused(tmp_path):
    write_card(tmp_path, {"name": "mine"})
    (tmp_path / "cards/mine.yaml").rename(tmp_path / "cards/yours.yaml")
    with pytest.raises(EarmarkError, match="no card of yours"):
        submissions(tmp_path)


@pytest.mark.parametrize(
    ("times", "longest", "causal", "low"),
    [
        ([4.0, 10.0], 10.0, True, True),
        ([40.0], 40.0, True, False),
        ([4.0, 40.1], 40.1, False, False),
        ([4.0, "whole"], None, False, False),
        ([4.0, None], None, None, None),  # not measured, as where files are read
        ([], None, None, None),
    ],
)
def test_causal_and_low_latency_are_marked_from_the_longest_measurement(times, longest, causal, low):
    costs = [
        {"latency_ms": None, "notes": [WHOLE]} if time == "whole" else {"latency_ms": time, "notes": []}
        for time in times
    ]
    assert latency(costs) == {"latency_ms": longest, "causal": causal, "low_latency": low}


def test_what_is_measured_comes_from_summaries_and_corpora_are_found_in_what_it_learned_from():
    line = {"corpora": ["librispeech 1", "esc50 1", "folder 1"], "track": "open", "costs": {"latency_ms": 16.0}}
    known = measured(
        {"training_data": "my folder", "pretrained_on": ["Libri Speech"]}, [line, line | {"track": "closed"}]
    )
    assert known == {
        "track": "open",
        "contaminated": ["librispeech"],
        "latency_ms": 16.0,
        "causal": True,
        "low_latency": False,
    }
