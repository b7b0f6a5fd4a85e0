"""The page: a static folder that shows leaderboards, from their summaries and the records of their runs.

site.py writes it. What it shows comes from benchmark/results/view.py, confusion.py and listening.py; curves.py,
diagram.py and scatter.py give it coordinates; templates/ and assets/ give it its looks.
"""
