"""Voices: every one of them in one split."""

import itertools

from benchmark.corpora.synthetic._voices import VOICES


def disjoint(sets):
    return all(not a & b for a, b in itertools.combinations(sets, 2))


def test_voices_and_variants_belong_to_one_split():
    assert (
        sum(len(voices) for voices in VOICES.values())
        == len({voice.name for voices in VOICES.values() for voice in voices})
        >= 24
    )
    assert disjoint([{voice.variant for voice in voices} for voices in VOICES.values()])
    assert {voice.accent for voice in VOICES["test"]} <= {voice.accent for voice in VOICES["train"]}
