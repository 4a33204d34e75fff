"""Draws embeddings as colours, and a prototype set as a map.

    python pyscripts/visualize_embeddings.py --restore_from snapshots/mine \\
        --prototype_dir snapshots/mine/results/train/prototypes \\
        --data_list dataset/voc12/val.txt --data_dir $DATAROOT \\
        --save_dir snapshots/mine/results/embeddings [--projection tsne]
"""

import _path  # noqa: F401
from segsort.explanation import embeddings
from segsort.explanation import flags
from segsort.runs import cli

if __name__ == '__main__':
  cli.run(embeddings.visualize_embeddings, flags.EmbeddingFlags)
