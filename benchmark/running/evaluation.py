"""A system to raw predictions: every test scene under every condition, one scene at a time.

One at a time, because then no neighbour, batch size or padding can change a prediction, not even in its last digit.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, cast

import torch

from benchmark.contracts import Batch, Enhanced, Task
from benchmark.data import collate
from benchmark.errors import EarmarkError
from benchmark.scenes import Mixer, select
from benchmark.settings import Score
from benchmark.training.system import System

Prediction = dict[str, Any]
Listen = Callable[[Prediction, torch.Tensor | None], None]
LOUDEST = 1e6  # a sample beyond it, 220 dB SPL, is no output but a defect; ours


def evaluate(
    system: System,
    label: str,
    mixer: Mixer,
    score: Score,
    clean_input: bool = False,
    listeners: Mapping[str, Sequence[float]] | None = None,
    settings: Sequence[Mapping[str, float]] = ({},),
    listen: Listen | None = None,
) -> Iterator[Prediction]:
    """Yield one record a scene and condition: scene, base, group, conditions, prediction, reference, failed.

    Args:
        system: front-end and task models, of which the one called `label` is evaluated; with `clean_input` the clean
            signal takes the place of the front-end's output (the reference row)
        listeners: thresholds in dB HL by name; each hears every scene
        settings: controls of the front-end; each is applied to every scene
        listen: called with each scene's record, without its prediction, and what the task got to hear, (channels,
            time); None where the system failed

    `failed` is None, or why the system failed on this utterance: wrong length or shape, values that are not real, not
    finite or beyond LOUDEST, an error raised.
    """
    system.eval()
    task = cast(Task, system.tasks[label])
    for row in select(mixer.targets, score.scenes, score.seed):
        for snr in snrs(mixer, score, row):
            mixture = mixer.scene(row, snr, score.level, score.seed)
            reference = task.reference(row)
            for name, thresholds in listeners.items() if listeners else (("", None),):
                batch = collate([mixture._replace(listener=thresholds)], task).to(system.device)
                for controls in settings:
                    record = {
                        "scene": mixture.scene.id,
                        "base": mixture.scene.base,
                        "group": mixture.scene.group,
                        "interferers": list(mixture.scene.interferers),
                        "conditions": {**mixture.scene.conditions, **({"listener": name} if name else {}), **controls},
                        "reference": reference,
                    }
                    heard = None if listen is None else partial(listen, record)
                    predicted = _predicted(system, label, batch, clean_input, controls, heard)
                    if listen is not None and predicted["failed"]:
                        listen(record, None)
                    yield record | predicted


def check_any_success(predictions: Sequence[Prediction], label: str, given_up: bool = False) -> None:
    """EarmarkError where the system failed on every single scene, or on all so far and was given up: that is a defect
    and no score.
    """
    reasons = [prediction["failed"] for prediction in predictions]
    if reasons and all(reasons):
        which = (
            f"each of the first {len(reasons)} scenes and was given up" if given_up else f"all {len(reasons)} scenes"
        )
        raise EarmarkError(f"{label}: it failed on {which}; first: {reasons[0]}")


def snrs(mixer: Mixer, score: Score, row: Mapping[str, Any]) -> Sequence[float | None]:
    """The SNRs of a target's scenes in dB; None: as it is."""
    if "clean" in row:  # a pair mixed by its owner has the condition it has
        return [None]
    if mixer.interferers is None:
        return [None]
    return [None if snr == "clean" else float(snr) for snr in score.snr]


def _predicted(
    system: System,
    label: str,
    batch: Batch,
    clean_input: bool,
    controls: Mapping[str, float],
    heard: Callable[[torch.Tensor], None] | None,
) -> dict[str, Any]:
    with torch.inference_mode():
        try:
            enhanced = Enhanced(_clean(batch)) if clean_input else system.enhance(batch, **controls)
        except EarmarkError as error:
            return {"prediction": {}, "failed": str(error)}
        except Exception as error:  # a third party's code: its failure is counted, the run goes on
            return {"prediction": {}, "failed": " ".join(f"{type(error).__name__}: {error}".split())}
        if reason := defect(enhanced.audio):
            return {"prediction": {}, "failed": f"the front-end's output {reason}"}
        audio = system.task_input(label, enhanced, batch)
        if heard is not None:
            heard(audio[0])
        prediction = cast(Task, system.tasks[label]).predict(
            system.tasks[label](audio, batch.heard.lengths, enhanced.shared), batch
        )[0]
    return {"prediction": _plain(prediction), "failed": None}


def defect(audio: torch.Tensor) -> str | None:
    """What makes audio no output, or None."""
    if not torch.isfinite(audio).all():
        return "is not finite"
    if (peak := float(audio.abs().max())) > LOUDEST:
        return f"reaches {peak:.3g}, beyond {LOUDEST:g} (220 dB SPL)"
    return None


def _clean(batch: Batch) -> torch.Tensor:
    if batch.clean is None:
        raise EarmarkError("the corpus has no clean signal; a reference row needs one")
    return batch.clean


def _plain(value: Any) -> Any:
    """JSON has no NaN: what is not finite becomes null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, (list, tuple)) else value
