"""How fast and how lean the project is, as ratios to plain twins in one run.

It uses all rooms; nothing uses it.
Read first: `runner.py` (the table); a suite is a module with `comparisons()`.
"""
