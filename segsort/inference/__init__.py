"""Images to embeddings, segments, prototypes and labels by retrieval.

It uses the rooms below, and training not at all.
Read first: `labeller.py` (an image to labels), `extraction.py` (a mask to
prototypes).
"""
