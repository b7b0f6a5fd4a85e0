"""Which voices speak in a corpus of speech."""

import pytest

from benchmark.corpora.synthetic._voices import VOICES
from benchmark.corpora.synthetic.commands import Commands
from benchmark.corpora.synthetic.sentences import Sentences


@pytest.mark.parametrize("corpus", [Commands, Sentences])
def test_speech_keeps_to_the_voices_of_its_split(corpus, by_split):
    for split, rows in by_split(corpus).items():
        assert {(row["voice"], row["group"]) for row in rows} == {
            (voice.name, voice.variant) for voice in VOICES[split]
        }
