"""Exports network, k-means, prototypes and retrieval as one SavedModel.

    python pyscripts/export_model.py --restore_from snapshots/mine \\
        --prototype_dir snapshots/mine/results/train/prototypes \\
        --save_dir exported --input_size 336,336

It runs where this project is not installed:

    model = tf.saved_model.load('exported')
    found = model.signatures['serving_default'](tf.constant(image_bytes))
    found['labels'], found['segments'], found['neighbours']

`signatures['embed']` returns raw embeddings; `model.legend.asset_path` is the
JSON file of class names and colours. Pictures are seen as stored: not turned as
EXIF says.
"""

import _path  # noqa: F401
from segsort.inference import export
from segsort.runs import cli

if __name__ == '__main__':
  cli.run(export.export_model, export.ExportConfig)
