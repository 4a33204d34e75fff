"""Scores an embedding by k-NN, by a linear probe and by matched k-means.

    python pyscripts/eval_embeddings.py --restore_from snapshots/mine \
        --data_list dataset/demo/train.txt --eval_list dataset/demo/val.txt \
        --data_dir dataset/demo/data --save_dir snapshots/mine/results/val \
        --input_size 128,128

The annotated images of --data_list give the prototypes and the probe's
examples; the k-means sees the images of --eval_list only.
"""

import _path  # noqa: F401
from segsort.inference import readouts
from segsort.runs import cli

if __name__ == '__main__':
  cli.run(readouts.evaluate_embeddings, readouts.EvalEmbeddingsConfig)
