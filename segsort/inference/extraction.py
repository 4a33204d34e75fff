"""Prototypes of annotated images (arXiv:1910.06962)."""

import os

import numpy as np
import tensorflow as tf

from network.segsort import clustering
from network.segsort import labelling
from network.segsort import prototypes as prototypes_lib
from segsort.checkpoints import checkpoint
from segsort.data import class_shares
from segsort.data import image_list
from segsort.data import input_pipeline
from segsort.errors import warn
from segsort.inference import annotated_segments
from segsort.inference import cues as cues_lib
from segsort.inference import embedding
from segsort.inference import prototype_merge
from segsort.inference import prototype_set
from segsort.inference import prototype_writer
from segsort.inference import tf1_compat
from segsort.runs import devices
from segsort.runs import folder_lock
from segsort.runs import input_records
from segsort.runs import progress
from segsort.runs import resumption
from segsort.runs import run_record
from segsort.runs import sharding


# Compiled once for images of all sizes
cluster_image = tf.function(labelling.cluster_image, reduce_retracing=True)


def cluster_annotated(embeddings, annotated, config, image=None):
  """Returns i32[H, W], clusters of the annotated pixels; -1 elsewhere.

  Args:
    embeddings: f32[H, W, D], unit length.
    annotated: bool[H, W].
    config: a `inference_settings.RestoredSettings` with tf1_compat.
    image: u8[H, W, 3], for --color_weight.
  """
  locations = clustering.location_features(*annotated.shape)
  if config.tf1_compat:
    locations = tf1_compat.extraction_locations(
        annotated.shape, config.input_size)
  return cluster_image(
      embeddings, cues_lib.cues_of(locations, image, config), annotated,
      (config.num_clusters,) * 2, config.kmeans_iterations)


def prototypes_in(clusters, embeddings, classes, num_classes):
  """Prototypes of the clusters of an image.

  Args:
    clusters: i32[H, W], -1 for pixels that take no part.
    embeddings: f32[H, W, D], unit length.
    classes: i32[H, W], in 0..C-1 where pixels take part.
    num_classes: C.

  Returns:
    f32[S, D] and i32[S], as `prototypes.annotated_prototypes`.
  """
  taking_part = clusters >= 0
  return prototypes_lib.annotated_prototypes(
      tf.boolean_mask(embeddings, taking_part),
      tf.boolean_mask(clusters, taking_part),
      tf.boolean_mask(classes, taking_part), num_classes)


def prototypes_of(embeddings, classes, annotated, config, image=None):
  """Prototypes of one image, arguments and results as of the two above."""
  clusters = cluster_annotated(embeddings, annotated, config, image)
  return prototypes_in(clusters, embeddings, classes, config.classes)


def make_extractor(config):
  """Makes a function of an example to its prototypes, on one device.

  Args:
    config: a `inference_settings.ExtractConfig`.

  Returns:
    A function of an `image_list.Example` to the arguments of
    `PrototypeWriter.append`.
  """
  embedder = embedding.Embedder(
      embedding.restore_model(config), config.input_size,
      config.window_strides)

  def extract(example):
    image, classes = input_pipeline.read_example(
        example, config.classes, config.ignore_label, config.dataset)
    path = os.path.relpath(example.image, config.data_dir)
    annotated = classes != input_pipeline.IGNORED
    if not annotated.any():
      warn(f'{example.where}: every pixel of {example.mask} is ignored; '
           'no prototypes from this image')
      return (path, np.zeros((0, config.embedding_dim), np.float32),
              np.zeros(0, np.int32), np.zeros(0, prototype_set.SEGMENT))
    regions = None
    if config.regions_dir:
      regions = input_pipeline.read_regions_of(example, image)
    clusters, features, labels = _describe(
        embedder, image, classes, regions, config)
    return path, features.numpy(), labels.numpy(), (
        annotated_segments.segments_of(
            clusters.numpy(), classes, labels.numpy()))
  return extract


