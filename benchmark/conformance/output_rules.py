"""Rules for the output: shape, level, duration, batches and sample rate.

The first line of a rule's docstring says what is expected, the rest why it matters.
"""

import torch

from benchmark.audio import TINY
from benchmark.conformance.findings import Finding, failed, note, ok, skipped
from benchmark.conformance.harness import Harness, difference_db, level_db_spl, selected, shown_db, trying, with_audio
from benchmark.contracts import SAMPLE_RATE
from benchmark.frontends import front_ends
from benchmark.running.evaluation import defect

# All of these values are ours.
SAME = -60.0  # dB, largest difference that counts as equal; rounding alone stays well below
FAR = -20.0  # dB, a difference that any listener or task would notice
LOUD = 140.0  # dB SPL, above the threshold of pain
MOVED = 10.0  # dB, change of level from which there is a note
LONG = 4.0  # s, tried where half a second fails
SECONDS = (0.1, 0.3333, 2.0, 60.0)  # durations to try


def works(harness: Harness) -> Finding:
    """A scene of noisy speech comes back as floats of the same shape, finite and at most 220 dB SPL.

    That is what a front-end is. The other rules are tried only if this one is kept.
    """
    scene = harness.scenes(count=1)
    try:
        output = harness.output(scene)
    except Exception as error:
        if _works_for(harness, LONG):
            error.add_note(
                f"half a second of audio, while {LONG:g} s work; make the front-end pad input that is too short for it"
            )
        raise
    if reason := defect(output):
        return failed(f"the output {reason}")
    before, after = level_db_spl(scene.heard.audio), level_db_spl(output)
    came = f"noisy speech at {before:.0f} dB SPL comes out at {after:.0f} dB SPL"
    if abs(after - before) <= MOVED or "listener" in harness.front_end.needs or _untrained(harness):
        return ok(came)
    return note(f"{came}; levels count here, and nothing corrects them afterwards")


def _untrained(harness: Harness) -> bool:
    """Whether any weights that can be trained here are still the ones drawn at random."""
    members = front_ends(harness.front_end)
    pretrained = {id(p) for member in members if member.pretrained_on for p in member.parameters()}
    return any(id(p) not in pretrained for p in harness.parameters.values())


def _works_for(harness: Harness, seconds: float) -> bool:
    try:
        return not defect(harness.output(harness.scenes(seconds, count=1)))
    except Exception:
        return False


def shape(harness: Harness) -> Finding:
    """The output has the shape of the input, and shared features have the shape (batch, frames, features).

    Scores compare output and reference sample by sample and ear by ear. One and two ears are tried, one and three
    examples.
    """
    for ears in (1, 2):
        for count in (1, 3):
            with trying(f"{count} x {ears} ear(s)"):
                shared = harness.enhance(harness.scenes(count=count, ears=ears)).shared
            if ears == 1 and shared is not None and (shared.ndim != 3 or len(shared) != count):
                return failed(f"shared features of shape {tuple(shared.shape)} for {count} example(s)")
    return ok("one ear and two, one example and three")


