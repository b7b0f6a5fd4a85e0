"""Running the cells of a plan, and resuming a run that was stopped."""