def _describe(embedder, image, classes, regions, config):
  """Returns clusters i32[H, W], prototypes f32[S, D] and their i32[S]."""
  annotated = classes != input_pipeline.IGNORED
  if annotated_segments.are_enough(config):
    patches = embedder.patches(image)
    clusters = annotated_segments.cluster(patches, annotated, config, image)
    return clusters, *annotated_segments.prototypes_in(
        clusters, patches, classes, config)
  embeddings = embedder.embed(image)
  if regions is None:
    clusters = cluster_annotated(embeddings, annotated, config, image)
  else:
    clusters = tf.where(annotated, regions, -1)
  return clusters, *prototypes_in(
      clusters, embeddings, classes, config.classes)


def extract_prototypes(config):
  """Extracts the prototypes of annotated images for retrieval."""
  examples = image_list.read_list(
      config.data_list, config.data_dir, ('image', 'mask'))
  if config.regions_dir:
    examples = image_list.with_regions(examples, config.regions_dir)
  share = sharding.share_of(examples, config)
  workers = sharding.make_workers(
      devices.find(config), lambda: make_extractor(config))
  whole = os.path.join(config.save_dir, 'prototypes')
  with folder_lock.alone(
      whole, folder_lock.shard_part(config),
      'give each its own --shard_index of --num_shards'):
    _extract(examples, share, whole, workers, config)


def _extract(examples, share, whole, workers, config):
  """Extracts a share of the examples, and merges the shards after the last.

  Args:
    examples: of the whole list.
    share: those of this shard.
    whole: folder of the set.
    workers: of `make_extractor`.
    config: a `inference_settings.ExtractConfig`.
  """
  run = run_record.describe_run(
      config, restore_from=checkpoint.digest(config.restore_from),
      data_list=run_record.digest(config.data_list))
  folder, inputs = sharding.shard_folder(whole, config), _inputs(
      examples, config)
  if (prototype_set.is_finished(whole) and not config.overwrite
      and not input_records.changed(whole, inputs)):
    folder = whole  # shards may be gone once they are merged
  if folder != whole:  # hours before they would be merged
    prototype_merge.refuse_others(whole, config.num_shards)

  def outputs(unused_all):
    # A merged set of other settings must not pass for what the shards will be;
    # one of other pictures stays until they are merged.
    merged = resumption.read_run(whole)
    places = {folder, whole} if config.overwrite or merged and (
        resumption.differing(merged, run)) else {folder}
    return [path for place in places
            for path in (*input_records.record_paths(place),
                         *prototype_set.paths(place))]

  resumption.begin(folder, run, config.overwrite, outputs)
  _remove_outdated(folder, _inputs(share, config))
  if prototype_set.is_finished(folder):
    print(f'all prototypes are there: {folder}')
  else:
    _extract_share(share, folder, workers, config)
  if folder != whole:
    prototype_merge.merge_if_finished(whole, inputs)


def _inputs(examples, config):
  """Images, masks and regions by the images' paths in a set."""
  return {
      os.path.relpath(example.image, config.data_dir): (
          example.image, example.mask,
          *([example.oversegmentation] if config.regions_dir else []))
      for example in examples}


def _remove_outdated(folder, inputs):
  """Removes a set of images or masks that changed since, with a warning.

  Sets of other shards are left to the processes that make them.

  Args:
    folder: of the set.
    inputs: of `_inputs`.
  """
  images = input_records.changed(folder, inputs)
  paths = prototype_set.paths(folder)
  if images and any(map(os.path.exists, paths)):
    warn(f'{len(images)} images or masks changed since the prototypes in '
         f'{folder} were extracted, as {min(images)}: starting anew')
  if images:
    resumption.remove(paths + input_records.record_paths(folder))


def _extract_share(examples, folder, workers, config):
  """Extracts what a folder's set lacks, and finishes it."""
  class_shares.tell([example.mask for example in examples], config)
  inputs = _inputs(examples, config)
  stamps = {path: input_records.stamp(*own) for path, own in inputs.items()}
  record = input_records.record_path(folder, config)
  with prototype_writer.PrototypeWriter(folder, config.embedding_dim) as writer:
    done = len(writer.images)
    for prototypes in progress.track(
        sharding.map_in_threads(workers, examples[done:]),
        total=len(examples), initial=done, desc='prototypes'):
      path = prototypes[0]
      input_records.append(record, path, inputs[path], stamps[path])
      writer.append(*prototypes)
    if config.num_shards == 1:
      prototype_set.check_any(writer.images, config.data_list)
    writer.finish()
    print(prototype_set.summary(writer.images, folder))
