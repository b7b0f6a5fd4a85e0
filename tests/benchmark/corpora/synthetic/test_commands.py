"""The plan of synthetic/commands."""

import itertools

from benchmark.corpora.synthetic._voices import VOICES
from benchmark.corpora.synthetic.commands import Commands


def test_every_voice_speaks_every_command(by_split, tmp_path):
    words = Commands(tmp_path).schema["classes"]
    assert len(words) >= 12
    for split, rows in by_split(Commands).items():
        assert {(row["voice"], row["label"]) for row in rows} == set(
            itertools.product((voice.name for voice in VOICES[split]), words)
        )
        assert all(row["text"] == row["label"] for row in rows)
