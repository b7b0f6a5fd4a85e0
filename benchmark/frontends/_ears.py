"""Front-ends that take one ear, and sounds that have two."""

from collections.abc import Mapping

from benchmark.contracts import Enhanced, FrontEnd, Heard


def by_ear(member: FrontEnd, heard: Heard, controls: Mapping[str, float]) -> Enhanced:
    """What the engine does for a member alone: one that takes one ear gets both in the batch."""
    batch, channels, time = heard.audio.shape
    if member.channels != 1 or channels == 1:
        return member.process(heard, **controls)
    listener = None if heard.listener is None else heard.listener.flatten(0, 1)[:, None]
    enhanced = member.process(
        Heard(heard.audio.reshape(-1, 1, time), heard.lengths.repeat_interleave(channels), listener, heard.names),
        **controls,
    )
    return enhanced._replace(audio=enhanced.audio.reshape(batch, channels, time))
