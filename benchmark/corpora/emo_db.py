"""EMO-DB: German sentences by ten actors in seven emotions, 16 kHz; the folds are the speakers."""

from collections.abc import Iterable
from pathlib import Path

from benchmark.corpora._emotional_speech import EmotionalSpeechReader


class EmoDB(EmotionalSpeechReader):
    """EMO-DB: wav/{speaker}{text}{emotion}{version}.wav, such as 03a01Wa.wav.

    Studies usually leave out one speaker at a time: folds 3, 8, 9, … 16. The code of an emotion is the first letter of
    its German name.

    Source: Burkhardt et al., "A Database of German Emotional Speech", Interspeech 2005.
    """

    licence = "free for download, no licence stated; cite the paper"
    source = "http://emodb.bilderbar.info"
    size = "about 50 MB"
    folders = ("EMO-DB", "emodb", "EmoDB")
    pattern = r"(?P<speaker>\d\d)[ab]\d\d(?P<emotion>[A-Z])[a-z]?"
    named = "speaker, text, emotion and version, such as 03a01Wa.wav"
    emotions = {
        "W": "anger",
        "L": "boredom",
        "E": "disgust",
        "A": "fear",
        "F": "happiness",
        "T": "sadness",
        "N": "neutral",
    }

    def paths(self) -> Iterable[Path]:
        """The files in wav."""
        return self.recordings("wav/*")
