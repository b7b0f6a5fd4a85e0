"""Schemes: which loss moves what, and in which order. One a file; the file's name is the registered name."""

from collections.abc import Mapping
from typing import Any

from benchmark import registry
from benchmark.contracts import Scheme, Spec
from benchmark.training.pretraining import Pretraining


def build_scheme(spec: Spec | Mapping[str, Any]) -> Scheme:
    """A scheme from its specification."""
    name, _, config = spec.values() if isinstance(spec, Mapping) else spec
    return scheme_class(Spec(name, 1, config))(**config)


def scheme_class(spec: Spec) -> type[Scheme]:
    """The class of a scheme; `pretraining` is no row's scheme and stands apart."""
    return Pretraining if spec.name == "pretraining" else registry.load("schemes", spec.name)
