"""A front-end as a tool."""

import json

import numpy as np
import pytest
import soundfile
import torch
import toys
from safetensors.torch import save_file

from benchmark import audio
from benchmark.catalogue import Corpora
from benchmark.cli import main
from benchmark.enhancer import Enhancer
from benchmark.frontends import build_front_end
from benchmark.planning.planner import make_plan
from benchmark.planning.recipe import load_recipe
from benchmark.store import Store

GAIN, AID, EARS = (f"{toys.__file__}:{name}" for name in ("Gain", "HearingAid", "TwoEars"))


def tone(channels=1, rate=16000, seconds=0.5):
    time = np.arange(int(rate * seconds)) / rate
    return np.stack(
        [0.1 / (1 + channel) * np.sin(2 * np.pi * 440 * time) * np.hanning(len(time)) for channel in range(channels)]
    ).astype(np.float32)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EARMARK_CACHE", str(tmp_path / "cache"))
    audio.write("in.wav", tone())
    return tmp_path


def enhanced(*words):
    assert main(["enhance", *words]) == 0
    return audio.read("out.wav", None)


@pytest.mark.parametrize(("channels", "rate"), [(1, 16000), (2, 44100), (3, 8000), (1, 48000), (2, 11025)])
def test_any_rate_and_number_of_channels_comes_back_as_it_went_in(here, channels, rate):
    audio.write("in.wav", tone(channels, rate), rate)
    output = enhanced(GAIN, "in.wav", "out.wav")
    np.testing.assert_allclose(output, 0.5 * tone(channels, rate), atol=2e-4)
    info = soundfile.info("out.wav")
    assert (info.samplerate, info.channels, info.subtype) == (rate, channels, "FLOAT")


def test_a_front_end_of_two_ears_gets_both(here):
    audio.write("in.wav", tone(2))
    np.testing.assert_allclose(enhanced(EARS, "in.wav", "out.wav"), tone(2) - 0.1 * tone(2)[::-1], atol=1e-6)


def test_options_and_controls(here):
    np.testing.assert_allclose(enhanced(GAIN, "in.wav", "out.wav", "--option", "start=0.25"), 0.25 * tone(), atol=1e-6)
    np.testing.assert_allclose(enhanced(GAIN, "in.wav", "out.wav", "--control", "wet=0.5"), 0.75 * tone(), atol=1e-6)
    np.testing.assert_allclose(
        enhanced(AID, "in.wav", "out.wav", "--audiogram", "N3", "--control", "amount=0"), tone(), atol=1e-6
    )


def test_each_channel_may_have_an_ear_of_its_own(here):
    audio.write("in.wav", tone(2))
    ears = {"audiogram_cfs": [250, 1000, 6000], "audiogram_levels_l": [40, 40, 40], "audiogram_levels_r": [0, 0, 0]}
    (here / "listeners.json").write_text(json.dumps({"L1": ears}))
    both = enhanced(
        AID, "in.wav", "out.wav", "--audiogram", "listeners.json:L1:left", "--audiogram", "listeners.json:L1:right"
    )
    np.testing.assert_allclose(both, [[10.0], [1.0]] * tone(2), rtol=1e-4, atol=1e-6)  # half of 40 dB
    one = enhanced(AID, "in.wav", "out.wav", "--audiogram", "listeners.json:L1:left")
    np.testing.assert_allclose(one, 10 * tone(2), rtol=1e-4, atol=1e-6)


def weights(path, front_end, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    state = Enhancer(build_front_end({front_end: {"start": value}})).state_dict()
    save_file(state | {"gain": torch.tensor(2.0)}, path)


def test_the_weights_of_a_file_and_the_gain_that_was_fitted_with_them(here):
    weights(here / "front_end.safetensors", GAIN, 0.125)
    np.testing.assert_allclose(
        enhanced(GAIN, "in.wav", "out.wav", "--weights", "front_end.safetensors"), 0.25 * tone(), atol=1e-6
    )


@pytest.fixture
def plan(here):
    """The plan of a recipe of two tasks, with weights in the store that nobody trained."""
    task = {
        "task": f"{toys.__file__}:Bands",
        "targets": {f"{toys.__file__}:Tones": {}},
        "interferers": {f"{toys.__file__}:Hiss": {}},
    }
    toys.toy_recipe(here, tasks={"one": task, "two": task}, schemes={"noisy": None, "joint": None})
    plan = make_plan(load_recipe("toy.yaml"), Corpora(None, here / "cache"))
    values = {("noisy", "one"): 0.1, ("noisy", "two"): 0.1, ("joint", "one"): 0.2, ("joint", "two"): 0.3}
    for row in plan.rows:
        if row.front_end == "gain":
            key = plan.enhancing(row).weights["front_end"]
            value = values[row.scheme, row.task]
            Store(here / "runs").put(
                "weights", key, {}, lambda folder, value=value: weights(folder / "front_end.safetensors", GAIN, value)
            )
    return plan


@pytest.mark.parametrize(
    ("words", "factor"),
    [
        (["gain", "--from", "toy.yaml:noisy"], 0.2),
        (["gain", "--from", "toy.yaml:joint:one"], 0.4),
        (["gain", "--from", "toy.yaml:joint:two"], 0.6),
        ([GAIN, "--from", "toy.yaml:joint:two"], 0.6),  # submitted, under whatever label
        (["identity", "--from", "toy.yaml:noisy"], 1.0),
    ],
)
def test_what_was_benchmarked_is_used(plan, words, factor):
    name, *rest = words
    np.testing.assert_allclose(enhanced(name, "in.wav", "out.wav", *rest), factor * tone(), atol=1e-6)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["gain", "--from", "toy.yaml:joint"], "has other weights for other tasks; say which, as joint:one"),
        (["gain", "--from", "toy.yaml:joined"], "did you mean 'joint'"),
        (["gain", "--from", "toy.yaml"], "unknown scheme ''"),
        (["gain", "--from", "toy.yaml:joint:three"], "unknown task 'three'"),
        (
            ["gain", "--from", "toy.yaml:joint:one", "--out", "elsewhere"],
            "nothing was run here; run `earmark run toy` first",
        ),
        ([GAIN, "--option", "start=0.75", "--from", "toy.yaml:noisy"], "was not trained yet"),
    ],
)
def test_weights_that_are_not_there_are_one_line(plan, capsys, words, message):
    refused(capsys, [words[0], "in.wav", "out.wav", *words[1:]], message)


