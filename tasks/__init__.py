"""Downstream tasks, one a file: model, loss, predictions and scores."""
