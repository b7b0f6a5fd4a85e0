"""Every rule against a front-end that breaks it and no other, our own front-ends against all of them, and what users
see.
"""

import copy
import importlib
import inspect
import os
import re
import unittest
from contextlib import suppress
from pathlib import Path

import faulty_front_ends as faults
import pytest
import torch
import toys

from benchmark.cli import main
from benchmark.conformance import RULES, Violation, checks, details, examine, isolated, line, output_rules
from benchmark.contracts import FrontEnd
from benchmark.frontends import build_front_end
from benchmark.report import show

ROOT = Path(__file__).resolve().parent.parent.parent
BANDS = {"features": 4, "hidden": 4, "layers": 1, "head": 6}
OURS = {  # but for cascade, two of two_mask in a row: that alone takes as long as all of these
    "identity": {},
    "unaided": {},
    "spectral": {},
    "nal_r": {},
    "fig6": {},
    "unet": {"channels": 4, "depth": 3},
    "conv_tasnet": {"filters": 16, "channels": 8, "hidden": 8, "layers": 2, "stacks": 1},
    "two_mask": BANDS,
    "chain": {"members": ["spectral", {"unet": {"channels": 2, "depth": 2}}, "nal_r"]},
}


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """A minute of audio is for the one front-end that cannot do with it."""
    monkeypatch.setattr(output_rules, "SECONDS", (0.1, 1.0))


def of(status, build):
    return {finding.check: finding for finding in examine(build) if finding.status == status}


@pytest.mark.parametrize(
    ("check", "toy"), faults.BREAKING, ids=lambda value: value if isinstance(value, str) else value.__name__
)
def test_a_broken_rule_is_found_and_no_other(check, toy):
    assert list(of("failed", toy)) == [check]


def test_a_minute_of_audio(monkeypatch):
    monkeypatch.undo()
    failed = of("failed", faults.Impatient)
    assert list(failed) == ["durations"]
    assert re.fullmatch(
        r"60 s of audio: RuntimeError: too long \(faulty_front_ends.py, line \d+\)", failed["durations"].came
    )


def test_another_device(monkeypatch):
    """An accelerator that is the CPU by another name."""
    assert (
        of("skipped", faults.Moved)["device"].came == "there is no accelerator here" or torch.accelerator.is_available()
    )
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("cpu"))
    assert list(of("failed", faults.Moved)) == ["device"]
    assert of("ok", toys.Gain)["device"].came == "cpu: the same to the bit"


ODD = """
import ctypes, torch

class Odd(torch.nn.Module):
    def forward(self, audio):
        if not audio.any():
            ctypes.CDLL(None)._exit(0)
        while audio.square().mean().sqrt() > 0.1:
            pass
        return audio
"""


def test_every_rule_is_broken_by_something_or_never_fails():
    assert {rule.__name__ for rule in RULES} == {check for check, _ in faults.BREAKING} | {
        "durations",
        "device",
        "in_place",
        "files",
    }


@pytest.mark.parametrize("name", OURS)
def test_our_own_keep_to_the_rules(name):
    built = build_front_end({name: OURS[name]})
    assert of("failed", lambda: copy.deepcopy(built)) == {}  # to build two_mask takes long


@pytest.mark.parametrize(
    ("toy", "notes"),
    [
        (faults.InPlace, {"in_place": "in place"}),
        (faults.Writes, {"files": "heard.txt"}),
        (faults.Tied, {"reload": "one.weight, other.weight"}),
        (
            faults.Biased,
            {
                "silence": "with the initial weights",
                "gradient": "module.unused.bias, module.unused.weight",
                "level": "input",
            },
        ),
        (faults.Absent, {"needs": "the same output", "controls": "amount=0.5"}),
        (
            faults.Compressor,
            {
                "works": "levels count here",
                "level": "output +10.0 and -10.0 dB",
                "causality": "causal = False, yet it looks",
            },
        ),
        (faults.Telephone, {"rate": "above 4000 Hz"}),
        (faults.Numb, {"joint": "no gradient reaches the input"}),
        (lambda: faults.EndsWithSilence(0.02), {"padding": "-34 dB"}),
    ],
)
def test_what_is_allowed_and_worth_knowing_is_a_note(toy, notes):
    findings = list(examine(toy))
    assert not [finding for finding in findings if finding.status == "failed"]
    found = {finding.check: finding.came for finding in findings if finding.status == "note"}
    assert set(found) == set(notes)
    for check, text in notes.items():
        assert text in found[check]