def finite(harness: Harness) -> Finding:
    """Noisy speech, a click and a constant give a finite output with no sample above 220 dB SPL.

    An utterance for which this is not so counts as failed, and gets the worst possible score.
    """
    batch = harness.scenes()
    click = torch.zeros_like(batch.heard.audio)
    click[..., click.shape[-1] // 2] = 1.0
    for name, audio in {
        "noisy speech": batch.heard.audio,
        "a click": click,
        "a constant": torch.full_like(click, 0.1),
    }.items():
        with trying(name):
            if reason := defect(harness.output(with_audio(batch, audio))):
                return failed(f"{name}: the output {reason}")
    return ok("noisy speech, a click and a constant")


def silence(harness: Harness) -> Finding:
    """Digital silence comes out finite and inaudible, below 0 dB SPL.

    Pauses are silent. To the task, whatever the front-end adds there is noise, and is scored as such.
    """
    batch = harness.scenes()
    output = harness.output(with_audio(batch, torch.zeros_like(batch.heard.audio)))
    if reason := defect(output):
        return failed(f"the output {reason}")
    if float(output.square().mean()) <= TINY:
        return ok("silence")
    came = f"a sound at {level_db_spl(output):.0f} dB SPL"
    return (
        note(f"{came}, with the initial weights; training may change that, layers without bias avoid it")
        if _untrained(harness)
        else failed(came)
    )


def level(harness: Harness) -> Finding:
    """Input that is 20 dB louder or softer gives a finite output of at most 140 dB SPL.

    Levels are absolute here. A front-end may depend on them, as hearing aids do, or not: its author should know. The
    finding therefore says how the output level follows the input level.
    """
    batch = harness.scenes()
    before, follows = level_db_spl(harness.output(batch)), []
    for change in (20, -20):
        with trying(f"input {change:+} dB"):
            output = harness.output(with_audio(batch, batch.heard.audio * 10 ** (change / 20)))
        if reason := defect(output):
            return failed(f"input {change:+} dB: the output {reason}")
        if (after := level_db_spl(output)) > LOUD:
            return failed(f"input {change:+} dB: the output is at {after:.0f} dB SPL")
        follows.append(after - before)
    came = f"input +20 and -20 dB: output {follows[0]:+.1f} and {follows[1]:+.1f} dB"
    return (
        ok(came) if abs(follows[0] - 20) < 1 and abs(follows[1] + 20) < 1 else note(f"{came}: it depends on the level")
    )


def durations(harness: Harness) -> Finding:
    """Audio of any duration from 0.1 s to 60 s comes back finite and complete.

    Spoken commands last one second, scenes ten, and users' own recordings may be of any length.
    """
    for seconds in SECONDS:
        with trying(f"{seconds:g} s of audio"):
            if reason := defect(harness.output(harness.scenes(seconds, count=1))):
                return failed(f"{seconds:g} s of audio: the output {reason}")
    return ok(f"{', '.join(f'{seconds:g}' for seconds in SECONDS)} s")


def batch(harness: Harness) -> Finding:
    """An example in a batch of copies differs from the same example alone by at most -60 dB.

    Training runs in batches, while scenes are scored one at a time.
    """
    scenes = harness.scenes()
    difference = difference_db(harness.output(selected(scenes, 0, 0, 0))[:1], harness.output(selected(scenes, 0)))
    return ok(shown_db(difference)) if difference <= SAME else failed(f"a difference of {shown_db(difference)}")


def neighbours(harness: Harness) -> Finding:
    """Other neighbours in a batch, 20 dB louder, change an example by at most -60 dB.

    If sound leaked from one example into another, training would use it, while in scoring it is never there.
    """
    scenes = harness.scenes()
    louder = torch.cat([scenes.heard.audio[:1], 10 * scenes.heard.audio[1:].flip(-1)])
    difference = difference_db(harness.output(with_audio(scenes, louder))[:1], harness.output(scenes)[:1])
    return ok(shown_db(difference)) if difference <= SAME else failed(f"a difference of {shown_db(difference)}")


def padding(harness: Harness) -> Finding:
    """Zeros after the end of an example change its output by at most -60 dB; up to -20 dB is a note.

    Batches are padded in training, while scenes are scored without padding. `heard.lengths` says where an example ends;
    a module that takes only audio cannot know.
    """
    short = harness.scenes(0.5, count=1)
    alone = harness.output(short)
    padded = harness.output(
        with_audio(short, torch.nn.functional.pad(short.heard.audio, (0, short.heard.audio.shape[-1])))
    )
    difference = difference_db(padded[..., : alone.shape[-1]], alone)
    if difference <= SAME:
        return ok(shown_db(difference))
    came = f"padding as long as the sound makes a difference of {shown_db(difference)}"
    return note(came) if difference <= FAR else failed(came)


def rate(harness: Harness) -> Finding:
    """`sample_rate` is an integer in Hz, and audio of any number of samples comes back finite.

    The engine works at 16 kHz and resamples for other front-ends; `heard.lengths` are then in samples at their rate.
    """
    hertz = harness.front_end.sample_rate
    if type(hertz) is not int or hertz < 1:
        return failed(f"sample_rate = {hertz!r}")
    if hertz == SAMPLE_RATE:
        return skipped("it works at 16 kHz, so nothing is resampled")
    for samples in (1600, 16001, 12347):
        with trying(f"{samples} samples at 16 kHz for {hertz} Hz"):
            if reason := defect(harness.output(harness.scenes(samples / SAMPLE_RATE))):
                return failed(f"{samples} samples at 16 kHz for {hertz} Hz: the output {reason}")
    return ok(f"{hertz} Hz") if hertz > SAMPLE_RATE else note(f"{hertz} Hz: everything above {hertz / 2:g} Hz is lost")
