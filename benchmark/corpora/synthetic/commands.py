"""Twelve commands spoken by espeak-ng; synthetic, generated here."""

from benchmark.contracts import SPLITS
from benchmark.corpora.synthetic._espeak_corpus import EspeakCorpus
from benchmark.corpora.synthetic._generated_corpus import Clip
from benchmark.corpora.synthetic._voices import VOICES

WORDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go", "forward", "backward")
TAKES = {"train": 4, "validation": 2, "test": 3}  # by every voice, of every word


class Commands(EspeakCorpus):
    """Single words, shorter than a second."""

    version = "2"
    size = "55 MB"
    columns = ("id", "group", "audio", "label")
    published = "db0d1407b182ac5dce7ea1e16b52b033dbc50439ab8b034b7d6dbf2f14bda96b"

    @property
    def schema(self) -> dict[str, list[str]]:
        """The words, in the order of the classes."""
        return {"classes": list(WORDS)}

    def plan(self) -> list[Clip]:
        """Every word by every voice, several times."""
        return [
            self.spoken(split, voice, f"{word}-{take}", word, label=word)
            for split in SPLITS
            for voice in VOICES[split]
            for word in WORDS
            for take in range(TAKES[split])
        ]
