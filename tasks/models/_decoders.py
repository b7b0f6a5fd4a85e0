"""Decoders: from the CTC posteriors of an utterance to text.

Posteriors are log-probabilities, (frames, 1 + characters); symbol 0 is the blank, symbol i + 1 is character i.
"""

import importlib.util
import tempfile
from collections.abc import Callable
from functools import lru_cache
from itertools import groupby
from pathlib import Path

import torch
from torch import Tensor

from benchmark.errors import EarmarkError, unknown
from benchmark.scores.text import normalise

Decoder = Callable[[Tensor], str]
IMPOSSIBLE = -1e4  # a log-probability


def build_decoder(name: str, alphabet: str, words: tuple[str, ...], width: int, language_model: str | None) -> Decoder:
    """Build a decoder. Models do not keep it, as the libraries' own can be neither copied nor stored.

    Args:
        name: greedy (the most probable symbol of each frame), beam (SpeechBrain's CTC beam search, any spelling) or
            lexicon (that of Flashlight through torchaudio, only `words`)
        alphabet: characters, in the order of the posteriors
        words: the lexicon; beam uses it only with a language model
        width: how many hypotheses are kept
        language_model: a file with an n-gram model of words that KenLM reads (ARPA or binary), weighted as the library
            does by default; greedy takes none
    Raises:
        EarmarkError: an unknown name, or a missing package, file, lexicon or space in the alphabet
    """
    if name not in _DECODERS:
        raise unknown("decoder", name, _DECODERS)
    if language_model is not None and not Path(language_model).is_file():
        raise EarmarkError(f"language_model: no file {language_model}; name an ARPA file or a KenLM binary")
    return _DECODERS[name](alphabet, words, width, language_model)


def _greedy(alphabet: str, words: tuple[str, ...], width: int, language_model: str | None) -> Decoder:
    if language_model is not None:
        raise EarmarkError("language_model: greedy decoding takes none; set decoder: beam or decoder: lexicon")
    return lambda posterior: "".join(
        alphabet[symbol - 1] for symbol, _ in groupby(posterior.argmax(-1).tolist()) if symbol
    )


@lru_cache(maxsize=4)
def _beam(alphabet: str, words: tuple[str, ...], width: int, language_model: str | None) -> Decoder:
    if language_model is not None:
        _need("kenlm", "language_model with decoder: beam")
        _need("pygtrie", "language_model with decoder: beam")
    from speechbrain.decoders.ctc import CTCBeamSearcher  # only here, as it takes seconds

    vocabulary = ["<blank>", *alphabet]
    search = CTCBeamSearcher(0, vocabulary, kenlm_model_path=language_model, unigrams=[*words] or None, beam_size=width)
    # One utterance at a time: the batched call rounds relative lengths down, and so loses frames.
    return lambda posterior: search.decode_log_probs(posterior.numpy(), len(posterior))[0].text


@lru_cache(maxsize=4)
def _lexicon(alphabet: str, words: tuple[str, ...], width: int, language_model: str | None) -> Decoder:
    _need("flashlight", "decoder: lexicon", "flashlight-text")
    if not words or " " not in alphabet:
        raise EarmarkError("decoder: lexicon needs the corpus's words and a space in its alphabet; set decoder: beam")
    from torchaudio.models.decoder import ctc_decoder

    known = sorted({normalise(word) for word in words})
    tokens = ["<blank>", *alphabet.replace(" ", "|")]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lexicon.txt"
        path.write_text("".join(f"{word} {' '.join(word)} |\n" for word in known), encoding="utf-8")
        search = ctc_decoder(
            str(path), tokens, lm=language_model, beam_size=width, blank_token="<blank>", sil_token="|", log_add=True
        )
    space = torch.full((1, len(tokens)), IMPOSSIBLE)
    space[0, tokens.index("|")] = 0

    def decode(posterior: Tensor) -> str:
        # A word counts once its space has come: a space that costs nothing ends the last one.
        emissions = torch.cat([posterior, space])[None].contiguous()
        best = search(emissions)[0]
        return " ".join(best[0].words) if best else ""

    return decode


_DECODERS: dict[str, Callable[[str, tuple[str, ...], int, str | None], Decoder]] = {
    "greedy": _greedy,
    "beam": _beam,
    "lexicon": _lexicon,
}


def _need(module: str, key: str, package: str | None = None) -> None:
    if importlib.util.find_spec(module) is None:
        raise EarmarkError(f"{key} needs the package {package or module}; pip install {package or module}")
