"""Merges the shards of a prototype set that were extracted on several machines.

    python pyscripts/merge_prototypes.py --save_dir snapshots/mine/results/train

Shards that share a folder are merged by the last of them to finish. This is for
those that were copied together: prototypes/shard-00000-of-00004 and so on.
"""

import _path  # noqa: F401
from segsort.inference import prototype_merge
from segsort.runs import cli

if __name__ == '__main__':
  cli.run(prototype_merge.merge_prototypes, prototype_merge.MergeConfig)
