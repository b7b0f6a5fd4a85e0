"""Short sentences from a grammar, spoken by espeak-ng; synthetic, generated here."""

from benchmark.contracts import SPLITS
from benchmark.corpora._corpus_reader import LETTERS
from benchmark.corpora.synthetic._espeak_corpus import EspeakCorpus
from benchmark.corpora.synthetic._generated_corpus import Clip
from benchmark.corpora.synthetic._grammar import sentences, vocabulary
from benchmark.corpora.synthetic._voices import VOICES

TAKES = {"train": 34, "validation": 13, "test": 19}  # sentences per voice


class Sentences(EspeakCorpus):
    """Sentences of four to seven words, about two seconds each; none is spoken twice."""

    version = "2"
    size = "150 MB"
    columns = ("id", "group", "audio", "text")
    published = "50ab7ee13d4ed3300046654bdec729bd0bf1c841b1320c00da61c4282cac50bb"

    @property
    def schema(self) -> dict[str, str | list[str]]:
        """The characters of English text, and the vocabulary."""
        return {"alphabet": LETTERS, "words": vocabulary()}

    def plan(self) -> list[Clip]:
        """Every voice with sentences of its own."""
        takes = [(split, voice, take) for split in SPLITS for voice in VOICES[split] for take in range(TAKES[split])]
        return [
            self.spoken(split, voice, f"{take:02d}", text)
            for (split, voice, take), text in zip(takes, sentences(len(takes)), strict=True)
        ]
