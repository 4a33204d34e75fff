"""Prototypes of annotated images (arXiv:1910.06962)."""

import os

import numpy as np
import tensorflow as tf
import tqdm

from network.segsort import chunked_kmeans
from network.segsort import clustering
from network.segsort import prototypes as prototypes_lib
from segsort import config as config_lib
from segsort import embedding
from segsort import image_list
from segsort import input_pipeline
from segsort import prototype_set
from segsort import tf1_compat
from segsort.errors import InputError, warn


@tf.function(reduce_retracing=True)
def cluster_image(
    embeddings, locations, taking_part, num_clusters, iterations):
  """Spherical k-means of one image on [embedding, location].

  Args:
    embeddings: f32[H, W, D], unit length.
    locations: f32[H, W, 2].
    taking_part: bool[H, W].
    num_clusters: (rows, columns) of the grid it starts from.
    iterations: of k-means.

  Returns:
    i32[H, W] in 0..K-1; -1 where not taking part.
  """
  height, width = tf.unstack(tf.shape(embeddings)[:2])
  grid = clustering.grid_labels(height, width, *num_clusters)
  labels = chunked_kmeans.cluster_pixels(
      tf.reshape(embeddings, [height * width, -1]),
      tf.reshape(locations, [-1, 2]),
      tf.reshape(tf.where(taking_part, grid, -1), [-1]),
      num_clusters[0] * num_clusters[1], iterations)
  return tf.reshape(labels, [height, width])


def prototypes_of(embeddings, classes, annotated, config):
  """Prototypes of one image.

  Args:
    embeddings: f32[H, W, D], unit length.
    classes: i32[H, W].
    annotated: bool[H, W]; the other pixels take no part.
    config: a `config.ExtractConfig`.

  Returns:
    f32[S, D] and i32[S], as `prototypes.annotated_prototypes`.
  """
  locations = clustering.location_features(*classes.shape)
  if config.tf1_compat:
    locations = tf1_compat.extraction_locations(
        classes.shape, config.input_size)
  clusters = cluster_image(
      embeddings, locations, annotated, (config.num_clusters,) * 2,
      config.kmeans_iterations)
  return prototypes_lib.annotated_prototypes(
      tf.boolean_mask(embeddings, annotated),
      tf.boolean_mask(clusters, annotated), classes[annotated],
      config.classes)


def extract_prototypes(config):
  """Extracts the prototypes of annotated images for retrieval."""
  examples = image_list.read_list(
      config.data_list, config.data_dir, ('image', 'mask'))
  embedder = embedding.Embedder(
      embedding.restore_model(config), config.input_size,
      config.window_strides)
  folder = os.path.join(config.save_dir, 'prototypes')
  config_lib.write_run(folder, config)  # before hours of work
  features, labels = [], []
  for example in tqdm.tqdm(examples, desc='prototypes'):
    image, classes = input_pipeline.read_example(
        example, config.classes, config.ignore_label)
    annotated = classes != input_pipeline.IGNORED
    if not annotated.any():
      warn(f'{example.where}: every pixel of {example.mask} is ignored; '
           'no prototypes from this image')
      continue
    image_features, image_labels = prototypes_of(
        embedder.embed(image), classes, annotated, config)
    features.append(image_features.numpy())
    labels.append(image_labels.numpy())
  if not features:
    raise InputError(
        f'no prototypes: every pixel of every mask in {config.data_list} is '
        'ignored; check the masks and --ignore_label')
  prototype_set.save(folder, np.concatenate(features), np.concatenate(labels))
  print(f'{sum(map(len, labels))} prototypes of {len(features)} images: '
        f'{folder}')
