"""Any program that reads a noisy WAV file and writes an enhanced one, run once for each."""

import os
import shlex
import shutil
import signal as signals
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from benchmark import audio
from benchmark.contracts import SAMPLE_RATE
from benchmark.errors import EarmarkError
from benchmark.frontends.adapters._enhanced_files import clipped, read_enhanced
from benchmark.frontends.adapters._external import External, Rate
from benchmark.processes import undisturbed

IN, OUT = "{in}", "{out}"


class Command(External):
    """Runs a command with the paths of two 32-bit float WAV files of one channel in place of {in} and {out}. It is
    dropped in, never trained nor adapted to.

    The program runs by itself, without a shell, in the current folder, told by OMP_NUM_THREADS to take one thread; its
    files lie in a folder that is gone afterwards. At the time limit it is killed with all its children.
    """

    dropped_in_only = True

    def __init__(
        self,
        command: str | list[str],
        seconds: Annotated[float, Field(gt=0)] = 60.0,
        files: Sequence[str] = (),
        sample_rate: Rate = SAMPLE_RATE,
        pretrained_on: str = "unknown",
        gain: float = 0.0,
        rescale: bool = False,
    ) -> None:
        """The other options are explained at `External`.

        Args:
            command: its words, such as [python, enhance.py, "{in}", "{out}"]; or one string, where no word is a file
            seconds: the time limit for a file
            files: what else the program reads, such as its weights. When one of these changes, or a file among the
                words of the command, all is run again
        Raises:
            EarmarkError: a word {in} or {out}, the program or a file is missing
        """
        super().__init__(sample_rate, pretrained_on, gain, rescale)
        self.words = words_of(command) if isinstance(command, str) else list(command)
        self.seconds = seconds
        if missing := [place for place in (IN, OUT) if not any(place in word for word in self.words)]:
            raise EarmarkError(
                f"command: {' and '.join(missing)} missing in '{' '.join(self.words)}'; write it as prog {IN} {OUT}"
            )
        if shutil.which(self.words[0]) is None:
            raise EarmarkError(f"command: no program {self.words[0]}; install it, or give its path")
        if missing := [path for path in files if not os.path.exists(path)]:
            raise EarmarkError(f"files: no such file {missing[0]}; correct its path")
        if isinstance(command, str) and (
            named := [word for word in self.words if os.path.isfile(word) and word not in files]
        ):
            raise EarmarkError(
                f"command: it names {named[0]}; write it as a list of words, as {self.words}, so that a changed file "
                "is noticed"
            )

    def enhance(self, signal: Tensor) -> Tensor:
        """(time,) to what the program makes of it. EarmarkError: it fails, takes too long, clips, or leaves no file of
        the same rate and length.
        """
        with tempfile.TemporaryDirectory(prefix="earmark") as folder:
            places = {IN: Path(folder) / "in.wav", OUT: Path(folder) / "out.wav"}
            audio.write(places[IN], signal.detach().cpu().numpy(), self.sample_rate)
            try:
                self._run([_filled(word, places) for word in self.words], Path(folder) / "log")
                if not places[OUT].is_file():
                    raise EarmarkError(f"it wrote no file {OUT}; run it by hand on a WAV file")
                enhanced = read_enhanced(places[OUT], (1, len(signal)), self.sample_rate)
                if count := clipped(places[OUT], enhanced):
                    raise EarmarkError(
                        f"clipped, {count} samples of its output stand at full scale; write 32-bit float samples, "
                        "unclipped"
                    )
            except EarmarkError as error:  # the folder's name differs from run to run
                raise EarmarkError(f"{self.words[0]}: {str(error).replace(f'{folder}/', '')}") from error
        return torch.from_numpy(enhanced[0]).to(signal)

    def _run(self, words: list[str], log: Path) -> None:
        with log.open("wb") as output:
            environment, process = {"OMP_NUM_THREADS": "1", **os.environ}, None
            try:
                with undisturbed():
                    process = subprocess.Popen(
                        words, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, process_group=0
                    )
                status = process.wait(self.seconds)
            except OSError as error:
                raise EarmarkError(f"cannot be run ({error.strerror}); make it executable") from error
            except subprocess.TimeoutExpired as error:
                raise EarmarkError(
                    f"not done after {self.seconds:g} s; raise the option seconds, or mend the program"
                ) from error
            finally:
                if process is not None:
                    with suppress(ProcessLookupError, PermissionError):  # nothing of its group is left
                        os.killpg(process.pid, signals.SIGKILL)
                    process.wait()
        if status:
            last = (log.read_bytes()[-2000:].decode(errors="replace").strip().splitlines() or ["it said nothing"])[-1][
                :200
            ]
            raise EarmarkError(f"ended with status {status} ({last}); run it by hand on a WAV file")


def words_of(command: str) -> list[str]:
    """The words of a command line, as a shell would part them; EarmarkError where a quotation has no end."""
    try:
        return shlex.split(command)
    except ValueError as error:
        raise EarmarkError(f"command: {command}: {error}; close it") from error


def _filled(word: str, places: dict[str, Path]) -> str:
    for place, path in places.items():
        word = word.replace(place, str(path))
    return word
