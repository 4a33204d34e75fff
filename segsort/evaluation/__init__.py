"""Scores of labels, boundaries, regions and panoptic pictures, and tables.

It uses `data`, `checkpoints` and `runs`, and no network.
Read first: `evaluation.py` (folders to scores), `experiment_table.py` (seeds to
a table).
"""
