"""What every stage stands on: flags, files, locks, records, progress.

It knows nothing of images or networks and imports no other room.
Read first: `cli.py` (flags to stage), `resumption.py` (going on after a stop).
"""