def refused(capsys, words, message):
    assert main(["enhance", *words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_folder_keeps_its_names_and_its_tree(here, capsys):
    audio.write("noisy/a.wav", tone())
    (here / "noisy/b/c").mkdir(parents=True)
    soundfile.write("noisy/b/c/d.flac", tone(2, 44100).T, 44100)
    (here / "noisy/notes.txt").write_text("no audio")
    assert main(["enhance", GAIN, "noisy", "clean"]) == 0
    assert sorted(str(path.relative_to(here / "clean")) for path in (here / "clean").rglob("*.*")) == [
        "a.wav",
        "b/c/d.wav",
    ]
    np.testing.assert_allclose(audio.read("clean/b/c/d.wav", None), 0.5 * tone(2, 44100), atol=2e-4)
    assert "2 enhanced" in capsys.readouterr().out


def test_one_broken_file_of_a_folder_does_not_stop_the_others(here, capsys):
    audio.write("noisy/a.wav", tone())
    (here / "noisy/b.wav").write_bytes(b"no audio")
    refused(
        capsys,
        [GAIN, "noisy", "clean"],
        "noisy/b.wav: not audio that libsndfile reads, or cut short; give another recording",
    )
    np.testing.assert_allclose(audio.read("clean/a.wav", None), 0.5 * tone(), atol=1e-6)


def test_inputs_are_never_written_over(here, capsys):
    audio.write("noisy/a.wav", tone())
    (here / "link.wav").symlink_to(here / "in.wav")
    for source, target in (
        ("in.wav", "in.wav"),
        ("in.wav", "link.wav"),
        ("noisy", "noisy"),
        ("noisy", "./noisy/../noisy"),
    ):
        refused(capsys, [GAIN, source, target], "which is never written over")
    soundfile.write("noisy/a.flac", tone().T, 16000)
    refused(capsys, [GAIN, "noisy", "clean"], "another recording has the same name but for its suffix")
    np.testing.assert_array_equal(audio.read("in.wav"), tone())
    np.testing.assert_array_equal(audio.read("noisy/a.wav"), tone())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["gane", "in.wav", "out.wav"], "unknown front-end 'gane'"),
        (["unet", "in.wav", "out.wav"], "UNet: it was trained on nothing yet; take weights of a run with --from"),
        (["chain", "in.wav", "out.wav", "--option", "members=[spectral, unet]"], "UNet: it was trained on nothing yet"),
        ([GAIN, "none.wav", "out.wav"], "none.wav: no such file; give another recording"),
        ([GAIN, "in.wav", "out.mp3"], "give a name that ends in .wav"),
        ([GAIN, "empty", "out"], "empty: no recordings in it"),
        ([GAIN, "in.wav", "out.wav", "--control", "amount=1"], "unknown control 'amount'"),
        ([GAIN, "in.wav", "out.wav", "--control", "wet"], "write a control and its value"),
        ([GAIN, "in.wav", "out.wav", "--control", "wet=-3"], "wet=-3: write a share, 0 to 1"),
        ([GAIN, "in.wav", "out.wav", "--control", "wet=nan"], "wet=nan: write a share"),
        (["nal_r", "in.wav", "out.wav", "--audiogram", "N3", "--option", "gain=300"], "beyond"),
        (["fig6", "in.wav", "out.wav", "--audiogram", "N3", "--option", "smoothing=-1"], "smoothing"),
        ([GAIN, "in.wav", "out.wav", "--audiogram", "N3"], "does not know the listener"),
        ([AID, "in.wav", "out.wav"], "needs one; give the ear"),
        ([AID, "in.wav", "out.wav", "--audiogram", "N3", "--audiogram", "N4"], "has 1 channels, and 2 audiograms"),
        ([AID, "in.wav", "out.wav", "--audiogram", "N33"], "unknown listener 'N33'"),
        ([GAIN, "in.wav", "out.wav", "--weights", "none.safetensors"], "no weights of a front-end"),
        ([GAIN, "in.wav", "out.wav", "--weights", "in.wav"], "no weights of a front-end"),
        ([EARS, "in.wav", "out.wav", "--weights", "gain.safetensors"], "do not fit TwoEars"),
        ([f"{toys.__file__}:NotANumber", "in.wav", "out.wav"], "output is not finite"),
        ([f"{toys.__file__}:Shortener", "in.wav", "out.wav"], "the output must be floats of the input's shape"),
    ],
)
def test_what_cannot_be_enhanced_is_one_line_and_writes_nothing(here, capsys, words, message):
    (here / "empty").mkdir()
    weights(here / "gain.safetensors", GAIN, 1.0)
    refused(capsys, words, message)
    assert not (here / "out.wav").exists()
