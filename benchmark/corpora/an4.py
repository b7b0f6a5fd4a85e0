"""CMU AN4 (census): spelled names, addresses and numbers, and commands, by 84 speakers."""

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmark.audio import audio_files
from benchmark.corpora._corpus_reader import LETTERS, CorpusReader, identifier, transcript
from benchmark.corpora._splits import split_groups


class AN4(CorpusReader):
    """AN4 in its owner's layout: etc/an4_{train,test}.{fileids,transcription} and wav/.

    The test speakers are the owner's. For validation, 0.15 of the training speakers are chosen by a hash of their names
    (ours). No speaker is in two splits, but texts are: commands such as YES occur in all of them.

    Source: Acero, "Acoustical and Environmental Robustness in Automatic Speech Recognition", 1993.
    """

    kind = "speech"
    licence = "free for any purpose with its notice (AN4 License Terms, BSD-like)"
    source = "https://github.com/cmusphinx/an4"
    size = "about 100 MB"
    folders = ("an4",)

    @property
    def schema(self) -> Mapping[str, Any]:
        """The alphabet of the transcripts."""
        return {"alphabet": LETTERS}

    def table(self) -> Iterator[dict[str, Any]]:
        """The utterances of both lists, training and test."""
        rows = [*self._listed("train"), *self._listed("test")]
        held_out = split_groups((row["group"] for row in rows if row["split"] == "train"), test=0)
        for row in rows:
            yield row | {"split": held_out[row["group"]] if row["split"] == "train" else "test"}

    @cached_property
    def _sounds(self) -> dict[str, Path]:
        """The recordings by identifier; of two formats, RIFF counts, which is distributed beside NIST Sphere."""
        found = sorted(audio_files(self.root), key=lambda path: path.suffix.lower() == ".wav")
        return {identifier(path, self.root): path for path in found}

    def _listed(self, split: str) -> list[dict[str, Any]]:
        transcription = f"etc/an4_{split}.transcription"
        texts = {}
        for line in self.lines(transcription):
            text, _, name = line.rpartition("(")
            texts[name.strip(" )")] = re.sub(r"</?s>|<sil>", " ", text)
        rows, missing = [], []
        for line in self.lines(f"etc/an4_{split}.fileids"):
            *_, speaker, name = line.strip().split("/")
            if name not in texts:
                raise self.error(
                    f"no line for {name} in {self.root / transcription}",
                    "add it, or remove the recording from the list",
                )
            path = self._sounds.get(f"wav/{line.strip()}")
            if path is None:
                missing.append(line.strip())
                continue
            text = transcript(texts[name], f"{self.root / transcription}: {name}")
            rows.append({"id": line.strip(), "group": speaker, "audio": path, "text": text, "split": split})
        self.check_complete(f"etc/an4_{split}.fileids", missing)
        return rows
