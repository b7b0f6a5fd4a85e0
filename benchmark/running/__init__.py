"""Running the cells of a plan and resuming where a run was stopped."""
