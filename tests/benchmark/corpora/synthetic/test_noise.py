"""The plan of synthetic/noise."""

import itertools

from benchmark.corpora.synthetic._interferers import KINDS
from benchmark.corpora.synthetic._seeded_random import BANDS
from benchmark.corpora.synthetic._voices import VOICES
from benchmark.corpora.synthetic.noise import Noise
from benchmark.corpora.synthetic.sentences import Sentences


def disjoint(sets):
    return all(not a & b for a, b in itertools.combinations(sets, 2))


def talkers(row):
    return row["parameters"]["talkers"]


def test_babble_has_six_talkers_of_its_split_and_sentences_of_its_own(by_split):
    targets = {row["text"] for rows in by_split(Sentences).values() for row in rows}
    spoken = []
    for split, rows in by_split(Noise).items():
        babbles = [row for row in rows if row["label"] == "babble"]
        for row in babbles:
            voices = {talker["voice"] for talker in talkers(row)}
            assert len(voices) == len(talkers(row)) >= 6
            assert voices <= {voice.name for voice in VOICES[split]}
        spoken.append({text for row in babbles for talker in talkers(row) for text in talker["text"].split(". ")})
    assert disjoint([targets, *spoken])


def test_noise_has_every_kind_in_every_split_with_parameters_of_its_own(by_split):
    assert len(KINDS) >= 8
    splits = by_split(Noise)
    for split, rows in splits.items():
        assert {row["label"] for row in rows} == set(KINDS)
        assert all(5 <= row["samples"] / 16_000 <= 10 for row in rows)
        for row in rows:
            for name, ends in KINDS[row["label"]].ranges.items():
                start, stop = BANDS[split]
                bands = [(ends.at((period + start) / 3), ends.at((period + stop) / 3)) for period in range(3)]
                assert any(low <= row["parameters"][name] <= high for low, high in bands), (row["id"], name)
