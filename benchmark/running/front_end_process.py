"""The process in which a front-end runs: it gets noisy audio, its length, the listener and an opaque name, no more."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field, TypeAdapter, ValidationError

from benchmark.contracts import SAMPLE_RATE, Batch, Heard, Spec
from benchmark.costs import measure
from benchmark.errors import EarmarkError, printable
from benchmark.front_end_description import confined
from benchmark.planning.cells import Enhancing, Measuring
from benchmark.running.enhanced_audio import Output
from benchmark.running.evaluation import Controls, defect, enhance
from benchmark.running.systems import device_of, front_end_of, load_part
from benchmark.sandbox import SandboxedProcess
from benchmark.sandbox.process import Answer, Handler
from benchmark.store import Store, Workspace
from benchmark.training.system import System

SCENE_SECONDS, TIMES_AS_LONG = 60.0, 20.0  # an output may take the first, and the second times the scene's length; ours
MEASURING_SECONDS = 1800.0
Note = Annotated[str, Field(max_length=500)]
Cost = Annotated[int | float, Field(ge=0, allow_inf_nan=False)]
_COSTS = TypeAdapter(dict[Note, Cost | list[Note] | None])


class FrontEndProcess:
    """A front-end with its weights in a process of its own, which is started anew where it is lost."""

    def __init__(self, work: Enhancing | Measuring, workspace: Workspace, corpora: Sequence[Path] = ()) -> None:
        """`corpora`: the folders of those that scenes are made of, which the process cannot read."""
        spec = work.front_end
        weights = {part: str(Store(workspace.runs).get("weights", key)) for part, key in work.weights.items()}
        argument = {"name": spec.name, "config": dict(spec.config), "weights": weights, "accelerator": work.accelerator}
        files = [str(path) for folder in weights.values() for path in Path(folder).glob("*.safetensors")]
        confinement = confined(spec.name, spec.config, (*workspace.folders, *corpora), files)
        if device_of(work.accelerator).type != "cpu":  # whose driver maps more than any limit
            confinement = replace(confinement, memory_gib=None)
        self.process = SandboxedProcess("benchmark.running.front_end_process:serve", argument, confinement, spec.name)
        self.patience = SCENE_SECONDS + float(spec.config.get("seconds", 0) if spec.name == "adapters/command" else 0)

    def __enter__(self) -> "FrontEndProcess":
        self.process.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.process.close()

    def hear(self, batch: Batch, listener: str = "", controls: Controls | None = None) -> Output:
        """Enhance one scene. Where the front-end fails, in whatever way, the reason is returned."""
        heard = batch.heard
        arrays = [heard.audio[0].cpu().numpy()]
        if heard.listener is not None:
            arrays.append(heard.listener[0].cpu().numpy())
        request = {"enhance": heard.names[0], "controls": dict(controls or {})}
        seconds = self.patience + TIMES_AS_LONG * heard.audio.shape[-1] / SAMPLE_RATE
        try:
            values, given = self.process.ask(request, arrays, seconds)
        except EarmarkError as error:  # ProcessLost among them
            return Output(failed=printable(error))
        if "failed" in values:
            return Output(failed=printable(values["failed"]))
        if not given or given[0].shape != arrays[0].shape:
            return Output(failed="its process answered with no output")
        audio, *shared = (torch.from_numpy(array.copy())[None] for array in given)
        if reason := defect(audio):
            return Output(failed=f"the front-end's output {reason}")
        return Output(audio, shared[0] if shared else None)

    def costs(self) -> Mapping[str, Any]:
        """Measure what the front-end costs; what cannot be known is None, and a note says why."""
        try:
            return _COSTS.validate_python(self.process.ask({"measure": 1}, seconds=MEASURING_SECONDS).values)
        except (EarmarkError, ValidationError) as error:
            what = "its process answered with no costs" if isinstance(error, ValidationError) else str(error)
            return {"notes": [f"no cost can be measured: {what}"]}


def serve(name: str, config: Mapping[str, Any], weights: Mapping[str, str], accelerator: str) -> Handler:
    """In the process itself: build the front-end and answer what it is asked for."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    system = System(front_end_of(Spec(name, config=config)), {})
    for part, folder in weights.items():
        load_part(system, part, Path(folder))
    enhancer = system.enhancer.to(device_of(accelerator)).eval()

    def answer(request: Mapping[str, Any], arrays: Sequence[np.ndarray]) -> Answer:
        if "measure" in request:
            return Answer(measure(enhancer.front_end.cpu()))
        audio, *listener = (torch.from_numpy(array.copy())[None] for array in arrays)
        lengths = torch.tensor([audio.shape[-1]])
        heard = Heard(audio, lengths, listener[0] if listener else None, (request["enhance"],))
        output = enhance(enhancer, Batch([], heard, None, {}).to(enhancer.gain.device), **request["controls"])
        if output.audio is None:
            return Answer({"failed": output.failed})
        return Answer(arrays=[each[0].cpu().numpy() for each in (output.audio, output.shared) if each is not None])

    return answer
