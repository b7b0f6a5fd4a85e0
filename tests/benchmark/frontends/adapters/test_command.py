"""Programs of others, well behaved and not."""

import os
import sys
import time

import numpy as np
import pytest
import soundfile
import torch

from benchmark.contracts import Heard
from benchmark.errors import EarmarkError
from benchmark.frontends import build_front_end
from benchmark.planning.cells import portable

COPY = "import shutil, sys; shutil.copy(sys.argv[1], sys.argv[2])"


@pytest.fixture
def heard():
    return Heard(0.02 * torch.randn(1, 1, 800, generator=torch.Generator().manual_seed(0)), torch.tensor([800]))


@pytest.fixture
def command(tmp_path):
    """A front-end that runs a Python script, given its text."""

    def made(text, **options):
        (tmp_path / "program.py").write_text(text)
        return build_front_end(
            {
                "adapters/command": {
                    "command": [sys.executable, "-S", str(tmp_path / "program.py"), "{in}", "{out}"],
                    **options,
                }
            }
        )

    return made


def test_what_the_program_leaves_is_the_output(command, heard):
    front_end = command(COPY)
    assert torch.equal(front_end.process(heard).audio, heard.audio)
    assert front_end.dropped_in_only
    assert front_end.pretrained_on == "unknown"


def test_the_program_reads_floats_at_its_rate_and_nothing_that_tells_the_scene(command, heard, tmp_path):
    front_end = command(
        f"import shutil, sys; shutil.copy(sys.argv[1], {str(tmp_path / 'seen.wav')!r}); print(sys.argv); {COPY}",
        sample_rate=48000,
        gain=6.0,
    )
    front_end.process(heard._replace(names=("secret",)))
    seen, rate = soundfile.read(tmp_path / "seen.wav", dtype="float32")
    assert rate == 48000
    assert soundfile.info(tmp_path / "seen.wav").subtype == "FLOAT"
    np.testing.assert_allclose(seen, heard.audio[0, 0].numpy() * 10 ** (6 / 20), rtol=1e-5)


WRITE = """
import sys, wave
with wave.open(sys.argv[2], "wb") as file:
    file.setparams(({channels}, 2, {rate}, 0, "NONE", ""))
    file.writeframes(bytes({size}))
"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import sys; print('loading'); sys.exit('no CUDA')", "program.py|ended with status 1 \\(no CUDA\\)"),
        ("", "it wrote no file {out}"),
        (
            WRITE.format(channels=1, rate=16000, size=1598),
            "1 channel of 799 samples, the mixture has 1 channel of 800 samples",
        ),
        (WRITE.format(channels=2, rate=16000, size=3200), "2 channels of 800 samples"),
        (WRITE.format(channels=1, rate=8000, size=800), "resampled to 8000 Hz, the mixture has 16000"),
        ("import sys; open(sys.argv[2], 'w').write('no audio')", "not audio that libsndfile reads"),
        (
            "import sys; d = open(sys.argv[1], 'rb').read(); open(sys.argv[2], 'wb').write(d[:-4] + "
            "b'\\0\\0\\xc0\\x7f')",
            "not finite",
        ),
    ],
)
def test_a_failure_is_one_line_that_is_the_same_each_time(command, heard, text, message):
    front_end = command(text)
    lines = []
    for _ in range(2):
        with pytest.raises(EarmarkError, match=message) as caught:
            front_end.process(heard)
        lines.append(str(caught.value))
    assert lines[0] == lines[1]
    assert "\n" not in lines[0]


def test_a_slow_program_is_killed_with_its_children(command, heard, tmp_path):
    beat = tmp_path / "beat"
    child = f"import time\nwhile True:\n    open({str(beat)!r}, 'a').write('.')\n    time.sleep(0.02)"
    front_end = command(
        f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-S', '-c', {child!r}]); time.sleep(60)",
        seconds=1,
    )
    started = time.monotonic()
    with pytest.raises(EarmarkError, match="not done after 1 s; raise the option seconds"):
        front_end.process(heard)
    assert time.monotonic() - started < 10
    time.sleep(0.1)
    size = beat.stat().st_size
    assert size
    time.sleep(0.3)
    assert beat.stat().st_size == size


def test_no_shell_sees_the_command(heard, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    front_end = build_front_end(
        {"adapters/command": {"command": [sys.executable, "-S", "-c", COPY, "{in}", "{out}", ";", "touch", "owned"]}}
    )
    assert torch.equal(front_end.process(heard).audio, heard.audio)
    assert not os.path.exists("owned")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"command": "cp {in}"}, "{out} missing in 'cp {in}'"),
        ({"command": ""}, "{in} and {out} missing"),
        ({"command": "no_such_program {in} {out}"}, "no program no_such_program"),
        ({"command": "cp {in} {out}", "seconds": 0}, "seconds"),
        ({"command": "cp {in} {out}", "files": ["none.pt"]}, "no such file none.pt"),
        ({"command": "cp 'open {in} {out}"}, "No closing quotation; close it"),
    ],
)
def test_what_cannot_be_run_is_refused_when_it_is_built(options, message):
    with pytest.raises(EarmarkError, match=message) as caught:
        build_front_end({"adapters/command": options})
    assert "\n" not in str(caught.value)


def test_a_changed_program_is_another_front_end(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "program.py").write_text(COPY)
    (tmp_path / "weights.pt").write_text("1")
    text = f"{sys.executable} program.py {{in}} {{out}}"
    with pytest.raises(EarmarkError, match="write it as a list of words"):
        build_front_end({"adapters/command": {"command": text}})
    entry = {"adapters/command": {"command": ["python", "program.py", "{in}", "{out}"], "files": ["weights.pt"]}}
    keys = []
    for changed in (None, "program.py", "weights.pt"):
        if changed:
            (tmp_path / changed).write_text("changed")
        keys.append(str(portable(entry, files=True)))
    assert len(set(keys)) == 3
