"""The front-end dropped in before a task model that was trained on clean audio."""

from benchmark.contracts import Scheme


class Clean(Scheme):
    """Nothing is trained: the stock model of clean audio follows the front-end, which is pre-trained if it can be."""
