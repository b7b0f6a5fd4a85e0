"""RAVDESS: two English statements spoken by 24 actors in eight emotions, 48 kHz."""

from collections.abc import Iterable
from pathlib import Path

from benchmark.corpora._emotional_speech import EmotionalSpeechReader


class RAVDESS(EmotionalSpeechReader):
    """RAVDESS, its speech without video (modality 03, channel 01).

    Files are Actor_{actor}/{modality}-{channel}-{emotion}-{intensity}-{statement}-{repetition}-{actor}.wav, either
    below Audio_Speech_Actors_01-24 or directly in the folder. Both intensities share a label.

    Source: Livingstone and Russo, "The Ryerson Audio-Visual Database of Emotional Speech and Song", PLOS ONE 13(5),
    2018.
    """

    licence = "CC BY-NC-SA 4.0"
    source = "https://zenodo.org/records/1188976, Audio_Speech_Actors_01-24.zip"
    size = "0.6 GB"
    folders = ("RAVDESS", "Audio_Speech_Actors_01-24")
    pattern = r"03-01-(?P<emotion>\d\d)-0[12]-0[12]-0[12]-(?P<speaker>\d\d)"
    named = "03-01-emotion-intensity-statement-repetition-actor.wav"
    emotions = {
        "01": "neutral",
        "02": "calm",
        "03": "happy",
        "04": "sad",
        "05": "angry",
        "06": "fearful",
        "07": "disgust",
        "08": "surprised",
    }

    def paths(self) -> Iterable[Path]:
        """The files in the actors' folders."""
        inner = "Audio_Speech_Actors_01-24"
        return self.recordings(f"{inner}/Actor_*/*" if (self.root / inner).is_dir() else "Actor_*/*")
