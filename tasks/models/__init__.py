"""Task models: the models that answer tasks. One a file; the file's name is the registered name."""
