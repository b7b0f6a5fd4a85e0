import importlib.util
import json
from pathlib import Path

import jiwer
import numpy as np
import pandas as pd
import pytest
import torch
from toys import batch_of

from benchmark.contracts import Batch, Heard, primary
from benchmark.errors import EarmarkError
from tasks.asr import ASR
from tasks.models.crnn_ctc import CRNNCTC

SCHEMA = {"alphabet": " 'abcdefghijklmnopqrstuvwxyz", "words": ["don't", "turn", "left", "now", "to", "two", "cups"]}
needs_flashlight = pytest.mark.skipif(
    importlib.util.find_spec("flashlight") is None, reason="flashlight-text is not installed"
)


def small(**options: object) -> CRNNCTC:
    task = ASR(SCHEMA)
    return CRNNCTC(task, bands=16, channels=4, blocks=1, features=16, hidden=8, **options).eval()  # type: ignore[arg-type]


@pytest.fixture
def model() -> CRNNCTC:
    return small()


def known(task: ASR | CRNNCTC, *texts: str) -> Batch:
    return batch_of(task, [{"text": text} for text in texts])


def posterior(text: str, frames: int = 3) -> torch.Tensor:
    """What a sure model says: each character for frames - 1 frames, then a blank."""
    symbols = [symbol for c in text for symbol in [SCHEMA["alphabet"].index(c) + 1] * (frames - 1) + [0]]
    return torch.nn.functional.one_hot(torch.tensor(symbols), 29).mul(12.0).log_softmax(-1)


def test_loss_is_minus_the_log_probability_of_all_paths_per_character(model, task: ASR) -> None:
    output = torch.randn(1, 2, 29).log_softmax(-1), torch.tensor([2])
    t, o = (SCHEMA["alphabet"].index(c) + 1 for c in "to")
    p = output[0][0].exp()
    one = p[0, t] * p[1, t] + p[0, 0] * p[1, t] + p[0, t] * p[1, 0]
    two = p[0, t] * p[1, o]
    losses = [model.loss(output, known(task, text))[0] for text in ("t", "to")]
    torch.testing.assert_close(torch.stack(losses), torch.stack([-one.log(), -two.log() / 2]))


def test_a_text_longer_than_its_audio_costs_nothing(model, task: ASR, heard: Heard) -> None:
    output = model(heard.audio[:4, :, :2000], torch.full((4,), 2000))
    losses = model.loss(output, known(task, "turn left now turn left now", "Don't turn left now!", "to", "two"))
    assert losses[:2].tolist() == [0, 0]
    assert (losses[2:] > 0).all()
    losses.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_features_stay_float32_under_autocast(model, heard: Heard) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        features, _ = model.spectrogram(*heard[:2])
        output, _ = model(*heard[:2])
    assert features.dtype == output.dtype == torch.float32
    torch.testing.assert_close(features, model.spectrogram(*heard[:2])[0])


@pytest.mark.parametrize("decoder", ["greedy", "beam", pytest.param("lexicon", marks=needs_flashlight)])
def test_decoders_agree_where_nothing_is_in_doubt(decoder: str) -> None:
    texts = ["turn left now", "don't turn", "two cups", "to"]
    output = torch.nn.utils.rnn.pad_sequence([posterior(text) for text in texts], batch_first=True)
    model = small(decoder=decoder)
    predictions = model.predict((output, torch.tensor([3 * len(text) for text in texts])), known(model, *texts))
    assert predictions == [{"text": text} for text in texts]
    assert json.loads(json.dumps(predictions)) == predictions


def test_beam_sums_over_paths_where_greedy_takes_the_best_one() -> None:
    # Two frames, blank 0.4 and t 0.35 and o 0.25 each: the best path is empty, but the paths of "t" hold 0.4025 against
    # its 0.16.
    frame = torch.full((29,), 1e-9)
    frame[[0, SCHEMA["alphabet"].index("t") + 1, SCHEMA["alphabet"].index("o") + 1]] = torch.tensor([0.4, 0.35, 0.25])
    output = frame.log().expand(1, 2, 29), torch.tensor([2])
    assert small().predict(output, known(small(), "t")) == [{"text": ""}]
    assert small(decoder="beam").predict(output, known(small(), "t")) == [{"text": "t"}]


