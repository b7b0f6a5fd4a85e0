"""Rules on what comes out. The first line of a rule's documentation is what is expected, the rest is why it matters."""

import torch

from benchmark.audio import TINY
from benchmark.conformance.findings import Finding, failed, note, ok, skipped
from benchmark.conformance.harness import Harness, difference_db, level_db_spl, selected, shown_db, trying, with_audio
from benchmark.contracts import SAMPLE_RATE
from benchmark.frontends import front_ends
from benchmark.running.evaluation import defect

# All of these are ours.
SAME = -60.0  # dB of a difference: what rounding in another order of operations may do, and then some
FAR = -20.0  # dB of a difference that no listener, and no task, would miss
LOUD = 140.0  # dB SPL at which any ear hurts
MOVED = 10.0  # dB by which a front-end changes the level before that is worth a word
LONG = 4.0  # s
SECONDS = (0.1, 0.3333, 2.0, 60.0)


def works(harness: Harness) -> Finding:
    """A scene of noisy speech comes back as floats of its shape, finite and not beyond 220 dB SPL.

    That is what a front-end is. All other rules wait for this one.
    """
    scene = harness.scenes(count=1)
    try:
        output = harness.output(scene)
    except Exception as error:
        if _works_for(harness, LONG):
            error.add_note(
                f"half a second of audio, while {LONG:g} s come out well; let the front-end lengthen what is too short "
                "for it"
            )
        raise
    if reason := defect(output):
        return failed(f"the output {reason}")
    before, after = level_db_spl(scene.heard.audio), level_db_spl(output)
    came = f"noisy speech at {before:.0f} dB SPL comes out at {after:.0f} dB SPL"
    if abs(after - before) <= MOVED or "listener" in harness.front_end.needs or _untrained(harness):
        return ok(came)
    return note(f"{came}; levels count here, and nothing sets them right afterwards")


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
    """The output is floats of the input's shape, for one ear and for two, for one example and for three; shared
    features are (batch, frames, features).

    A score compares output and reference sample by sample and ear by ear.
    """
    for ears in (1, 2):
        for count in (1, 3):
            with trying(f"{count} x {ears} ear(s)"):
                shared = harness.enhance(harness.scenes(count=count, ears=ears)).shared
            if ears == 1 and shared is not None and (shared.ndim != 3 or len(shared) != count):
                return failed(f"shared features of shape {tuple(shared.shape)} for {count} example(s)")
    return ok("one ear and two, one example and three")


def finite(harness: Harness) -> Finding:
    """A batch of noisy speech, a click and a constant come out finite, and no sample is beyond 220 dB SPL.

    An utterance where it is not counts as failed, and gets the worst score there is.
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

    Pauses are silent. What is made up there is noise to the task behind, and is scored as such.
    """
    batch = harness.scenes()
    output = harness.output(with_audio(batch, torch.zeros_like(batch.heard.audio)))
    if reason := defect(output):
        return failed(f"the output {reason}")
    if float(output.square().mean()) <= TINY:
        return ok("silence")
    came = f"a sound at {level_db_spl(output):.0f} dB SPL"
    return (
        note(f"{came}, with the weights that it starts from; training may mend it, layers without bias do")
        if _untrained(harness)
        else failed(came)
    )


def level(harness: Harness) -> Finding:
    """Sounds that are 20 dB louder or softer come out finite and below 140 dB SPL; how the output follows is told.

    Levels are absolute here. A front-end may depend on them, as hearing aids do, or not: its author should know which.
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
    """Any duration from 0.1 s to 60 s comes back finite and in full.

    Commands last a second and scenes ten; recordings of one's own last as long as they last.
    """
    for seconds in SECONDS:
        with trying(f"{seconds:g} s of audio"):
            if reason := defect(harness.output(harness.scenes(seconds, count=1))):
                return failed(f"{seconds:g} s of audio: the output {reason}")
    return ok(f"{', '.join(f'{seconds:g}' for seconds in SECONDS)} s")


def batch(harness: Harness) -> Finding:
    """An example comes out of a batch of copies as it does alone, but for a difference of at most -60 dB.

    Trainings run in batches, and scenes are scored one at a time.
    """
    scenes = harness.scenes()
    difference = difference_db(harness.output(selected(scenes, 0, 0, 0))[:1], harness.output(selected(scenes, 0)))
    return ok(shown_db(difference)) if difference <= SAME else failed(f"a difference of {shown_db(difference)}")


def neighbours(harness: Harness) -> Finding:
    """Other neighbours in a batch, 20 dB louder, change an example by at most -60 dB.

    Sound that leaks from one example into the next is trained on, and is never there in scoring.
    """
    scenes = harness.scenes()
    louder = torch.cat([scenes.heard.audio[:1], 10 * scenes.heard.audio[1:].flip(-1)])
    difference = difference_db(harness.output(with_audio(scenes, louder))[:1], harness.output(scenes)[:1])
    return ok(shown_db(difference)) if difference <= SAME else failed(f"a difference of {shown_db(difference)}")


def padding(harness: Harness) -> Finding:
    """Zeros behind an example's length change what comes before by at most -60 dB; up to -20 dB is a note.

    Batches are padded in training, and scenes are scored as they are. `heard.lengths` tells where an example ends; a
    module that takes audio alone cannot know.
    """
    short = harness.scenes(0.5, count=1)
    alone = harness.output(short)
    padded = harness.output(
        with_audio(short, torch.nn.functional.pad(short.heard.audio, (0, short.heard.audio.shape[-1])))
    )
    difference = difference_db(padded[..., : alone.shape[-1]], alone)
    if difference <= SAME:
        return ok(shown_db(difference))
    came = f"as much padding as sound makes a difference of {shown_db(difference)}"
    return note(came) if difference <= FAR else failed(came)


def rate(harness: Harness) -> Finding:
    """`sample_rate` is a whole number of Hz (an int), and audio of any number of samples comes back finite from there.

    The engine works at 16 kHz and resamples for others; `heard.lengths` are then in samples of that rate.
    """
    hertz = harness.front_end.sample_rate
    if type(hertz) is not int or hertz < 1:
        return failed(f"sample_rate = {hertz!r}")
    if hertz == SAMPLE_RATE:
        return skipped("it works at 16 kHz: nothing is resampled")
    for samples in (1600, 16001, 12347):
        with trying(f"{samples} samples at 16 kHz for {hertz} Hz"):
            if reason := defect(harness.output(harness.scenes(samples / SAMPLE_RATE))):
                return failed(f"{samples} samples at 16 kHz for {hertz} Hz: the output {reason}")
    return (
        ok(f"{hertz} Hz") if hertz > SAMPLE_RATE else note(f"{hertz} Hz: whatever lies above {hertz / 2:g} Hz is lost")
    )
