"""CREMA-D: twelve English sentences by 91 actors in six emotions, 16 kHz."""

from collections.abc import Iterable
from pathlib import Path

from benchmark.corpora._emotional_speech import EmotionalSpeechReader

_UNUSABLE = ("1076_MTI_SAD_XX", "1064_IEO_DIS_MD")


class CREMAD(EmotionalSpeechReader):
    """CREMA-D: AudioWAV/{actor}_{sentence}_{emotion}_{level}.wav, such as 1001_DFA_ANG_XX.wav.

    The label is the emotion that the actor was asked for, not the raters' vote. Two of the 7442 files are left out:
    1076_MTI_SAD_XX, which is silent, and 1064_IEO_DIS_MD, a minute long with more than one emotion.

    Source: Cao et al., "CREMA-D: Crowd-Sourced Emotional Multimodal Actors Dataset", IEEE Trans. Affective Computing
    5(4), 2014.
    """

    licence = "Open Database License 1.0"
    source = "https://github.com/CheyneyComputerScience/CREMA-D (Git LFS)"
    size = "0.6 GB"
    folders = ("CREMA-D",)
    verified = False
    pattern = r"(?P<speaker>1\d{3})_[A-Z]{3}_(?P<emotion>[A-Z]{3})_[A-Z]{1,2}"
    named = "actor_sentence_emotion_level.wav, such as 1001_DFA_ANG_XX.wav"
    emotions = {"ANG": "anger", "DIS": "disgust", "FEA": "fear", "HAP": "happy", "NEU": "neutral", "SAD": "sad"}

    def paths(self) -> Iterable[Path]:
        """The files in AudioWAV, without the two that are left out."""
        return (path for path in self.recordings("AudioWAV/*") if path.stem not in _UNUSABLE)
