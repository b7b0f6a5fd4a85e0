"""From predictions to leaderboards: summaries, rankings, comparisons."""