def test_another_rate():
    assert of("ok", faults.Studio)["rate"].came == "48000 Hz"
    assert not of("failed", faults.Studio)


@pytest.mark.skipif(torch.accelerator.is_available(), reason="where there is an accelerator it fails there")
def test_a_tensor_that_stays_behind_is_a_note_where_nothing_can_be_moved():
    assert of("note", faults.Stray)["device"].came.endswith("Stray.windows")


def test_what_is_made_elsewhere_is_not_checked(tmp_path):
    assert len(of("skipped", lambda: build_front_end({"adapters/folder": {"path": str(tmp_path)}}))) == len(RULES)


def test_what_is_made_elsewhere_is_not_checked_in_a_chain_either(tmp_path):
    members = ["identity", {"adapters/folder": {"path": str(tmp_path)}}]
    findings = list(examine(lambda: build_front_end({"chain": {"members": members}})))
    assert {finding.status for finding in findings} == {"skipped"}
    assert {finding.came for finding in findings} == {"its output is made elsewhere"}
    assert len(findings) == len(RULES)


def chained(*members):
    entries = [f"{inspect.getfile(member)}:{member.__name__}" for member in members]
    return lambda: build_front_end({"chain": {"members": entries}})


def test_a_chain_with_a_member_that_is_dropped_in_is_not_trained():
    assert not of("skipped", chained(toys.Gain, faults.Numb)).keys() & {"loss", "gradient", "joint"}
    found = of("skipped", chained(toys.Gain, faults.DroppedIn))
    assert found.keys() & {"loss", "gradient", "joint"} == {"loss", "gradient", "joint"}
    assert found["joint"].came == "it is only dropped in"


@pytest.mark.parametrize("build", [chained(toys.Gain, faults.LooksAhead), lambda: faults.Around(faults.LooksAhead())])
def test_what_a_member_says_of_its_causality_is_measured(build):
    assert list(of("failed", build)) == ["causality"]
    assert of("failed", build)["causality"].came == "LooksAhead: causal = True, but it looks 50.0 ms ahead"


def test_what_a_plain_module_says_of_its_causality_is_measured():
    assert list(of("failed", faults.PlainAhead)) == ["causality"]
    assert of("failed", chained(faults.PlainAhead))["causality"].came.startswith("PlainAhead: causal = True, but")


def test_members_that_keep_their_claims_may_be_late_together():
    found = of("ok", chained(faults.Waits, faults.Waits))["causality"]
    assert found.came == "it looks 60.0 ms ahead; it says nothing"


def test_weights_are_untrained_unless_their_own_member_says_otherwise():
    assert of("note", chained(faults.Biased)).keys() >= {"silence"}
    assert "silence" in of("note", chained(faults.Biased, faults.Fetched))
    assert "silence" in of("failed", chained(faults.Fetched))


@pytest.mark.parametrize("raised", [ValueError("two\nlines"), SystemExit(3)])
def test_whatever_is_raised_is_a_finding_and_what_does_not_work_is_not_tried_further(raised):
    class Raises(FrontEnd):
        def forward(self, audio):
            raise raised

    first, *others = examine(Raises)
    assert (first.check, first.status) == ("works", "failed")
    assert re.fullmatch(r"(ValueError: two lines|SystemExit: 3) \(test_conformance.py, line \d+\)", first.came)
    assert [(other.check, other.status, other.came) for other in others] == [
        ("all others", "skipped", f"{len(RULES) - 1} rules, until works is fixed")
    ]


def test_the_authors_own_line_is_named_where_the_engine_raises_for_it():
    class Calls(FrontEnd):
        def forward(self, audio):
            return show.signed(None)

    first, *_ = examine(Calls)
    assert re.fullmatch(r"TypeError: .* \(test_conformance.py, line \d+\)", first.came)


def test_a_change_of_level_is_worth_a_word():
    class Soft(FrontEnd):
        def forward(self, audio):
            return 0.1 * audio

    assert "comes out at 45 dB SPL; levels count here" in next(iter(examine(Soft))).came
    assert next(iter(examine(Soft))).status == "note"
    assert next(iter(examine(toys.Gain))).status == "ok"


def test_what_is_too_short_for_a_front_end_is_said_to_be():
    class Long(FrontEnd):
        def forward(self, audio):
            return (
                audio[..., :32000].mean() + audio if audio.shape[-1] >= 32000 else torch.zeros(1).expand(2, 3).view(7)
            )

    first, *_ = examine(Long)
    assert first.status == "failed"
    assert first.came.startswith("half a second of audio, while 4 s work")


