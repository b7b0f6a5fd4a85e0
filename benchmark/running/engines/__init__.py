"""Engines: where cells run. One a file; the file's name is the registered name."""
