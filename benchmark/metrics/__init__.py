"""Metrics of audio: one a file, its pure function and its class; the file's name is the registered name."""

from collections.abc import Iterable, Mapping
from typing import Any

from benchmark import registry
from benchmark.contracts import Figure, Metric
from benchmark.errors import EarmarkError
from benchmark.options import bind, named, reported

Entry = str | Mapping[str, Any]  # a registered name or path/to/file.py:Class; or {either: options}


def metric_class(entry: Entry) -> type[Metric]:
    """The class of a metric; EarmarkError where there is none."""
    name, _ = named("metrics", entry)
    cls = registry.load("metrics", name)
    if not issubclass(cls, Metric):
        raise EarmarkError(f"metrics: {cls.__name__} is no Metric; derive it from benchmark.contracts.Metric")
    return cls


def build_metric(entry: Entry) -> Metric:
    """Build a metric; EarmarkError for unknown names and options, and where the constructor fails."""
    cls = metric_class(entry)
    name, options = named("metrics", entry)
    config = bind(f"metrics.{name}", cls, options)
    with reported(f"metrics.{name}"):
        return cls(**config)


def figures_of(entries: Iterable[Entry]) -> dict[str, Figure]:
    """The figures of several metrics by name, in order; nothing is built. EarmarkError where one would stand twice."""
    figures: dict[str, Figure] = {}
    for cls in map(metric_class, entries):
        for name, figure in cls.figures.items():
            if name in figures:
                raise EarmarkError(f"metrics: '{name}' is measured twice; leave one out")
            figures[name] = figure
    return figures


def __getattr__(name: str) -> Any:
    if name == "Mean":  # torchmetrics takes a second to import, and few need it
        from benchmark.metrics._mean import Mean

        return Mean
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
