"""Cards of submissions, beside their boards: what the authors of a front-end say of it, and what was measured."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from textwrap import shorten
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from benchmark import plain_yaml, registry
from benchmark.contracts import Corpus
from benchmark.costs import CAUSAL_MS, LOW_LATENCY_MS, WHOLE
from benchmark.errors import EarmarkError, unknown
from benchmark.store import write_text

LONGEST = 8  # words of a corpus's name, numbers counted apart
FOLDER = "cards"  # below leaderboards/<recipe>


class Card(BaseModel):
    """What the authors say; every field may be empty."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    description: str = ""
    paper: str = ""  # a title, a DOI, an address
    licence: str = ""
    # Of the weights that it comes with. The front-end then says pretrained_on, and its rows are in the open track.
    training_data: str = ""
    tuning_budget: str = ""  # how many variants were tried, on what


def read_card(path: Path) -> Card:
    """A card that its author wrote in YAML; EarmarkError names the field at fault."""
    try:
        raw = plain_yaml.load(path)
    except OSError as error:
        raise EarmarkError(
            f"{path}: cannot be read ({error.strerror}); write a card in YAML with {', '.join(Card.model_fields)}"
        ) from error
    except ValueError as error:
        raise EarmarkError(
            f"{path}: no YAML ({shorten(str(error), 240)}); write lines such as description: text"
        ) from error
    try:
        return Card.model_validate(raw or {})
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "extra_forbidden":
            raise EarmarkError(f"{path}: {unknown('field', str(first['loc'][-1]), Card.model_fields)}") from error
        raise EarmarkError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}; write text") from error


def path_of(boards: Path, name: str) -> Path:
    """The path of a submission's card."""
    return boards / FOLDER / f"{name}.yaml"


def submissions(boards: Path) -> dict[str, dict[str, Any]]:
    """The cards of a leaderboard by name, as their authors wrote them; EarmarkError where a file is not a card."""
    cards = {}
    for path in sorted((boards / FOLDER).glob("*.yaml")):
        try:
            card = plain_yaml.load(path)
        except (OSError, ValueError):
            card = None
        if not _is_card(card) or card["name"] != path.stem:
            raise EarmarkError(
                f"{path}: no card of {path.stem}; restore it from version control, or delete it to take the submission "
                "off the board"
            )
        cards[path.stem] = card
    return cards


def _is_card(card: Any) -> bool:
    """Whether all fields that are there are what `write_card` is given."""
    return (
        isinstance(card, dict)
        and "name" in card
        and all(isinstance(card.get(name, ""), str) for name in ("name", "recipe", *Card.model_fields))
        and isinstance(card.get("pretrained_on", []), list)
        and all(isinstance(name, str) for name in card.get("pretrained_on", []))
    )


def write_card(boards: Path, card: dict[str, Any]) -> Path:
    """Write a card beside its boards."""
    path = path_of(boards, card["name"])
    write_text(path, plain_yaml.dump(card))
    return path


def measured(card: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the summaries of a submission show: its track, its latency, and corpora that it was trained and tested on.

    None stands for what nobody knows, such as the causality of a folder of files, or the training data of an open row
    that names none.

    Args:
        card: names the training data
        lines: the summaries of the submission
    """
    # The names of a user's own corpora say nothing.
    names = {corpus.rpartition(" ")[0] for line in lines for corpus in line["corpora"]} - {"folder", "table"}
    corpora: dict[str, type[Corpus]] = {
        name: registry.load("corpora", name) for name in names & set(registry.names("corpora"))
    }
    said = " | ".join([str(card.get("training_data", "")), *map(str, card.get("pretrained_on", []))])
    track = "open" if any(line["track"] == "open" for line in lines) else "closed"
    told = track == "closed" or any(word != "unknown" for word in _words(said))
    heard = contaminated(said, {name: corpus.folders for name, corpus in corpora.items()}) if told else None
    return {"track": track, "contaminated": heard, **latency([line["costs"] for line in lines])}


def latency(costs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The longest latency in milliseconds, and whether that is causal and low.

    The latency is None where the whole utterance is needed; all three are None where one latency was not measured.
    """
    measured = [float("inf") if WHOLE in one.get("notes", []) else one.get("latency_ms") for one in costs]
    known = [one for one in measured if one is not None]
    if not known or len(known) < len(measured):
        return dict.fromkeys(("latency_ms", "causal", "low_latency"))
    longest = max(known)
    return {
        "latency_ms": None if longest == float("inf") else longest,
        "causal": longest <= CAUSAL_MS,
        "low_latency": longest <= LOW_LATENCY_MS,
    }


def contaminated(training_data: str, tested_on: Mapping[str, Iterable[str]]) -> list[str]:
    """The corpora of a board that training data name, however the words are split.

    "Trained on Libri-Speech, train-clean-100" names librispeech. Nobody can check which recordings were used, so naming
    a corpus is enough; that choice is ours.

    Args:
        training_data: in words
        tested_on: the names that each corpus goes by
    """
    words = _words(training_data)
    said = {
        "".join(words[start:end])
        for start in range(len(words))
        for end in range(start + 1, min(start + LONGEST, len(words)) + 1)
    }
    return sorted(
        corpus for corpus, names in tested_on.items() if any("".join(_words(name)) in said for name in (corpus, *names))
    )


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z]+|[0-9]+", text.lower())
