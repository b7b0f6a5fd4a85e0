"""Training a front-end together with a task model."""
