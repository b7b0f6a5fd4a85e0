"""From test scenes to raw predictions, one scene at a time.

One at a time, so that neither neighbours in a batch nor padding can change a prediction, not even in its last digit.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch

from benchmark.contracts import Batch, Enhanced
from benchmark.data import collate
from benchmark.enhancer import Enhancer
from benchmark.errors import EarmarkError
from benchmark.running.enhanced_audio import EnhancedAudio, Output
from benchmark.scenes import Mixer, Mixture, select
from benchmark.settings import ScoredScenes
from benchmark.training.system import System

Prediction = dict[str, Any]
Controls = Mapping[str, float]
Thresholds = Mapping[str, Sequence[float]]  # in dB HL, by listener
Hear = Callable[[Batch, str, Controls], Output]  # from a batch of one scene, its listener and controls
Keep = Callable[[Prediction, torch.Tensor | None], None]
LOUDEST = 1e6  # a larger sample (220 dB SPL) counts as a defect; ours


def stored(audio: EnhancedAudio, by_listener: bool) -> Hear:
    """Take the audio that was enhanced before; `by_listener`: whether the front-end knew the listener."""
    return lambda batch, listener, controls: audio.get(batch.scenes[0].id, listener if by_listener else "")


def clean(batch: Batch, listener: str, controls: Controls) -> Output:
    """Take the clean signal, as the reference row does. Raises EarmarkError where a corpus has none."""
    if batch.clean is None:
        raise EarmarkError("the corpus has no clean signal; a reference row needs one")
    return Output(batch.clean)


def evaluate(
    system: System,
    label: str,
    mixer: Mixer,
    scenes: ScoredScenes,
    hear: Hear,
    listeners: Thresholds | None = None,
    settings: Sequence[Controls] = ({},),
    keep: Keep | None = None,
) -> Iterator[Prediction]:
    """Yield a record for each scene, condition and setting.

    A record has scene, base, group, interferers, conditions, prediction, reference and failed. `failed` is None, or why
    the front-end failed on the scene: a wrong length or shape, values that are not real, not finite or beyond LOUDEST,
    or an error that it raised.

    Args:
        system: has the task model `label`
        hear: gives the enhanced audio
        listeners: thresholds in dB HL by name; each listener hears every scene
        settings: values of the front-end's controls; each setting is applied to every scene
        keep: called with each record, before its prediction, and with the audio that the task model got, (channels,
            time); None where the front-end failed
    """
    system.eval()
    task = system.tasks[label]
    for mixture, listener in heard_scenes(mixer, scenes, listeners):
        reference = task.reference(mixture.row)
        batch = collate([mixture], task).to(system.device)
        for controls in settings:
            record = {
                "scene": mixture.scene.id,
                "base": mixture.scene.base,
                "group": mixture.scene.group,
                "interferers": list(mixture.scene.interferers),
                "conditions": {**mixture.scene.conditions, **({"listener": listener} if listener else {}), **controls},
                "reference": reference,
            }
            output = hear(batch, listener, controls)
            if output.audio is None:
                if keep is not None:
                    keep(record, None)
                yield record | {"prediction": {}, "failed": output.failed}
                continue
            there = batch.heard.audio.device
            shared = None if output.shared is None else output.shared.to(there)
            enhanced = Enhanced(output.audio.to(there), shared)
            with torch.inference_mode():
                audio = system.task_input(label, enhanced, batch)
                if keep is not None:
                    keep(record, audio[0])
                model = system.model(label)
                prediction = model.predict(model(audio, batch.heard.lengths, enhanced.shared), batch)[0]
            yield record | {"prediction": _plain(prediction), "failed": None}


def heard_scenes(mixer: Mixer, scenes: ScoredScenes, listeners: Thresholds | None) -> Iterator[tuple[Mixture, str]]:
    """Every test scene at every SNR for each listener, with the listener's name; "" where there is no listener."""
    for row in select(mixer.targets, scenes.scenes, scenes.seed):
        for snr in snrs(mixer, scenes, row):
            mixture = mixer.scene(row, snr, scenes.level, scenes.seed)
            for name, thresholds in listeners.items() if listeners else (("", None),):
                yield mixture._replace(listener=thresholds), name


def count_heard(mixer: Mixer, scenes: ScoredScenes, listeners: Thresholds | None) -> int:
    """How many scenes `heard_scenes` yields."""
    rows = select(mixer.targets, scenes.scenes, scenes.seed)
    return sum(len(snrs(mixer, scenes, row)) for row in rows) * len(listeners or (None,))


def enhance(enhancer: Enhancer, batch: Batch, **controls: float) -> Output:
    """Enhance one scene. Where the front-end fails, the reason is returned, and the run goes on."""
    with torch.inference_mode():
        try:
            enhanced = enhancer(batch.heard, **controls)
        except EarmarkError as error:
            return Output(failed=str(error))
        except Exception as error:
            return Output(failed=" ".join(f"{type(error).__name__}: {error}".split()))
        if reason := defect(enhanced.audio):
            return Output(failed=f"the front-end's output {reason}")
        return Output(enhanced.audio, enhanced.shared)


def check_any_success(reasons: Sequence[str | None], label: str, given_up: bool = False) -> None:
    """Raise EarmarkError where a front-end failed on every scene, or on all so far and was given up."""
    if reasons and all(reasons):
        which = (
            f"each of the first {len(reasons)} scenes and was given up" if given_up else f"all {len(reasons)} scenes"
        )
        raise EarmarkError(f"{label}: it failed on {which}; first: {reasons[0]}")


def snrs(mixer: Mixer, scenes: ScoredScenes, row: Mapping[str, Any]) -> Sequence[float | None]:
    """The SNRs of a target's scenes in dB; None: clean, or as it was recorded."""
    if "clean" in row or mixer.interferers is None:  # a pair mixed by its owner has its own condition
        return [None]
    return [None if snr == "clean" else float(snr) for snr in scenes.snr]


def defect(audio: torch.Tensor) -> str | None:
    """Why audio cannot be an output; None if it can."""
    if not torch.isfinite(audio).all():
        return "is not finite"
    if (peak := float(audio.abs().max())) > LOUDEST:
        return f"reaches {peak:.3g}, beyond {LOUDEST:g} (220 dB SPL)"
    return None


def _plain(value: Any) -> Any:
    """The value as JSON can hold it: numbers that are not finite become null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, (list, tuple)) else value
