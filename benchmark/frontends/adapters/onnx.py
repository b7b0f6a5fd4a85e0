"""A model in the ONNX format, run by onnxruntime on one CPU thread."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmark.contracts import SAMPLE_RATE
from benchmark.errors import EarmarkError
from benchmark.frontends.adapters._external import External, Rate


class OnnxModel(External):
    """A model from audio (batch, time) or (batch, 1, time) to the same; shape and names are those it declares.

    No gradient passes through it, so it is never trained, but task models can adapt to its output under the scheme
    `frozen`. Models with a second input, such as the state of a streaming model, or with frames of fixed length are
    refused: export them with the loop inside. So are models whose weights are in a separate file. Of several outputs,
    the one that is as long as the input counts.
    """

    opaque = True

    def __init__(
        self,
        path: str,
        sample_rate: Rate = SAMPLE_RATE,
        pretrained_on: str = "unknown",
        gain: float = 0.0,
        rescale: bool = False,
    ) -> None:
        """Load the model; for the other options see `External`.

        Args:
            path: of the .onnx file
        Raises:
            EarmarkError: the file cannot be read, or is not a model of the kind described at the class
        """
        super().__init__(sample_rate, pretrained_on, gain, rescale)
        self.path = Path(path).expanduser()
        self.session = _session(self.path)
        inputs, outputs = self.session.get_inputs(), [each for each in self.session.get_outputs() if _is_audio(each)]
        if len(inputs) != 1 or len(inputs[0].shape) not in (2, 3) or not outputs:
            declared = ", ".join(f"{each.name} {each.shape}" for each in (*inputs, *self.session.get_outputs()))
            raise EarmarkError(
                f"{path}: it declares {declared}; export a model of one input and output, (batch, time) or (batch, 1, "
                "time)"
            )
        self.input = inputs[0]
        *lead, time = self.input.shape
        if self.input.type != "tensor(float)" or any(isinstance(size, int) and size != 1 for size in lead):
            raise EarmarkError(
                f"{path}: its input {self.input.name} is {self.input.type} {self.input.shape}; export it for 32-bit "
                "floats and one channel"
            )
        if isinstance(time, int):
            raise EarmarkError(
                f"{path}: its input {self.input.name} takes {time} samples and no others; export it with a dynamic "
                "time axis"
            )

        self.output = outputs[0] if len(outputs) == 1 else self._only_output(outputs)

    def _only_output(self, outputs: Sequence[Any]) -> Any:
        """The one of several outputs that has as many samples as the input; it is run once to find out.

        Raises EarmarkError where it cannot be run, and where none or several have.
        """
        names = [output.name for output in outputs]
        try:
            found = self.session.run(names, {self.input.name: np.zeros(self._shape(SAMPLE_RATE), np.float32)})
        except Exception as error:  # the errors of onnxruntime have no common class
            reason = " ".join(str(error).split())[:200]
            raise EarmarkError(f"{self.path}: it fails on a second of silence ({reason}); export it anew") from error
        fitting = [
            output
            for output, values in zip(outputs, found, strict=True)
            if values.size == SAMPLE_RATE and values.dtype == np.float32
        ]
        if len(fitting) != 1:
            shapes = ", ".join(f"{name} {values.shape}" for name, values in zip(names, found, strict=True))
            raise EarmarkError(
                f"{self.path}: for {SAMPLE_RATE} samples it returns {shapes}, and "
                f"{'any of them' if fitting else 'none of them'} may be the enhanced audio; export it with that output "
                "alone, as long as the input"
            )
        return fitting[0]

    def _shape(self, samples: int) -> tuple[int, ...]:
        return (1,) * (len(self.input.shape) - 1) + (samples,)

    def enhance(self, signal: Tensor) -> Tensor:
        """Run the model on one signal, (time,) to (time,)."""
        shape = self._shape(len(signal))
        (output,) = self.session.run(
            [self.output.name], {self.input.name: signal.detach().cpu().reshape(shape).numpy()}
        )
        return torch.from_numpy(output).reshape(-1).to(signal)


def _is_audio(output: Any) -> bool:
    """Whether a declared output may be audio of one channel."""
    return len(output.shape) in (2, 3)


def _session(path: Path) -> Any:
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise EarmarkError(f"the package {error.name} is missing; install the extra 'onnx'") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # errors are raised instead
    try:
        model = path.read_bytes()
    except OSError as error:
        raise EarmarkError(f"{path}: cannot be read ({error.strerror}); give the path of an .onnx file") from error
    try:  # from memory, so that no weights can be read from another file, whose changes would go unnoticed
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the errors of onnxruntime have no common class
        reason = " ".join(str(error).split())[:200]
        raise EarmarkError(
            f"{path}: not a model that onnxruntime {onnxruntime.__version__} can run ({reason}); export it into one "
            "file, with its weights"
        ) from error
