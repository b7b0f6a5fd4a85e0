import hashlib
import os
import shutil
import subprocess
import sys
import threading
from importlib.util import find_spec

import numpy as np
import pytest
import soundfile

from benchmark.contracts import SPLITS
from benchmark.corpora.synthetic import _generated_corpus
from benchmark.corpora.synthetic.commands import Commands
from benchmark.corpora.synthetic.noise import Noise
from benchmark.corpora.synthetic.sentences import Sentences
from benchmark.errors import EarmarkError
from benchmark.store import file_hash

pytest.importorskip("espeakng_loader")


class Few(Commands):
    """Six clips, two units."""

    def plan(self):
        plan = super().plan()
        return [row for split in SPLITS for row in [row for row in plan if row["split"] == split][:2]]


class FewSounds(Noise):
    """One recording of every kind, shortened."""

    def plan(self):
        return [
            row | {"samples": 8000}
            for row in super().plan()
            if row["id"].startswith("test") and row["id"].endswith("00")
        ]


@pytest.fixture(autouse=True)
def _two_units(monkeypatch):
    monkeypatch.setattr(_generated_corpus, "UNITS", 2)


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_generated_corpus, "UNITS", 2)
        corpus = Few(tmp_path_factory.mktemp("cache") / "few")
        corpus.prepare()
    return corpus


def contents(root):
    return {path.relative_to(root): path.read_bytes() for path in root.rglob("*.wav")}


def test_audio_is_16_bit_speech_at_16_khz(few):
    for split in SPLITS:
        rows = few.rows(split)
        assert rows.column_names == ["id", "group", "audio", "label"]
        assert len(rows) == 2
        for row in rows:
            info = soundfile.info(row["audio"])
            assert (info.samplerate, info.channels, info.subtype) == (16_000, 1, "PCM_16")
            assert 0.2 < info.duration <= 1
            assert row["id"].startswith(f"{split}/")
            assert f"+{row['group']}/{row['label']}-" in row["id"]


