"""Schemes: which loss moves which part, and in which order. One a file; the file's name is the registered name."""

from benchmark import registry
from benchmark.contracts import Scheme, Spec


def build_scheme(spec: Spec) -> Scheme:
    """Build a scheme from its specification."""
    return registry.load("schemes", spec.name)(**spec.config)  # type: ignore[no-any-return]
