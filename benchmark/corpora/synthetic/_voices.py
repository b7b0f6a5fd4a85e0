"""The voices of espeak-ng by split: an accent, a variant, and a rate, pitch and range of their own.

The splits share accents but no variant.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from benchmark.contracts import SPLITS
from benchmark.corpora.synthetic._seeded_random import generator


class Voice(NamedTuple):
    """A voice of espeak-ng.

    The variant is the speaker, and thus the group in a corpus: a variant with two accents is one speaker.
    """

    accent: str
    variant: str
    rate: int  # words per minute
    pitch: int  # 0 to 100
    range: int  # 0 to 100

    @property
    def name(self) -> str:
        """The name that espeak-ng knows, such as en-us+m3."""
        return f"{self.accent}+{self.variant}"

    def instructions(self, rate: float = 1.0, pitch: int = 0) -> dict[str, Any]:
        """Arguments for Synthesiser.speak, at `rate` times the voice's rate and `pitch` steps above its pitch."""
        return {"voice": self.name, "rate": round(self.rate * rate), "pitch": self.pitch + pitch, "range": self.range}


# Two accents for each variant, taken in turn. Whispers, robots and variants that clip are left out. `en` is British.
_ACCENTS = {
    "train": (
        "en-us en",
        "en en-us",
        "en-us en-gb-x-rp",
        "en en-us-nyc",
        "en-us en-gb-scotland",
        "en-gb-x-rp en-us",
        "en-gb-x-gbclan en-us",
    ),
    "validation": ("en-us en", "en en-us", "en-us en-gb-x-rp"),
    "test": ("en-us en", "en en-us", "en-us en-gb-x-rp", "en-gb-scotland en-us"),
}
_VARIANTS = {
    "train": "m1 f1 m2 f3 m4 f4 m5 Alex m6 Annie m8 aunty Andy belinda "
    "Lee linda Mike klatt3 klatt5 kaukovalta Reed grandma Mario quincy adam announcer max robert",
    "validation": "m7 f5 klatt6 steph edward rob",
    "test": "m3 f2 klatt4 Michael pablo benjamin boris shelby",
}


def _voice(accent: str, variant: str) -> Voice:
    rng = generator("voice", accent, variant)
    return Voice(accent, variant, int(rng.integers(125, 156)), int(rng.integers(35, 66)), int(rng.integers(35, 71)))


def _split(split: str) -> list[Voice]:
    variants, accents = _VARIANTS[split].split(), _ACCENTS[split]
    return [
        _voice(accent, variant) for i, variant in enumerate(variants) for accent in accents[i % len(accents)].split()
    ]


VOICES: Mapping[str, list[Voice]] = {split: _split(split) for split in SPLITS}
