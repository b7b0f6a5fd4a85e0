"""The page: one static folder that shows leaderboards, made from their summaries and, where they are there, from the
records of their runs.

site.py writes it; view.py, differences.py, confusion.py and listening.py say what is shown, charts.py where it stands,
templates/ and assets/ how it looks.
"""
