"""Every metric of the folder by name, the signals that they take, and how unknown ones are answered."""

import importlib
import subprocess
import sys
from types import ModuleType

import numpy as np
import pytest
import torch
from hearing_signals import N3, noisy, syllables

import benchmark.metrics
from benchmark import registry
from benchmark.contracts import Metric, Signals, Undefined
from benchmark.errors import EarmarkError
from benchmark.metrics import build_metric, figures_of
from benchmark.metrics.haspi import haspi
from benchmark.metrics.hasqi import hasqi
from benchmark.metrics.mbstoi import mbstoi
from benchmark.metrics.snr import snr
from benchmark.metrics.weighted_sdr import weighted_sdr

NAMES = list(registry.names("metrics"))
MEASURED = [name for name in NAMES if name != "dnsmos"]  # its network needs an extra
WITH_REFERENCE = [name for name in MEASURED if name not in ("insertion_gain", "output_level")]


@pytest.fixture(scope="module")
def signals():
    """A second of speech in noise, for an N3."""
    clean = syllables(1.0)
    noise = noisy(clean, 5)
    heard = (torch.from_numpy(signal).float() for signal in (0.7 * noise, clean, noise))
    return Signals(*heard, torch.tensor(N3))


def measured(name, signals):
    metric = build_metric(name)
    both = "both ears" in metric.needs
    return metric.measure(
        Signals._make(None if signal is None else torch.stack((signal, signal)) for signal in signals)
        if both
        else signals
    )


def test_the_folder_holds_these():
    assert set(NAMES) == {
        "pesq",
        "stoi",
        "estoi",
        "snr",
        "si_sdr",
        "weighted_sdr",
        "dnsmos",
        "haspi",
        "hasqi",
        "mbstoi",
        "insertion_gain",
        "output_level",
    }


@pytest.mark.parametrize("name", NAMES)
def test_each_says_what_it_is(name):
    cls = registry.load("metrics", name)
    assert issubclass(cls, Metric)
    assert cls.source
    assert cls.needs <= {"clean", "noisy", "listener", "both ears"}
    assert all(figure.best >= figure.floor for figure in cls.figures.values())
    assert list(cls.figures) == ([f"dnsmos_{part}" for part in ("ovrl", "sig", "bak")] if name == "dnsmos" else [name])
    line = registry.descriptions("metrics")[name]
    assert line.endswith(".")
    assert len(line) <= 117  # quotes aside


@pytest.mark.parametrize("name", MEASURED)
def test_it_measures_what_it_names_with_what_it_needs_and_nothing_else(name, signals):
    metric = build_metric(name)
    values = measured(name, signals)
    assert list(values) == list(metric.figures)
    (value,) = values.values()
    low, high = metric.figures[name].bounds
    assert low < value < high
    unneeded = {key: None for key in ("clean", "noisy", "listener") if key not in metric.needs}
    assert measured(name, signals._replace(**unneeded)) == values
    assert not list(metric.parameters())


@pytest.mark.parametrize("name", MEASURED)
def test_a_silent_or_broken_output_is_at_fault(name, signals):
    broken = torch.where(torch.arange(len(signals.audio)) == 5, torch.nan, signals.audio)
    for audio in (0 * signals.audio, broken):
        if name == "mbstoi" and not audio.any():
            continue  # it has a value, about zero
        with pytest.raises(Undefined) as caught:
            measured(name, signals._replace(audio=audio))
        assert caught.value.fault == "estimate"


@pytest.mark.parametrize("name", WITH_REFERENCE)
def test_a_silent_reference_is_at_fault_whatever_the_output(name, signals):
    for audio in (signals.audio, 0 * signals.audio):
        with pytest.raises(Undefined) as caught:
            measured(name, signals._replace(audio=audio, clean=0 * signals.clean))
        assert caught.value.fault == "reference"


def test_values_are_those_of_the_functions(signals):
    audio, clean, noise, listener = signals
    double = [signal.double() for signal in (clean, audio, noise)]
    assert measured("snr", signals)["snr"] == snr(*double[:2]).item()
    assert measured("weighted_sdr", signals)["weighted_sdr"] == weighted_sdr(*double).item()
    assert measured("haspi", signals)["haspi"] == haspi(clean[None], audio[None], listener[None]).item()
    assert measured("hasqi", signals)["hasqi"] == hasqi(clean[None], audio[None], listener[None]).item()
    ears = [torch.stack((signal, signal))[None] for signal in (clean, audio)]
    assert measured("mbstoi", signals)["mbstoi"] == mbstoi(*ears).item()
    assert measured("output_level", signals)["output_level"] == pytest.approx(
        100 + 10 * np.log10(np.mean(audio.double().numpy() ** 2))
    )
    assert measured("insertion_gain", signals)["insertion_gain"] == pytest.approx(20 * np.log10(0.7))


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("pesk", "unknown metric 'pesk'; did you mean 'pesq'"),
        ({"pesq": {"mode": "nb"}}, "metrics.pesq: unknown option 'mode'"),
        (["pesq"], "is no component"),
        ("nowhere.py:Mine", "no file nowhere.py"),
        ("tests/support/hearing_signals.py:Heard", "Heard is no Metric; derive it from"),
    ],
)
def test_what_is_no_metric_is_one_line(entry, says, monkeypatch):
    monkeypatch.chdir(registry.ROOT.parent)
    with pytest.raises(EarmarkError, match=says) as caught:
        build_metric(entry)
    assert "\n" not in str(caught.value)


def test_figures_come_in_order_and_once():
    assert list(figures_of(["si_sdr", {"dnsmos": None}, "pesq"])) == [
        "si_sdr",
        "dnsmos_ovrl",
        "dnsmos_sig",
        "dnsmos_bak",
        "pesq",
    ]
    with pytest.raises(EarmarkError, match="'pesq' is measured twice"):
        figures_of(["pesq", "estoi", {"pesq": {}}])


def test_a_name_is_a_file_whatever_was_imported_first():
    assert type(benchmark.metrics) is ModuleType
    assert importlib.import_module("benchmark.metrics.haspi") is benchmark.metrics.haspi
    assert benchmark.metrics.haspi.haspi is haspi
    with pytest.raises(AttributeError):
        _ = benchmark.metrics.nothing


def test_figures_are_known_without_what_is_slow_to_import():
    code = """
import sys
from benchmark.metrics import figures_of
figures_of(["pesq", "haspi", "dnsmos"])
assert not {"onnxruntime", "torchmetrics", "lightning"} & set(sys.modules), sorted(sys.modules)
from benchmark.metrics import Mean
assert "torchmetrics" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
