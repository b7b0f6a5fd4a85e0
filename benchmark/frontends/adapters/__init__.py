"""Adapters for front-ends that were not written for this suite."""