def test_ending_the_process_is_a_finding():
    class Leaves(FrontEnd):
        def forward(self, audio):
            os._exit(0)

    leave = os._exit
    first, *_ = examine(Leaves)
    assert first.status == "failed"
    assert "os._exit(0)" in first.came
    assert os._exit is leave


@pytest.mark.parametrize(
    ("end", "said"),
    [
        ("import sys; sys.exit(0)", "ending.py cannot be imported: SystemExit"),
        ("import os; os._exit(0)", "ending.py:Mine: its process ended with status 0 while it was built"),
        ("import os; os.execv('/bin/true', ['true'])", "ending.py:Mine: its process ended with status 0"),
        ("import os; os.abort()", "ending.py:Mine: its process was ended by SIG"),
    ],
)
def test_a_file_that_ends_the_process_when_imported_is_no_success(tmp_path, capsys, end, said):
    (tmp_path / "ending.py").write_text(f"{end}\n")
    assert main(["check", f"{tmp_path}/ending.py:Mine"]) == 2
    assert said in capsys.readouterr().err


def test_what_ends_the_process_or_hangs_costs_its_rule_alone(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(isolated, "RULE_SECONDS", 3.0)
    (tmp_path / "odd.py").write_text(ODD)
    assert main(["check", f"{tmp_path}/odd.py:Odd"]) == 1
    printed = capsys.readouterr().out
    assert "failed   silence        its process ended with status 0" in printed
    assert "failed   level          no answer after 3 s" in printed
    assert "ok       shape" in printed
    assert "ok       joint" in printed


def test_a_rate_is_a_whole_number():
    class Odd(torch.nn.Module):
        sample_rate = "44.1k"

        def forward(self, audio):
            return audio

    first, *_ = examine(Odd)
    assert first.status == "failed"
    assert "its sample_rate is '44.1k'; set a whole number of Hz" in first.came


def test_checks_leave_the_callers_randomness_and_threads_alone():
    torch.manual_seed(3)
    expected, threads = torch.rand(1), torch.get_num_threads()
    torch.manual_seed(3)
    list(examine(toys.Gain))
    assert torch.equal(torch.rand(1), expected)
    assert torch.get_num_threads() == threads


def test_a_check_raises_what_pytest_understands():
    named = {check.__name__: check for check in checks}
    assert named["shape"](toys.Gain).status == "ok"
    with pytest.raises(
        Violation,
        match=r"silence\n  expected +Digital silence .*\n  came +a sound at 40 dB SPL\n  why +Pauses are silent",
    ):
        named["silence"](faults.Hum)
    with pytest.raises(unittest.SkipTest, match="16 kHz"):
        named["rate"](toys.Gain)
    with pytest.raises(Violation) as caught:
        named["controls"](faults.Deaf)
    assert isinstance(caught.value.__cause__, TypeError)


def test_every_rule_says_what_it_expects_and_why_and_is_read_at_a_hundred_columns():
    for finding in examine(faults.Hum):
        assert finding.expected
        assert finding.why
        assert all(len(text) <= 100 for text in (line(finding) + "\n" + details(finding)).splitlines())


def test_the_command(capsys, tmp_path):
    assert main(["check", "nal_r", "--option", "gain=6.0"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("\nok ") > 10
    assert "0 failed" not in printed
    assert main(["check", f"{toys.__file__}:Shortener"]) == 1
    printed, error = capsys.readouterr()
    assert re.search(r"failed +works +.*Shortener: the output must be floats", printed)
    assert "\nworks\n  expected  A scene of noisy speech" in printed
    assert printed.endswith("\n1 failed, 1 skipped\n")
    assert "Traceback" not in printed + error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["spectrl"], "did you mean 'spectral'"),
        (["unet", "--option", "depht=3"], "did you mean 'depth'"),
        (["nal_r", "--option", "gain"], "--option: gain"),
        (["nal_r", "--option", "gain=[1"], "no value that YAML reads"),
    ],
)
def test_what_cannot_be_built_is_one_line(capsys, arguments, message):
    assert main(["check", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_the_example_of_the_docs(tmp_path, monkeypatch):
    page = (ROOT / "docs/guides/add_a_front_end.md").read_text(encoding="utf-8")
    for text, name in re.findall(r"```python\n(# (\S+\.py)\n.*?)```", page, re.DOTALL):
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    tested, kept = importlib.import_module("test_softly").test_softly, 0
    assert [mark.args[1] for mark in tested.pytestmark] == [checks]
    for check in checks:
        with suppress(unittest.SkipTest):
            tested(check)
            kept += 1
    assert kept >= len(RULES) - 2
