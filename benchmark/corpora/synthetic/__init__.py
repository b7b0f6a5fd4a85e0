"""Synthetic corpora, generated on first use; modules with an underscore hold how they are made."""
