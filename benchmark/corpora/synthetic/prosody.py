"""Five speaking styles by prosody and voice quality, not emotions, spoken by espeak-ng; synthetic, generated here."""

import numpy as np

from benchmark.contracts import SPLITS
from benchmark.corpora.synthetic._espeak_corpus import EspeakCorpus
from benchmark.corpora.synthetic._generated_corpus import Clip
from benchmark.corpora.synthetic._grammar import sentences
from benchmark.corpora.synthetic._seeded_random import generator
from benchmark.corpora.synthetic._speaking_styles import ENDINGS, STYLES
from benchmark.corpora.synthetic._voices import VOICES, Voice

TAKES = {"train": 4, "validation": 4, "test": 5}  # sentences per voice, each spoken in every style
SPARED = 3000  # the first sentences of the grammar, left to other corpora
WORDS = 5  # only sentences of this length are used, so that clips last about two seconds


class Prosody(EspeakCorpus):
    """Sentences of five words, each spoken by one voice in all five styles.

    So neither the text nor the voice tells the style. The splits share no voice, sentence or value of a style's
    parameters (_speaking_styles.STYLES). Logistic regression on mean pitch (torchaudio's detect_pitch_frequency, log
    Hz, frames within 20 dB of the loudest) and P.56 active level, where chance is 0.20, reaches a UAR of 0.34 on the
    test split and of 0.30 on the validation voices, on which the ranges were chosen. The figures are those of
    studies/styles_from_pitch_and_level.py.
    """

    version = "2"
    size = "95 MB"
    renderer = "_speaking_styles"
    columns = ("id", "group", "audio", "label", "text")
    published = "afc348207cf2af1a1722521c1c80d1227abec42bb3e649975e07315ad329cfdd"

    @property
    def schema(self) -> dict[str, list[str]]:
        """The styles, in the order of the classes."""
        return {"classes": list(STYLES)}

    def plan(self) -> list[Clip]:
        """Every voice with sentences of its own, each in every style."""
        takes = [(split, voice, take) for split in SPLITS for voice in VOICES[split] for take in range(TAKES[split])]
        texts = [text for text in sentences(SPARED + 3 * len(takes))[SPARED:] if len(text.split()) == WORDS]
        return [
            _utterance(split, voice, take, text, style)
            for (split, voice, take), text in zip(takes, texts[: len(takes)], strict=True)
            for style in STYLES
        ]


def parameters(rng: np.random.Generator, split: str, style: str) -> dict[str, float]:
    """The parameters of one utterance, drawn from the ranges of its style."""
    return {key: ends.draw(rng, split) for key, ends in STYLES[style].items()}


def _utterance(split: str, voice: Voice, take: int, text: str, style: str) -> Clip:
    """The clip of one utterance: two phrases for espeak-ng, and the parameters of the processing afterwards."""
    name = f"{split}/{voice.name}/{style}-{take}"
    rng = generator("prosody parameters", name)
    drawn = parameters(rng, split, style)
    # these are set in espeak-ng
    rate, pitch, spread, drift = (drawn.pop(key) for key in ("rate", "pitch", "range", "drift"))
    words, cut, ending = text.split(), int(rng.integers(2, 4)), ENDINGS[style][rng.integers(2)]
    parts = ((" ".join(words[:cut]) + ",", -drift / 2), (" ".join(words[cut:]) + ending, drift / 2))
    common = {"voice": voice.name, "rate": round(voice.rate * rate), "range": _setting(voice.range * spread)}
    phrases = [{"text": part, "pitch": _setting(voice.pitch + pitch + step)} | common for part, step in parts]
    return {
        "split": split,
        "id": name,
        "group": voice.variant,
        "audio": f"{name}.wav",
        "label": style,
        "text": text,
        "phrases": phrases,
        "style": drawn,
    }


def _setting(value: float) -> int:
    """A value rounded and limited to espeak-ng's scale from 0 to 100."""
    return round(min(max(value, 0), 100))
