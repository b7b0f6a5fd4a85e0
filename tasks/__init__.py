"""Tasks: what is asked of audio, with labels, scores and figures. One a file; tasks/models/ has the models."""
