"""Processes for code from outside: they get what they need in messages, and can touch little else."""

from benchmark.sandbox.confinement import Confinement
from benchmark.sandbox.process import ProcessLost, SandboxedProcess

__all__ = ["Confinement", "ProcessLost", "SandboxedProcess"]
