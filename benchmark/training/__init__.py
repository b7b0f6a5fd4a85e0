"""Training front-ends, and training them together with task models."""
