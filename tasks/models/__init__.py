"""Task models: what answers a task. One a file; the file's name is the registered name."""
