"""What every reader of a corpus must be, and transcripts."""

import subprocess
import sys

import pytest

from benchmark import registry
from benchmark.contracts import Corpus
from benchmark.corpora._corpus_reader import transcript
from benchmark.errors import EarmarkError

READERS = [name for name in registry.names("corpora") if not name.startswith("synthetic/")]


@pytest.mark.parametrize("name", READERS)
def test_every_reader_is_one_corpus_with_a_first_line(name):
    assert issubclass(registry.load("corpora", name), Corpus)
    assert registry.descriptions("corpora")[name].endswith((".", "too."))


def test_readers_do_not_import_datasets():
    code = "import sys, benchmark.corpora; from benchmark import registry\n"
    code += f"for name in {READERS}: registry.load('corpora', name)\n"
    code += "assert 'datasets' not in sys.modules and 'lightning' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=registry.ROOT.parent)


def test_transcripts_are_lower_case_words():
    assert transcript("  PLEASE call\tStella: ask her, it's   late! ", "here") == "please call stella ask her it's late"
    with pytest.raises(EarmarkError, match=r"^there: the transcript is empty; "):
        transcript(" . ", "there")
