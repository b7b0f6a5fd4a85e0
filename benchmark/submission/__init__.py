"""Front-ends of your own: on a leaderboard, in programs that run elsewhere, and on your own recordings."""
