"""Synthetic corpora, generated on first use."""
