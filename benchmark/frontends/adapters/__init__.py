"""Front-ends that were not written for this suite."""
