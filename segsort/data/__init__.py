"""Lists, pictures, masks and classes, and the way from them to batches.

It uses `runs`; `datasets/` below it knows each data set.
Read first: `image_list.py` (a line to files), `input_pipeline.py` (to batches).
"""
