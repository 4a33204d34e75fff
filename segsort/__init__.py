"""SegSort's runtime: data, devices, time and files around `network/`.

Its rooms, from the ground up; each may use those before it:
  runs          flags, files, locks, records, going on after a stop
  data          lists, pictures, masks, classes, batches; data/datasets
  checkpoints   weights by name
  evaluation    scores and tables
  contours      oversegmentations
  inference     embeddings, segments, prototypes, labels
  training      loss, update, the loop
  unsupervised  groups of regions in place of classes
  explanation   pages that show why
  benchmark     time and memory against plain twins
"""

import os

# Keras reads it when it is first imported; ~/.keras/keras.json and the
# environment may name a backend for other projects.
os.environ['KERAS_BACKEND'] = 'tensorflow'