@pytest.mark.parametrize("corpus", [Few, FewSounds])
def test_level_and_bytes_depend_on_neither_cores_nor_place(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(_generated_corpus, "_cores", lambda: 1)
    corpus(tmp_path / "one").prepare()
    monkeypatch.setattr(_generated_corpus, "_cores", lambda: 2)
    corpus(tmp_path / "two").prepare()
    one = contents(tmp_path / "one")
    assert one == contents(tmp_path / "two")
    assert len(set(one.values())) == len(one)
    for path in one:
        audio, _ = soundfile.read(tmp_path / "one" / path)
        assert np.isfinite(audio).all()
        assert np.abs(audio).max() < 0.96
        assert -40 < 20 * np.log10(np.sqrt(np.mean(audio**2))) < -25.9


def test_a_second_preparation_renders_nothing(few, monkeypatch):
    monkeypatch.setattr(_generated_corpus, "_run", lambda *_: pytest.fail("rendered again"))
    Few(few.root).prepare()


def test_another_plan_replaces_the_folder(few, tmp_path):
    class Fewer(Few):
        def plan(self):
            return super().plan()[:2]

    Few(tmp_path).prepare()
    Fewer(tmp_path).prepare()
    assert len(contents(tmp_path)) == 2


def test_an_interrupted_generation_leaves_nothing_and_is_taken_up(few, tmp_path, monkeypatch):
    run, calls = _generated_corpus._run, []

    def interrupted(*arguments):
        calls.append(run(*arguments))
        raise KeyboardInterrupt

    monkeypatch.setattr(_generated_corpus, "_run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Few(tmp_path).prepare()
    assert calls
    assert not list(tmp_path.rglob("*.wav"))
    monkeypatch.undo()
    monkeypatch.setattr(_generated_corpus, "UNITS", 2)
    # What a kill leaves: a partial folder, or a folder that was being replaced.
    for left in (tmp_path / ".partial-1" / "train", tmp_path / Few.version / "train"):
        left.mkdir(parents=True)
        (left / "stale.wav").touch()
    Few(tmp_path).prepare()
    assert contents(tmp_path) == contents(few.root)
    assert not list(tmp_path.glob(".partial-*"))


def test_two_at_once_render_once(few, tmp_path, monkeypatch):
    run, calls = _generated_corpus._run, []
    monkeypatch.setattr(_generated_corpus, "_run", lambda *arguments: calls.append(run(*arguments)))
    threads = [threading.Thread(target=Few(tmp_path).prepare) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 2  # units
    assert contents(tmp_path) == contents(few.root)


@pytest.fixture
def copied(few, tmp_path, monkeypatch):
    """A copy of the corpus, as first found, and the times that it was generated anew."""
    shutil.copytree(few.root / Few.version, tmp_path / Few.version)
    rendered = []

    def render(title, renderer, units, folder):
        rendered.append(folder)
        shutil.copytree(few.root / Few.version, folder, ignore=shutil.ignore_patterns("manifest.json"))

    monkeypatch.setattr(_generated_corpus, "_render", render)
    return tmp_path, rendered


def test_files_are_compared_once_by_hash_and_then_by_size_and_time(copied, few, monkeypatch):
    root, rendered = copied
    Few(root).prepare()
    with monkeypatch.context() as patch:
        patch.setattr(_generated_corpus, "file_hash", lambda path: pytest.fail("compared again"))
        Few(root).prepare()
        few.prepare()
        Few(few.root).prepare()  # a corpus that was just generated is not read again
    path = next(iter(sorted(root.rglob("*.wav"))))
    os.utime(path, (1, 1))
    hashed = []
    monkeypatch.setattr(_generated_corpus, "file_hash", lambda path: hashed.append(path) or file_hash(path))
    Few(root).prepare()
    assert path in hashed  # another time: by hash once more
    assert rendered == []
    assert Few(root).version == few.version


def test_no_damaged_file_of_a_corpus_is_used(copied, few, capsys):
    root, rendered = copied
    names = sorted(path.relative_to(root) for path in root.rglob("*") if path.is_file())
    assert len(names) == 7
    for name in (names[0], names[1], names[-1]):  # the manifest and two recordings
        whole = (root / name).read_bytes()
        places = [*range(0, len(whole), len(whole) // (12 if name.suffix == ".json" else 2)), len(whole) - 1]
        for place in places:
            changed = bytearray(whole)
            changed[place] ^= 1 << place % 8
            for damaged in (bytes(changed), whole[:place]):
                (root / name).write_bytes(damaged)
                rendered.clear()
                rows = Few(root).rows("train")
                assert len(rows) == 2
                assert len(rendered) == 1
                assert contents(root) == contents(few.root)
                assert (root / Few.version / "manifest.json").read_bytes() == (
                    few.root / Few.version / "manifest.json"
                ).read_bytes()
        (root / name).unlink()
        Few(root).prepare()
        assert contents(root) == contents(few.root)
    assert "a file was damaged; the corpus is generated anew" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "null", "[" * 100_000, "1" * 5000, '{"plan": 1, "files": [], "hash": 2}']
)
def test_a_manifest_that_is_none_is_as_good_as_none(copied, few, text):
    root, rendered = copied
    (root / Few.version / "manifest.json").write_text(text)
    Few(root).prepare()
    assert len(rendered) == 1
    assert contents(root) == contents(few.root)


@pytest.mark.parametrize("text", ["", "x", "\udc80"])
def test_a_damaged_stamp_costs_time_alone(copied, few, text):
    root, rendered = copied
    Few(root).prepare()
    stamp = root / f".{Few.version}.checked"
    before = stamp.read_bytes()
    stamp.write_text(text, errors="surrogateescape")
    Few(root).prepare()
    assert stamp.read_bytes() == before
    assert rendered == []


def test_another_hash_is_another_version(few):
    digest = hashlib.sha256()
    for path, audio in sorted(
        (path.relative_to(Few.version).as_posix(), audio) for path, audio in contents(few.root).items()
    ):
        digest.update(f"{path} {hashlib.sha256(audio).hexdigest()}\n".encode())

    class Known(Few):
        published = digest.hexdigest()

    assert few.version == f"{Few.version}+{digest.hexdigest()[:8]}"
    assert Known(few.root).version == Few.version


def test_a_missing_package_is_one_line_with_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setattr(_generated_corpus.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EarmarkError, match=r"pip install earmark\[synth\]"):
        Few(tmp_path).rows("train")


def test_a_cache_that_cannot_be_written_is_one_line_with_the_remedy(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(
        EarmarkError, match=r"file/cache/few: cannot be written .Not a directory.; .*EARMARK_CACHE"
    ) as error:
        Few(tmp_path / "file/cache/few").prepare()
    assert "\n" not in str(error.value)


def test_a_failing_renderer_is_one_line_with_its_reason(tmp_path):
    class Mute(Few):
        def plan(self):
            return [row | {"voice": "nobody"} for row in super().plan()]

    with pytest.raises(EarmarkError, match="no voice nobody") as error:
        Mute(tmp_path).prepare()
    assert "\n" not in str(error.value)
    assert not list(tmp_path.rglob("manifest.json"))


def test_a_package_of_the_same_name_in_the_working_directory_does_not_shadow_ours(few, tmp_path, monkeypatch):
    (tmp_path / "benchmark").mkdir()
    (tmp_path / "benchmark" / "__init__.py").write_text("raise ImportError('not ours')")
    monkeypatch.chdir(tmp_path)
    Few(tmp_path / "cache").prepare()
    assert contents(tmp_path / "cache") == contents(few.root)


@pytest.mark.parametrize("renderer", ["_ambiences", "_espeak", "_interferers", "_speaking_styles", "_vocaltractlab"])
def test_a_renderer_starts_without_torch(renderer):
    package = _generated_corpus.__package__
    assert find_spec(f"{package}.{renderer}") is not None
    code = f"import sys, {package}._render_worker, {package}.{renderer}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=_generated_corpus.CHECKOUT)


def test_an_unknown_split_is_named(few):
    with pytest.raises(EarmarkError, match="train"):
        few.rows("trian")


@pytest.mark.parametrize("corpus", [Commands, Noise, Sentences])
def test_the_published_hash_is_one(corpus):
    assert len(bytes.fromhex(corpus.published)) == 32
