"""What every task with a model keeps to, whatever it listens with and for. What is one task's own is tested beside
it.
"""

import numpy as np
import pytest
import torch
from toys import batch_of

from benchmark.contracts import Heard
from benchmark.errors import EarmarkError
from benchmark.options import bind
from tasks.models.bigru import BiGRU
from tasks.models.mel_cnn import MelCNN
from tasks.models.multilevel_cnn import MultilevelCNN

LABELS = ["two", "one", "three", "two", "one"]
TEXTS = ["turn left", "Don't turn left now!", "two", "to", "o"]


@pytest.fixture
def rows(heard, tmp_path):
    """Rows for any task: each takes of them what it needs. Half of the second variable's track is unknown."""
    rng, rows = np.random.default_rng(0), []
    for label, text, length in zip(LABELS, TEXTS, heard.lengths.tolist(), strict=True):
        tracks = rng.normal(0, 0.4, (length // 160 + 1, 2)).astype(np.float32)
        tracks[: len(tracks) // 2, 1] = np.nan
        np.save(tmp_path / f"{length}.npy", tracks)
        rows.append({"label": label, "text": text, "tracks": str(tmp_path / f"{length}.npy")})
    return rows


def clips(heard):
    """Each clip by itself, without padding."""
    return [
        Heard(audio[None, :, :length], length[None]) for audio, length in zip(heard.audio, heard.lengths, strict=True)
    ]


def of_clip(output, i):
    """What a batch's output says of its clip i: logits, or frames and their number."""
    return (
        output[i : i + 1]
        if isinstance(output, torch.Tensor)
        else (output[0][i : i + 1, : output[1][i]], output[1][i : i + 1])
    )


def values(output):
    return output if isinstance(output, torch.Tensor) else output[0]


def test_padding_and_neighbours_change_nothing(model, heard):
    audio, lengths = heard[:2]
    together = model(audio, lengths)
    dirty = torch.cat([audio, torch.zeros(5, 1, 3333)], -1)
    dirty += 0.1 * (torch.arange(19333) >= lengths[:, None])[:, None]
    torch.testing.assert_close(model(dirty, lengths), together, atol=1e-5, rtol=0)
    for i, clip in enumerate(clips(heard)):
        alone = model(*clip[:2])
        torch.testing.assert_close(alone, of_clip(together, i), atol=1e-5, rtol=0)
        assert torch.equal(values(alone).argmax(-1), values(of_clip(together, i)).argmax(-1))


def test_a_clip_of_a_few_samples_is_heard(model, heard):
    for length in (1, 121):
        assert values(model(heard.audio[:1, :, :length], torch.tensor([length]))).isfinite().all()


def test_losses_are_each_example_s_own(model, task, heard, rows):
    losses = model.loss(model(*heard[:2]), batch_of(task, rows, heard))
    assert losses.shape == (5,)
    for clip, row, loss in zip(clips(heard), rows, losses, strict=True):
        alone = model.loss(model(*clip[:2]), batch_of(task, [row], clip))[0]
        torch.testing.assert_close(alone, loss, atol=1e-5, rtol=0)


def test_level_is_not_heard_and_silence_is_finite(model, heard):
    audio, lengths = heard[:2]
    torch.testing.assert_close(model(audio * 10, lengths), model(audio, lengths), atol=1e-4, rtol=0)
    assert values(model(torch.zeros_like(audio), lengths)).isfinite().all()


def test_two_channels_are_averaged(model, heard):
    audio, lengths = heard[:2]
    other = torch.randn_like(audio)
    torch.testing.assert_close(
        model(torch.cat([audio, other], 1), lengths), model((audio + other) / 2, lengths), atol=1e-5, rtol=0
    )


def test_gradient_reaches_the_audio_and_no_padding(model, task, heard, rows):
    heard.audio.requires_grad_()
    model.loss(model(*heard[:2]), batch_of(task, rows, heard)).sum().backward()
    gradient = heard.audio.grad
    assert gradient.isfinite().all()
    assert (gradient.abs().amax((1, 2))[:4] > 0).all()  # the fifth is one frame, which may equal its own mean
    assert not gradient[0, 0, heard.lengths[0] :].any()


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (MelCNN, {"channels": []}, "'channels': .* at least 1 item"),
        (MelCNN, {"channels": [8, 0]}, r"'channels'\[1\]: .* greater than or equal to 1"),
        (MelCNN, {"bands": 0}, "'bands': .* greater than or equal to 1"),
        (MelCNN, {"bands": 10**6}, "'bands': .* less than or equal to"),
        (MultilevelCNN, {"channels": []}, "'channels': .* at least 1 item"),
        (MultilevelCNN, {"channels": [8, 0]}, r"'channels'\[1\]: .* greater than or equal to 1"),
        (MultilevelCNN, {"bands": 0}, "'bands': .* greater than or equal to 1"),
        (MultilevelCNN, {"bands": 10**6}, "'bands': .* less than or equal to"),
        (BiGRU, {"hidden": 0}, "'hidden': .* greater than or equal to 1"),
        (BiGRU, {"layers": 0}, "'layers': .* greater than or equal to 1"),
        (BiGRU, {"dropout": -0.1}, "'dropout': .* greater than or equal to 0"),
        (BiGRU, {"dropout": 1}, "'dropout': .* less than 1"),
        (BiGRU, {"features": "logmel"}, "'features': Input should be 'log_mel'"),
    ],
)
def test_options_out_of_bounds_are_one_line_that_names_the_key(kind, options, message):
    with pytest.raises(EarmarkError, match=f"model: option {message}"):
        bind("model", kind, options, given=1)
