"""Scores of predictions, as sums over utterances: classes, text and trajectories."""
