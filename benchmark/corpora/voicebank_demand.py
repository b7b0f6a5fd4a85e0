"""VoiceBank-DEMAND: clean speech and its owner's noisy mixtures, the usual benchmark of speech enhancement."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from benchmark.corpora._corpus_reader import LETTERS, CorpusReader, transcript


class VoiceBankDemand(CorpusReader):
    """VoiceBank-DEMAND, in its owner's layout or as noisy/ beside clean/.

    The owner's layout has noisy_testset_wav, clean_testset_wav, noisy_trainset_28spk_wav, … and, in some copies,
    testset_txt, … and log_testset.txt, …. Only noisy/ beside clean/ has been tried on real files. In both an id is a
    file's name without its suffix. `conditions` holds snr (dB) and interferer if a log gives them. The column `text`
    exists if any texts do; it is None for a recording without one. No speaker is in two splits.

    Source: Valentini-Botinhao, "Noisy speech database for training speech enhancement algorithms and TTS models", 2017.

    Args:
        root: the folder with these folders
        trainset: which of the owner's two training sets
        validation_speakers: taken from the training set; the default suits 28spk (ours, as in several published
            systems), and 56spk needs others
        test_speakers: by default the owner's
    """

    kind = "pairs"
    licence = "CC BY 4.0"
    source = "https://doi.org/10.7488/ds/2117"
    size = "5 GB with 28 training speakers, zipped"
    folders = ("VoiceBank-DEMAND", "DS_10283_2791")

    def __init__(
        self,
        root: Path,
        trainset: Literal["28spk", "56spk"] = "28spk",
        validation_speakers: Sequence[str] = ("p226", "p287"),
        test_speakers: Sequence[str] = ("p232", "p257"),
    ) -> None:
        super().__init__(root)
        self.sets = (f"trainset_{trainset}", "testset")
        self.splits = dict.fromkeys(validation_speakers, "validation") | dict.fromkeys(test_speakers, "test")

    @property
    def schema(self) -> Mapping[str, Any]:
        """The alphabet of the transcripts."""
        return {"alphabet": LETTERS}

    @property
    def remedy(self) -> str:
        """The speakers found."""
        speakers = ", ".join(sorted({row["group"] for row in self.table()}))
        return (
            f"speakers present: {speakers or 'none'}; set validation_speakers and test_speakers, or {self.how_to_get}"
        )

    def table(self) -> Iterator[dict[str, Any]]:
        """The pairs of the training set and the test set."""
        owners = [(f"noisy_{name}_wav", f"clean_{name}_wav") for name in self.sets]
        folders = [pair for pair in (("noisy", "clean"), *owners) if (self.root / pair[0]).is_dir()]
        if not folders:
            raise self.error(f"neither noisy nor {' nor '.join(noisy for noisy, _ in owners)} in {self.root}")
        texts = {path.stem: path for path in self.root.glob("*txt/*.txt")}
        conditions = self._conditions()
        for noisy, clean in folders:
            paths = {path.stem: path for path in self.recordings(f"{noisy}/*")}
            partners = {path.stem: path for path in self.recordings(f"{clean}/*")}
            alone = sorted(paths.keys() ^ partners.keys())
            if alone:
                raise self.error(
                    f"{len(alone)} files are in only one of {noisy} and {clean} in {self.root}, the first is "
                    f"{alone[0]}.wav"
                )
            for name, path in paths.items():
                speaker = name.partition("_")[0]
                row = {
                    "id": name,
                    "group": speaker,
                    "audio": path,
                    "clean": partners[name],
                    "conditions": conditions.get(name, {}),
                }
                if texts:
                    row["text"] = (
                        transcript(texts[name].read_text(encoding="utf-8"), texts[name]) if name in texts else None
                    )
                yield row | {"split": self.splits.get(speaker, "train")}

    def _conditions(self) -> dict[str, dict[str, Any]]:
        """Interferer and SNR in dB by recording, from the owner's logs, whose lines are: name, interferer, SNR."""
        conditions = {}
        for log in (*self.root.glob("log_t*set*.txt"), *self.root.glob("logfiles/log_t*set*.txt")):
            for line in self.lines(str(log.relative_to(self.root))):
                try:
                    name, interferer, snr = line.split()
                    conditions[name] = {"snr": float(snr), "interferer": interferer}
                except ValueError as error:
                    raise self.error(
                        f"{log} has a line that is not name, noise and SNR: {line!r}", "restore the file"
                    ) from error
        return conditions
