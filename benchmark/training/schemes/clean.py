"""Dropped in before a task model trained once on clean audio."""

from benchmark.contracts import Scheme


class Clean(Scheme):
    """Nothing moves: the front-end, however trained, stands before the stock model of clean audio."""
