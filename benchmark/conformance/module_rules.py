"""Rules for a front-end as a module: state, weights, devices, causality, listeners and controls.

The first line of a rule's docstring says what is expected, the rest why it matters.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from benchmark.conformance.findings import Finding, failed, note, ok, skipped, some
from benchmark.conformance.harness import Harness, difference_db, shown_db, trying
from benchmark.contracts import SAMPLE_RATE, WET, Batch, FrontEnd
from benchmark.costs import CAUSAL_MS, look_ahead
from benchmark.frontends import front_ends
from benchmark.hearing.audiograms import PROFILES
from benchmark.running.evaluation import defect
from benchmark.training.system import System

ELSEWHERE = -40.0  # dB, largest difference between the CPU and another device, whose arithmetic differs; ours
OFFERED = frozenset({"listener", "clean"})  # what a front-end may need; "clean" for its loss only


def deterministic(harness: Harness) -> Finding:
    """The same sound gives the same output to the bit, whatever was enhanced in between.

    Scores must be reproducible to the last digit, and a scene's score must not depend on the scenes before it.
    """
    scenes, other = harness.scenes(), harness.scenes(seed=1)
    first = harness.output(scenes)
    harness.output(other)
    difference = difference_db(harness.output(scenes), first)
    return (
        ok(shown_db(difference))
        if difference == float("-inf")
        else failed(f"a difference of {shown_db(difference)} between two calls")
    )


def state(harness: Harness) -> Finding:
    """In evaluation mode, enhancing changes no parameter, no buffer and no module's mode.

    Schemes that keep a front-end fixed must leave it unchanged to the last bit, and scoring must not train it further.
    """
    before = {name: value.clone() for name, value in _tensors(harness.front_end)}
    harness.output(harness.scenes())
    after = dict(_tensors(harness.front_end))
    changed = [
        name
        for name in before.keys() | after.keys()
        if name not in before or name not in after or not torch.equal(before[name], after[name])
    ]
    if changed:
        return failed(f"changed: {some(changed)}")
    training = [name or "the front-end" for name, module in harness.front_end.named_modules() if module.training]
    return (
        failed(f"in training mode afterwards: {some(training)}")
        if training
        else ok(f"{len(before)} tensors as they were")
    )


def in_place(harness: Harness) -> Finding:
    """`process` does not change its input.

    The engine passes a copy, so nothing breaks here, but other code may not do so.
    """
    heard = harness.scenes().heard
    before = heard.audio.clone()
    with torch.inference_mode():
        harness.front_end.process(heard)
    return ok("untouched") if torch.equal(heard.audio, before) else note("the input is changed in place")


def reload(harness: Harness) -> Finding:
    """Weights that are saved and loaded into a newly built front-end give the same output to the bit.

    Trained weights are stored as safetensors and loaded into a fresh front-end for scoring. Everything that the output
    depends on must be a parameter, a buffer or an option.
    """
    front_end, scenes = harness.front_end, harness.scenes()
    with torch.no_grad():  # as if trained
        for parameter in front_end.parameters():
            parameter.mul_(1.02).add_(0.001)
    expected = harness.output(scenes)
    state = front_end.state_dict()
    if other := [name for name, value in state.items() if not isinstance(value, Tensor)]:
        return failed(f"not tensors: {some(other)}")
    data = safetensors.torch.save({name: value.clone().contiguous() for name, value in state.items()})
    torch.manual_seed(1)
    fresh = harness.another()
    fresh.load_state_dict(safetensors.torch.load(data))
    harness.system = System(fresh, {}).eval()
    if (difference := difference_db(harness.output(scenes), expected)) != float("-inf"):
        return failed(f"a difference of {shown_db(difference)}")
    places = [value.data_ptr() for value in state.values() if value.numel()]
    shared = [name for name, value in state.items() if places.count(value.data_ptr()) > 1]
    return (
        note(f"these share memory, but are saved separately: {some(shared)}") if shared else ok(f"{len(state)} tensors")
    )


def device(harness: Harness) -> Finding:
    """On an accelerator the output differs from that on the CPU by at most -40 dB.

    `trainer: {accelerator: gpu}` moves parameters and buffers; any other tensor stays on the CPU.
    """
    known = {id(value) for module in harness.front_end.modules() for value in (*module.parameters(), *module.buffers())}
    stray = [
        f"{type(module).__name__}.{name}" for module in harness.front_end.modules() for name in _stray(module, known)
    ]
    if not torch.accelerator.is_available():
        return (
            note(f"no accelerator here; tensors that are neither parameter nor buffer: {some(stray)}")
            if stray
            else skipped("there is no accelerator here")
        )
    place = torch.accelerator.current_accelerator()
    assert place is not None
    scenes = harness.scenes()
    expected = harness.output(scenes)
    harness.system.to(place)
    with trying(f"on {place}"):
        difference = difference_db(harness.output(scenes.to(place)).cpu(), expected)
    return (
        ok(f"{place}: {shown_db(difference)}")
        if difference <= ELSEWHERE
        else failed(f"{place}: a difference of {shown_db(difference)}")
    )


def causality(harness: Harness) -> Finding:
    """A front-end with `causal = True`, alone or inside another, looks at most 40 ms ahead, frames included.

    Look-ahead is measured, for cards as well. It delays what a listener hears, and a delay of more than about ten
    milliseconds is heard as an echo.
    """
    front_end, *members = front_ends(harness.front_end)
    claimed, latency = getattr(front_end, "causal", None), _latency_ms(front_end)
    came, causal = f"it {_shown(latency)}", latency <= CAUSAL_MS
    if claimed and not causal:
        return failed(f"causal = {claimed}, but {came}")
    for member in members:
        if (claims := getattr(member, "causal", None)) and (ahead := _latency_ms(member)) > CAUSAL_MS:
            return failed(
                f"{type(getattr(member, 'module', member)).__name__}: causal = {claims}, but it {_shown(ahead)}"
            )
    if claimed is None:
        return ok(f"{came}; it says nothing")
    return ok(f"causal = {claimed}, {came}") if bool(claimed) == causal else note(f"causal = {claimed}, yet {came}")


def needs(harness: Harness) -> Finding:
    """A front-end needs at most a listener, and clean speech for its loss; the output is finite for any audiogram.

    Scenes offer nothing else. Audiograms range from normal hearing to a profound loss, and may differ between the ears.
    """
    if unknown := harness.front_end.needs - OFFERED:
        return failed(f"needs {', '.join(sorted(unknown))}")
    if "listener" not in harness.front_end.needs:
        return ok("no listener is needed")
    scenes, outputs = harness.scenes(count=1, ears=2), []
    for left, right in (("normal", "normal"), ("N7", "N7"), ("normal", "S3")):
        with trying(f"listener {left}, {right}"):
            outputs.append(harness.output(_listened(scenes, left, right)))
        if reason := defect(outputs[-1]):
            return failed(f"listener {left}, {right}: the output {reason}")
    if torch.equal(outputs[0], outputs[1]):
        return note("it needs a listener, but normal hearing and N7 get the same output")
    return ok("normal, N7, and different ears")


def controls(harness: Harness) -> Finding:
    """Every control is accepted; its default changes nothing, another value gives another finite output.

    `earmark sweep` varies any control over a grid. The name `wet` is reserved for the engine.
    """
    declared = harness.front_end.controls
    if WET in declared:
        return failed("a control is called wet")
    scenes = harness.scenes()
    before, idle = harness.output(scenes), []
    for name, default in declared.items():
        with trying(f"{name}={default}"):
            same = harness.output(scenes, **{name: default})
        if not torch.equal(same, before):
            return failed(f"{name}={default}, its default, changes the output")
        value = default / 2 if default else 1.0
        with trying(f"{name}={value}"):
            output = harness.output(scenes, **{name: value})
        if reason := defect(output):
            return failed(f"{name}={value}: the output {reason}")
        if torch.equal(output, before):
            idle.append(f"{name}={value}")
    return note(f"no effect: {some(idle)}") if idle else ok(", ".join(declared) or "none are declared")


def _latency_ms(front_end: FrontEnd) -> float:
    """How far a front-end looks ahead, in ms; infinite where it needs the whole utterance."""
    with torch.inference_mode():
        ahead = look_ahead(front_end)
    return math.inf if ahead is None else 1000 * ahead / SAMPLE_RATE


def _shown(latency_ms: float) -> str:
    return "needs the whole utterance" if latency_ms == math.inf else f"looks {latency_ms:.1f} ms ahead"


def _listened(scenes: Batch, *profiles: str) -> Batch:
    """One example with a standard audiogram at each ear."""
    return replace(
        scenes,
        heard=scenes.heard._replace(
            listener=torch.tensor([[PROFILES[name] for name in profiles]], dtype=torch.float32)
        ),
    )


def _tensors(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from module.named_parameters()
    yield from module.named_buffers()


def _stray(module: nn.Module, known: set[int]) -> Iterator[str]:
    """Attributes that hold unregistered tensors, directly or in a list, tuple or dictionary."""
    for name, value in vars(module).items():
        if name not in ("_parameters", "_buffers"):
            held: Iterable[Any] = (
                value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else (value,)
            )
            if any(isinstance(item, Tensor) and id(item) not in known for item in held):
                yield name
