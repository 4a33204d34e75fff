"""Oversegmentations: contours, watershed, region tree, cut.

It uses `evaluation` (regions), `checkpoints`, `data` and `runs`.
Read first: `oversegmentation.py` (image to regions), `ultrametric.py`.
"""
