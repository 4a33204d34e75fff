"""Why a segment has its label: the training segments that it was found with.

It uses `inference` and the rooms below it, no training.
Read first: `stage.py` (pictures to pages), `retrieved.py` (a picture's segments
and their neighbours).
"""
