"""Listeners: audiograms, the ear as a differentiable model, prescriptions of gain."""
