import itertools

import pytest

from benchmark.contracts import SPLITS
from benchmark.corpora.synthetic._draw import BANDS, Range, generator
from benchmark.corpora.synthetic._interferers import KINDS
from benchmark.corpora.synthetic._voices import VOICES
from benchmark.corpora.synthetic.commands import Commands
from benchmark.corpora.synthetic.noise import Noise
from benchmark.corpora.synthetic.sentences import Sentences


def by_split(corpus, root):
    plan = corpus(root).plan()
    assert len({row["id"] for row in plan}) == len(plan)
    return {split: [row for row in plan if row["split"] == split] for split in SPLITS}


def disjoint(sets):
    return all(not a & b for a, b in itertools.combinations(sets, 2))


def talkers(row):
    return row["parameters"]["talkers"]


def test_voices_and_variants_belong_to_one_split():
    assert (
        sum(len(voices) for voices in VOICES.values())
        == len({voice.name for voices in VOICES.values() for voice in voices})
        >= 24
    )
    assert disjoint([{voice.variant for voice in voices} for voices in VOICES.values()])
    assert {voice.accent for voice in VOICES["test"]} <= {voice.accent for voice in VOICES["train"]}


@pytest.mark.parametrize("corpus", [Commands, Sentences])
def test_speech_keeps_to_the_voices_of_its_split(corpus, tmp_path):
    for split, rows in by_split(corpus, tmp_path).items():
        assert {(row["voice"], row["group"]) for row in rows} == {
            (voice.name, voice.variant) for voice in VOICES[split]
        }


def test_every_voice_speaks_every_command(tmp_path):
    words = Commands(tmp_path).schema["classes"]
    assert len(words) >= 12
    for split, rows in by_split(Commands, tmp_path).items():
        assert {(row["voice"], row["label"]) for row in rows} == set(
            itertools.product((voice.name for voice in VOICES[split]), words)
        )
        assert all(row["text"] == row["label"] for row in rows)


def test_sentences_are_short_in_vocabulary_and_never_repeated(tmp_path):
    splits = by_split(Sentences, tmp_path)
    texts = [row["text"] for rows in splits.values() for row in rows]
    assert len(set(texts)) == len(texts)
    schema = Sentences(tmp_path).schema
    assert len(schema["words"]) >= 60
    assert schema["words"] == sorted({word for row in splits["train"] for word in row["text"].split(" ")})
    for text in texts:
        assert 4 <= len(text.split(" ")) <= 7
        assert set(text.split(" ")) <= set(schema["words"])
        assert set(text) <= set(schema["alphabet"])


def test_babble_has_six_talkers_of_its_split_and_sentences_of_its_own(tmp_path):
    targets = {row["text"] for rows in by_split(Sentences, tmp_path).values() for row in rows}
    spoken = []
    for split, rows in by_split(Noise, tmp_path).items():
        babbles = [row for row in rows if row["label"] == "babble"]
        for row in babbles:
            voices = {talker["voice"] for talker in talkers(row)}
            assert len(voices) == len(talkers(row)) >= 6
            assert voices <= {voice.name for voice in VOICES[split]}
        spoken.append({text for row in babbles for talker in talkers(row) for text in talker["text"].split(". ")})
    assert disjoint([targets, *spoken])


def test_noise_has_every_kind_in_every_split_with_parameters_of_its_own(tmp_path):
    assert len(KINDS) >= 8
    splits = by_split(Noise, tmp_path)
    for split, rows in splits.items():
        assert {row["label"] for row in rows} == set(KINDS)
        assert all(5 <= row["samples"] / 16_000 <= 10 for row in rows)
        for row in rows:
            for name, ends in KINDS[row["label"]].ranges.items():
                start, stop = BANDS[split]
                bands = [(ends.at((period + start) / 3), ends.at((period + stop) / 3)) for period in range(3)]
                assert any(low <= row["parameters"][name] <= high for low, high in bands), (row["id"], name)


def test_bands_do_not_touch():
    ordered = sorted(BANDS.values())
    assert all(before[1] < after[0] for before, after in itertools.pairwise(ordered))
    assert ordered[0][0] >= 0
    assert ordered[-1][1] < 1


@pytest.mark.parametrize("ends", [Range(-1, 8), Range(0.2, 20, log=True)])
def test_a_range_reaches_its_ends_and_draws_within_them(ends):
    assert ends.at(0) == pytest.approx(ends.low)
    assert ends.at(1) == pytest.approx(ends.high)
    draws = [ends.draw(generator("test", str(i)), "test") for i in range(50)]
    assert ends.low <= min(draws) < max(draws) <= ends.high
    assert draws[0] == ends.draw(generator("test", "0"), "test")
