"""Corpora, one a file: the file's name is the registered name."""
