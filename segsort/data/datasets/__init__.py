"""One file a data set: from what people have, or draw, to lists and masks.

It uses `data` and `runs`.
Read first: `camvid.py`, the shortest; `dataset_layout.py` has what all share.
"""