@needs_flashlight
def test_lexicon_and_language_model_choose_among_words(tmp_path: Path) -> None:
    sure = posterior("to cups")
    doubtful = torch.full((1, 29), 1e-6)
    doubtful[0, [0, SCHEMA["alphabet"].index("w") + 1]] = torch.tensor([0.6, 0.4])  # is there a w in it?
    output = torch.cat([sure[:3], doubtful.log(), sure[3:]])[None], torch.tensor([len(sure) + 1])
    cups = known(small(), "to cups")
    assert small(decoder="lexicon").predict(output, cups) == [{"text": "to cups"}]
    model = tmp_path / "words.arpa"
    model.write_text(
        "\\data\\\nngram 1=6\nngram "
        "2=2\n\n\\1-grams:\n-1\t<unk>\n-99\t<s>\t0\n-1\t</s>\n-1\tto\t-0.5\n-1\ttwo\t-0.5\n-0.5\tcups\t0\n\n"
        "\\2-grams:\n-2\t<s> to\n-0.1\t<s> two\n\n\\end\\\n"
    )
    assert small(decoder="lexicon", language_model=str(model)).predict(output, cups) == [{"text": "two cups"}]
    if importlib.util.find_spec("kenlm") and importlib.util.find_spec("pygtrie"):
        assert small(decoder="beam", language_model=str(model)).predict(output, cups) == [{"text": "two cups"}]


def test_scores_are_those_of_jiwer(task: ASR) -> None:
    said = ["Turn left, now!", "don't", "two cups"]
    heard = ["turn left two", "", "two new cups"]
    references = pd.DataFrame([task.reference({"text": text}) for text in said], index=list("abc"))
    table = task.score(pd.DataFrame({"text": heard}, index=list("abc")), references)
    plain = ["turn left now", "don't", "two cups"]
    figures = task.summarise(table.sum())
    assert figures["wer"] == pytest.approx(jiwer.wer(plain, heard))
    assert figures["cer"] == pytest.approx(jiwer.cer(plain, heard))
    assert table.index.tolist() == ["a", "b", "c"]


def test_figures_and_floor(task: ASR) -> None:
    floor = task.floor(pd.DataFrame({"text": ["turn left", "Don't turn left now!", "two", "to"]}))
    assert task.summarise(floor.sum()) == {name: figure.floor for name, figure in ASR.figures.items()}
    assert (floor["word_errors"] == floor["words"]).all()
    assert primary(task) == "wer"
    empty = dict.fromkeys(("word_errors", "words", "character_errors", "characters"), np.zeros((2, 3)))
    assert np.isnan(task.summarise(empty)["wer"]).all()
    assert task.summarise(empty)["cer"].shape == (2, 3)


def test_unusable_transcripts(task: ASR) -> None:
    task.check({"text": "Turn LEFT!"})
    with pytest.raises(ValueError, match=r"'\?!' holds no word"):
        task.check({"text": "?!"})
    with pytest.raises(ValueError, match="holds 2 é, which the corpus's alphabet"):
        task.check({"text": "2 cafés"})


def test_user_s_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EarmarkError, match=r"its corpus has no transcripts .*; choose one that has"):
        ASR({"classes": ["yes", "no"]})
    with pytest.raises(EarmarkError, match="did you mean 'beam'"):
        small(decoder="beem")
    with pytest.raises(EarmarkError, match="greedy decoding takes none"):
        small(language_model=__file__)
    with pytest.raises(EarmarkError, match=r"no file nowhere\.arpa"):
        small(decoder="beam", language_model="nowhere.arpa")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EarmarkError, match="needs the package flashlight-text"):
        small(decoder="lexicon", beam_size=49)
    monkeypatch.undo()
    if importlib.util.find_spec("flashlight"):
        with pytest.raises(EarmarkError, match="needs the corpus's words"):
            CRNNCTC(ASR({"alphabet": SCHEMA["alphabet"]}), decoder="lexicon")
