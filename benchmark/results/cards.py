"""Cards of submissions: what a front-end that somebody brought in says of itself, beside the board that it is on, and
what was measured of it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from benchmark import registry
from benchmark.contracts import Corpus
from benchmark.costs import CAUSAL_MS, LOW_LATENCY_MS, WHOLE
from benchmark.errors import EarmarkError, unknown
from benchmark.store import write_text

LONGEST = 8  # words of a corpus's name, numbers counted apart
FOLDER = "cards"  # below leaderboards/<recipe>


class Card(BaseModel):
    """What its author says; every field may stay empty."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    description: str = ""
    paper: str = ""  # a title, a DOI, an address
    licence: str = ""
    # of weights that it comes with; the front-end says pretrained_on then, and its rows are the open track
    training_data: str = ""
    tuning_budget: str = ""  # how many variants were tried, on what


def read_card(path: Path) -> Card:
    """A card as its author wrote it, in YAML. Raises EarmarkError that names the field at fault."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise EarmarkError(
            f"{path}: cannot be read ({error.strerror}); write a card in YAML with {', '.join(Card.model_fields)}"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise EarmarkError(
            f"{path}: no YAML ({' '.join(str(error).split())}); write lines such as description: text"
        ) from error
    try:
        return Card.model_validate(raw or {})
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "extra_forbidden":
            raise EarmarkError(f"{path}: {unknown('field', str(first['loc'][-1]), Card.model_fields)}") from error
        raise EarmarkError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}; write text") from error


def path_of(boards: Path, name: str) -> Path:
    """Where the card of a submission lies."""
    return boards / FOLDER / f"{name}.yaml"


def submissions(boards: Path) -> dict[str, dict[str, Any]]:
    """The cards on a board, by name: what their authors said. Raises EarmarkError where a file is none."""
    cards = {}
    for path in sorted((boards / FOLDER).glob("*.yaml")):
        try:
            card = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, yaml.YAMLError, UnicodeDecodeError):
            card = None
        if not isinstance(card, dict) or card.get("name") != path.stem:
            raise EarmarkError(
                f"{path}: no card of {path.stem}; restore it from version control, or delete it to take the submission "
                "off the board"
            )
        cards[path.stem] = card
    return cards


def write_card(boards: Path, card: dict[str, Any]) -> Path:
    """Put a card beside its board."""
    path = path_of(boards, card["name"])
    write_text(path, yaml.safe_dump(card, sort_keys=False, allow_unicode=True, width=120))
    return path


def measured(card: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What is known of a submission from its summaries, which are sealed: track, latency, what that makes it, and
    corpora that it was trained and is tested on.

    None stands for what nobody knows: the causality of a folder of files, the training data of an open row that names
    none.

    Args:
        card: which names the training data
        lines: its summaries
    """
    # a user's own, whose names say nothing
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
    """The longest latency, in milliseconds, None where one needs the whole utterance; and what that makes the
    front-end, None where one was not measured.
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
    """Corpora of a board that training data name, however they part their words: "trained on Libri-Speech,
    train-clean-100" names librispeech.

    Args:
        training_data: in words
        tested_on: by corpus, the names it goes by
    Returns:
        the corpora named. Which of its recordings were used nobody can check, so that naming one is enough; that choice
        is ours.
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
