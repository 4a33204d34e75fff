"""How fast and how lean the project is, against plain twins.

Every figure is a ratio within one process: what the project does, and the same
result by the plainest code that computes it as the 2019 release did, take
turns. `runner` prints the table; a suite is a module with `comparisons()`.
"""
