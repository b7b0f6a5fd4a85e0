"""A small grammar of English that makes sentences of four to seven words, none of them twice."""

import hashlib
import itertools

from numpy.random import Generator

from benchmark.corpora.synthetic._seeded_random import generator

WORDS = {
    "verb": "bring take hold find open paint",
    "size": "small large old new",
    "colour": "red blue green white black",
    "thing": "cup box lamp chair boat clock door book",
    "things": "cups boxes lamps chairs boats clocks doors books",
    "number": "two three four five six seven eight nine",
    "name": "anna peter kate john lucy mark",
    "past": "bought sold found lost made saw",
    "go": "turn go move",
    "way": "left right back home",
    "when": "now again today",
    "place": "under behind beside near",
}
SENTENCES = (
    "{verb} the {size} {colour} {thing}",
    "{number} {size} {things} {go} {way}",
    "{name} {past} {number} {colour} {things}",
    "the {colour} {thing} is {place} the {thing}",
    "please {verb} the {thing} {when}",
    "{verb} {number} {things} for {name}",
    "{name} and {name} {past} the {colour} {thing}",
    "{go} {way} {when} please {name}",
    "{verb} the {thing} and {go} {way}",
    "{number} {things} are {place} the {thing}",
)


def vocabulary() -> list[str]:
    """Every word that a sentence may contain, sorted."""
    fixed = (word for pattern in SENTENCES for word in pattern.split() if not word.startswith("{"))
    return sorted({*fixed, *(word for words in WORDS.values() for word in words.split())})


def sentences(count: int, babble: bool = False) -> list[str]:
    """The first `count` sentences, none twice.

    A quarter of all sentences, by a hash, is reserved for babble; no other speech contains them.

    Args:
        count: how many
        babble: take the sentences reserved for babble, rather than the others
    """
    rng = generator("sentences", "babble" if babble else "targets")
    drawn: dict[str, None] = {}
    for pattern in itertools.cycle(SENTENCES):
        words = [_draw(rng, word[1:-1]) if word[0] == "{" else word for word in pattern.split()]
        content = [word for word in words if word != "the"]
        sentence = " ".join(words)
        if len({*content}) == len(content) and (hashlib.sha256(sentence.encode()).digest()[0] < 64) == babble:
            drawn[sentence] = None
        if len(drawn) == count:
            break
    return list(drawn)


def _draw(rng: Generator, part: str) -> str:
    words = WORDS[part].split()
    return words[rng.integers(len(words))]
