"""Regions of all images to groups of alike ones: classes without labels.

It uses `inference`, `contours` and the rooms below.
Read first: `region_groups.py`.
"""
