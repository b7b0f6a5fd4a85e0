"""Hearing loss: audiograms, a differentiable auditory model, prescriptions of gain, shadow filtering."""
