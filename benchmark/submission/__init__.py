"""Putting a front-end of one's own on a leaderboard."""
