"""A model in the ONNX format, run by onnxruntime on one thread of the CPU."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmark.contracts import SAMPLE_RATE
from benchmark.errors import EarmarkError
from benchmark.frontends.adapters._external import External, Rate


class OnnxModel(External):
    """From audio (batch, time) or (batch, 1, time) to the same; which of the two, and the names of input and output,
    are the model's own declarations.

    No gradient reaches it, so it is never trained, but task models adapt to its output under `frozen`. A model with a
    second input, such as the state of a streaming model, or with frames of a fixed length is refused: export it with
    the loop inside. So is one whose weights lie in a file of their own.
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
        """`path` of the .onnx file; the other options are explained at `External`. EarmarkError where it is no such
        model.
        """
        super().__init__(sample_rate, pretrained_on, gain, rescale)
        self.path = Path(path).expanduser()
        self.session = _session(self.path)
        inputs, outputs = (
            self.session.get_inputs(),
            [output for output in self.session.get_outputs() if len(output.shape) in (2, 3)],
        )
        if len(inputs) != 1 or len(inputs[0].shape) not in (2, 3) or not outputs:
            declared = ", ".join(f"{each.name} {each.shape}" for each in (*inputs, *self.session.get_outputs()))
            raise EarmarkError(
                f"{path}: it declares {declared}; export a model of one input and output, (batch, time) or (batch, 1, "
                "time)"
            )
        self.input, self.output = inputs[0], outputs[0]
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

    def enhance(self, signal: Tensor) -> Tensor:
        """(time,) to what the model returns, without its batch and channel."""
        shape = (1,) * (len(self.input.shape) - 1) + (len(signal),)
        (output,) = self.session.run(
            [self.output.name], {self.input.name: signal.detach().cpu().reshape(shape).numpy()}
        )
        return torch.from_numpy(output).reshape(-1).to(signal)


def _session(path: Path) -> Any:
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise EarmarkError(f"the package {error.name} is missing; install the extra 'onnx'") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what goes wrong is raised
    try:
        model = path.read_bytes()
    except OSError as error:
        raise EarmarkError(f"{path}: cannot be read ({error.strerror}); give the path of an .onnx file") from error
    try:  # from memory, where weights in another file are out of reach: this file alone is what the results stand for
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors share no class of their own
        reason = " ".join(str(error).split())[:200]
        raise EarmarkError(
            f"{path}: no model that onnxruntime {onnxruntime.__version__} runs ({reason}); export it into one file, "
            "with its weights"
        ) from error
