"""What a digest sees: a component's own files, what they import, what its options name."""

from pathlib import Path

from benchmark import provenance, registry
from benchmark.cells import Cell
from benchmark.training.schemes.sample_importance import SampleImportance

MINE = """from benchmark.contracts import FrontEnd
from {helper} import scale


class Mine(FrontEnd):
    def forward(self, audio):
        return scale(audio)
"""
HELPER = '"""Beside it."""\n\n\ndef scale(audio):\n    return {factor} * audio\n'


def test_a_helper_beside_a_user_s_file_belongs_to_it(tmp_path):
    digests = []
    for factor, comment in ((2, ""), (2, "# the same\n"), (3, "")):
        provenance._syntax.cache_clear()
        (tmp_path / "scaling.py").write_text(HELPER.format(factor=factor) + comment)
        (tmp_path / "mine.py").write_text(MINE.format(helper="scaling"))
        digests.append(provenance.source_digest(registry.load("front_ends", f"{tmp_path / 'mine.py'}:Mine")))
    assert digests[0] == digests[1] != digests[2]


def test_what_the_suite_s_components_compute_with_belongs_to_them(monkeypatch):
    seen: list[str] = []
    monkeypatch.setattr(provenance, "_syntax", lambda path: seen.append(Path(path).name) or "")
    provenance.source_digest(SampleImportance)
    provenance.source_digest(registry.load("tasks", "enhancement"))
    provenance.source_digest(registry.load("front_ends", "unet"))
    assert {"sample_importance.py", "importance.py", "enhancement.py", "signal.py", "unet.py", "_stft.py", "_losses.py"} <= set(seen)
    assert not {"contracts.py", "plan.py", "system.py", "audio.py"} & set(seen)


def key(**config) -> str:
    return Cell("score", "a cell", {"source": {"targets": {"name": "x/y", "options": {}, "path": "somewhere"}}, **config}, ()).key


def test_what_is_in_a_file_that_options_name_is_part_of_the_key_and_its_place_is_not(tmp_path):
    weights = [tmp_path / name / "w.pt" for name in ("a", "b", "c")]
    for path, text in zip(weights, ("one", "one", "two"), strict=True):
        path.parent.mkdir()
        path.write_text(text)
    keys = [key(front_end={"name": "mine", "config": {"weights": str(path)}}) for path in weights]
    assert keys[0] == keys[1] != keys[2]
    folders = [key(front_end={"name": "folder", "config": {"path": str(path.parent)}}) for path in weights]
    assert folders[0] == folders[1] != folders[2]
    (tmp_path / "a" / "more.wav").write_text("more")
    assert key(front_end={"name": "folder", "config": {"path": str(weights[0].parent)}}) != folders[1]


def test_the_current_folder_does_not_change_the_names_of_corpora(tmp_path, monkeypatch):
    before = key()
    (tmp_path / "x" / "y").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert key() == before
