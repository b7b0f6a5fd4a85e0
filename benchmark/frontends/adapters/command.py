"""Any program that reads a noisy WAV file and writes an enhanced one."""

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
    """Runs a command for each signal, with the paths of two WAV files in place of {in} and {out}.

    The files have one channel of 32-bit float samples, and lie in a temporary folder. The command runs without a shell,
    in the current folder, with OMP_NUM_THREADS set to 1. At the time limit it is killed with all its children. This
    front-end is only dropped in: it is not trained, and no task model adapts to it.
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
        """Check the command; for the other options see `External`.

        Args:
            command: a list of words, such as [python, enhance.py, "{in}", "{out}"]; or a string, if no word is a file
            seconds: time limit per file
            files: other files that the program reads, such as its weights. If one of these changes, or a file among the
                words of the command, everything is run again
        Raises:
            EarmarkError: {in}, {out}, the program or a file is missing, or a string names a file
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
        """Run the program on one signal, (time,) to (time,).

        Raises:
            EarmarkError: it fails, takes too long, clips, or writes no file of the same rate and length
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
                        f"clipped, {count} samples of its output are at full scale; write 32-bit float samples, "
                        "unclipped"
                    )
            except EarmarkError as error:  # the name of the folder differs from run to run
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
                    f"not done after {self.seconds:g} s; raise the option seconds, or fix the program"
                ) from error
            finally:
                if process is not None:
                    with suppress(ProcessLookupError, PermissionError):  # no process of its group is left
                        os.killpg(process.pid, signals.SIGKILL)
                    process.wait()
        if status:
            last = (log.read_bytes()[-2000:].decode(errors="replace").strip().splitlines() or ["it said nothing"])[-1][
                :200
            ]
            raise EarmarkError(f"ended with status {status} ({last}); run it by hand on a WAV file")


def words_of(command: str) -> list[str]:
    """Split a command line into words as a shell does; EarmarkError if a quotation is not closed."""
    try:
        return shlex.split(command)
    except ValueError as error:
        raise EarmarkError(f"command: {command}: {error}; close it") from error


def _filled(word: str, places: dict[str, Path]) -> str:
    for place, path in places.items():
        word = word.replace(place, str(path))
    return word
