"""Batches to a trained network: loss, update, bank, replicas, checkpoints.

It uses `checkpoints`, `data` and `runs`.
Read first: `train_step.py` (loss and update), `training.py` (the loop).
"""
