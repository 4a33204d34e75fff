"""Weights by name in files, those of the 2019 release included.

It uses `runs`.
Read first: `checkpoint.py`; `network_settings.py` has the flags of a network.
"""
