"""Rules on how a front-end behaves as a module. The first line of a rule's documentation is what is expected, the rest
is why it matters.
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

ELSEWHERE = -40.0  # dB of a difference that another device may make: its arithmetic is not the CPU's; ours
OFFERED = frozenset({"listener", "clean"})  # what a front-end may need; clean for its loss alone


def deterministic(harness: Harness) -> Finding:
    """The same sound gives the same output to the bit, whatever was enhanced in between.

    Scores are to be repeated to the last digit, and a scene's score must not depend on the scenes before it.
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
    """In evaluation mode enhancing changes no parameter, no buffer, and no module's mode.

    The schemes that keep a front-end fixed promise it to the last bit; scoring must not go on training.
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
    """`process` leaves the audio that it is given as it is.

    The engine hands out a copy, so nothing breaks here; other code may not.
    """
    heard = harness.scenes().heard
    before = heard.audio.clone()
    with torch.inference_mode():
        harness.front_end.process(heard)
    return ok("untouched") if torch.equal(heard.audio, before) else note("the input is changed in place")


def reload(harness: Harness) -> Finding:
    """Weights that went through a file make the same output in a front-end built anew, to the bit.

    Trained weights are kept as safetensors and loaded into a fresh front-end before scoring. What an output depends on
    is a parameter, a buffer or an option.
    """
    front_end, scenes = harness.front_end, harness.scenes()
    with torch.no_grad():  # as if trained
        for parameter in front_end.parameters():
            parameter.mul_(1.02).add_(0.001)
    expected = harness.output(scenes)
    state = front_end.state_dict()
    if other := [name for name, value in state.items() if not isinstance(value, Tensor)]:
        return failed(f"no tensors: {some(other)}")
    data = safetensors.torch.save({name: value.clone().contiguous() for name, value in state.items()})
    torch.manual_seed(1)
    fresh = harness.another()
    fresh.load_state_dict(safetensors.torch.load(data))
    harness.system.front_end = fresh
    if (difference := difference_db(harness.output(scenes), expected)) != float("-inf"):
        return failed(f"a difference of {shown_db(difference)}")
    places = [value.data_ptr() for value in state.values() if value.numel()]
    shared = [name for name, value in state.items() if places.count(value.data_ptr()) > 1]
    return (
        note(f"they share memory, and are kept one by one: {some(shared)}") if shared else ok(f"{len(state)} tensors")
    )


def device(harness: Harness) -> Finding:
    """On an accelerator the output is that of the CPU, but for a difference of at most -40 dB.

    `trainer: {accelerator: gpu}` moves parameters and buffers; a tensor that is neither stays behind.
    """
    known = {id(value) for module in harness.front_end.modules() for value in (*module.parameters(), *module.buffers())}
    stray = [
        f"{type(module).__name__}.{name}" for module in harness.front_end.modules() for name in _stray(module, known)
    ]
    if not torch.accelerator.is_available():
        return (
            note(f"no accelerator here; neither parameter nor buffer: {some(stray)}")
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
    """A front-end, or a member of it, whose attribute `causal` is true looks at most 40 ms ahead, frames included.

    Look-ahead is measured, here as for a front-end's card. It delays what a listener hears, and a delay of more than
    some ten milliseconds is heard as an echo.
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
    """A front-end needs nothing but a listener, and a clean reference for its loss; whatever the listener's audiogram,
    the output is finite.

    Scenes have nothing else to give. Audiograms go from a normal ear's to a profound loss, and may differ between the
    ears.
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
        return note("it needs a listener, but a normal ear and N7 get the same output")
    return ok("normal, N7, and another at each ear")


def controls(harness: Harness) -> Finding:
    """Every control is accepted; its default, when given, changes nothing, and another value changes the output, which
    stays finite.

    `earmark sweep` goes over a grid of any control. `wet` is the engine's own.
    """
    declared = harness.front_end.controls
    if WET in declared:
        return failed("a control called wet")
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
    return note(f"nothing changes under {some(idle)}") if idle else ok(", ".join(declared) or "none are declared")


def _latency_ms(front_end: FrontEnd) -> float:
    """How far a front-end looks ahead, in ms; infinite where it needs the whole utterance."""
    with torch.inference_mode():
        ahead = look_ahead(front_end)
    return math.inf if ahead is None else 1000 * ahead / SAMPLE_RATE


def _shown(latency_ms: float) -> str:
    return "needs the whole utterance" if latency_ms == math.inf else f"looks {latency_ms:.1f} ms ahead"


def _listened(scenes: Batch, *profiles: str) -> Batch:
    """One example, heard with a profile at each ear."""
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
    """Attributes that hold tensors which no module knows of, by themselves or in a list, tuple or dictionary."""
    for name, value in vars(module).items():
        if name not in ("_parameters", "_buffers"):
            held: Iterable[Any] = (
                value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else (value,)
            )
            if any(isinstance(item, Tensor) and id(item) not in known for item in held):
                yield name
