"""Earmark: a benchmark of audio-enhancement front-ends by what they do for the tasks behind them."""
