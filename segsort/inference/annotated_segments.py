"""Segments of an annotated image from what the network answered.

As `extraction` finds them from the embedding of each pixel, but for the
rounding of sums, in a fraction of time and memory.
"""

import numpy as np
import scipy.ndimage
import tensorflow as tf

from network.segsort import clustering
from network.segsort import labelling
from network.segsort import prototypes as prototypes_lib
from segsort.inference import cues as cues_lib
from segsort.inference import prototype_set

# Compiled once for images of all sizes
_cluster = tf.function(labelling.cluster_patches, reduce_retracing=True)
_prototypes = tf.function(
    prototypes_lib.patch_prototypes, reduce_retracing=True)


def are_enough(config):
  """Whether a stage can do without the embeddings of single pixels.

  Args:
    config: a `inference_settings.ExtractConfig`.
  """
  return not (config.tf1_compat or config.regions_dir)


def cluster(patches, annotated, config, image):
  """Returns i32[H, W], clusters of the annotated pixels; -1 elsewhere.

  Args:
    patches: `network.segsort.patches.Patches` of an image.
    annotated: bool[H, W].
    config: a `inference_settings.RestoredSettings`.
    image: u8[H, W, 3].
  """
  locations = clustering.location_features(*annotated.shape)
  return _cluster(
      patches, cues_lib.cues_of(locations, image, config),
      tf.constant(annotated), (config.num_clusters,) * 2,
      config.kmeans_iterations)[0]


def prototypes_in(clusters, patches, classes, config):
  """Returns f32[S, D] and i32[S], as `extraction.prototypes_in`."""
  return _prototypes(
      patches, clusters, tf.constant(classes, tf.int32),
      config.num_clusters**2, config.classes)


def segments_of(clusters, classes, labels):
  """Says which pixels the prototypes of an image are of.

  Args:
    clusters: i32[H, W], -1 for pixels that take no part.
    classes: i32[H, W].
    labels: i32[S], classes of the prototypes, in order of first occurrence of
      their clusters.

  Returns:
    prototype_set.SEGMENT[S]; `image` is left 0.
  """
  present, first = np.unique(clusters[clusters >= 0], return_index=True)
  present = present[np.argsort(first)]
  majority = np.full(clusters.max() + 2, -1)  # the last for -1, no cluster
  majority[present] = labels
  # Numbered from 1: scipy takes 0 for what is in no object.
  members = np.where(majority[clusters] == classes, clusters + 1, 0)
  pixels = np.bincount(members.ravel(), minlength=clusters.max() + 2)
  boxes = scipy.ndimage.find_objects(members)
  segments = np.zeros(len(labels), prototype_set.SEGMENT)
  segments['segment'], segments['label'] = present, labels
  segments['pixels'] = pixels[present + 1]
  for segment, cluster in zip(segments, present):
    rows, columns = boxes[cluster]
    segment['top'], segment['bottom'] = rows.start, rows.stop
    segment['left'], segment['right'] = columns.start, columns.stop
  return segments
