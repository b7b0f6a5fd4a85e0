"""CREMA-D: twelve English sentences by 91 actors in six emotions, 16 kHz."""

from collections.abc import Iterable
from pathlib import Path

from benchmark.corpora._emotions import EmotionReader


class CREMAD(EmotionReader):
    """Cao et al., "CREMA-D: Crowd-Sourced Emotional Multimodal Actors Dataset", IEEE Trans. Affective Computing 5(4), 2014.

    AudioWAV/{actor}_{sentence}_{emotion}_{level}.wav, such as 1001_DFA_ANG_XX.wav. The label is the emotion that was acted, not the raters' vote.
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
        """AudioWAV/*.wav"""
        return (self.root / "AudioWAV").glob("*.wav")
