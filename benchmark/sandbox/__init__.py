"""Processes for code from outside: they get what they need in messages, and can touch little else."""

from benchmark.sandbox.confinement import Confinement
from benchmark.sandbox.guest import Guest, Lost

__all__ = ["Confinement", "Guest", "Lost"]
