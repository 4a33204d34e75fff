"""Labels by retrieval, of a list or of a folder of pictures."""

import os
import sys

import network
from segsort.data import dataset_info
from segsort.data import image_list
from segsort.data import input_pipeline
from segsort.data import panoptic
from segsort.data import pictures
from segsort.data import reading
from segsort.errors import InputError, warn
from segsort.evaluation import run_origin
from segsort.inference import embedding
from segsort.inference import joint_labeller
from segsort.inference import prototype_checks
from segsort.inference import prototype_set
from segsort.inference import region_labeller
from segsort.inference import results
from segsort.inference import softmax_labeller
from segsort.runs import background
from segsort.runs import devices
from segsort.runs import folder_lock
from segsort.runs import input_records
from segsort.runs import progress
from segsort.runs import resumption
from segsort.runs import sharding


def infer(config):
  """Labels a list or a folder of images by retrieval from a prototype set."""
  warn_of_one_cluster(config)
  examples = find_examples(config)
  if config.regions_dir:
    examples = image_list.with_regions(examples, config.regions_dir)
  share = sharding.share_of(examples, config)
  prototypes = load_prototypes(config)
  workers = sharding.make_workers(
      devices.find(config),
      lambda: make_worker(*prototypes, config))
  with folder_lock.alone(
      config.save_dir, folder_lock.shard_part(config),
      'give each its own --shard_index of --num_shards'):
    _label_share(examples, share, workers, config)


def _label_share(examples, share, workers, config):
  """Labels what of a share of the examples is not labelled yet."""
  kinds = ('gray', 'color', 'overlay') if config.image_dir else (
      'gray', 'color')
  if panoptic.is_wanted(config):
    kinds += (panoptic.FOLDER,)
  waiting = results.begin(config, examples, share, kinds)
  results.warn_of_others(
      config.save_dir, [example.name for example in examples])
  if waiting:  # a JSON of before would tell of other pictures
    resumption.remove([os.path.join(config.save_dir, panoptic.JSON)])
  if config.image_dir:
    results.write_legend(config.save_dir, config.dataset, config.classes)
  unread = label_all(workers, waiting, len(share), config)
  print(f'{len(share) - len(unread)} images labelled: '
        f'{config.save_dir}/gray and color')
  _report_unread(unread, len(share), config)
  if panoptic.is_wanted(config):
    panoptic.write_json(config, examples)


def warn_of_one_cluster(config):
  """Warns where the clusters of training would make an image one segment."""
  if config.num_clusters == 1 and config.method == 'segsort' and (
      not config.regions_dir):
    warn('--num_clusters is 1, maybe that of training: every image, or window '
         'with --scale_aug or --flip_aug, gets a single label; give more')


def find_examples(config):
  """Lists what is to be labelled, of --image_dir or else --data_list."""
  if config.image_dir:
    return pictures.find_pictures(config.image_dir, [config.save_dir])
  examples = image_list.read_list(config.data_list, config.data_dir)
  image_list.check_names(examples)
  return examples


def load_prototypes(config):
  """Returns features f32[M, D] and labels i32[M]; None, None for softmax.

  Raises:
    InputError: damaged files, or those of another network.
  """
  if config.method == 'softmax':
    return None, None
  prototype_checks.check_prototypes(config)
  prototype_checks.warn_of_other_segments(config)
  run_origin.warn_of_other_classes(
      prototype_set.find(config.prototype_dir), config)
  return prototype_set.load(
      config.prototype_dir, config.embedding_dim, config.classes)


def make_worker(features, labels, config):
  """Makes what labels images on one device.

  Args:
    features: f32[M, D] and
    labels: i32[M], of the prototypes; None for --method softmax.
    config: a `inference_settings.InferenceConfig`.

  Returns:
    A function of an example and of a function that gives its pixels; it returns
    the example, the pixels and their labels. A picture of --image_dir that
    cannot be read has None and a message instead.
  """
  model = embedding.restore_model(config)
  if config.fold_batch_norm:
    model = network.fold_batch_norm(model)
  embedder = embedding.Embedder(
      model, config.input_size, config.window_strides)
  if config.method == 'softmax':
    labeller = softmax_labeller.SoftmaxLabeller(embedder, config)
  else:
    kind = (joint_labeller.JointLabeller if config.classifier_weight else
            region_labeller.RegionLabeller)
    labeller = kind(embedder, features, labels, config)

  def label(item):
    example, image = item
    try:
      pixels = image()
    except InputError as error:
      if not config.image_dir:
        raise
      return example, None, str(error)
    if config.regions_dir:
      return example, pixels, labeller.predict_in_regions(
          pixels, input_pipeline.read_regions_of(example, pixels))
    return example, pixels, labeller.predict(pixels)
  return label


def label_all(workers, waiting, total, config):
  """Labels images: reads the next and writes the last one meanwhile.

  Args:
    workers: of `make_worker`.
    waiting: a list of `image_list.Example`.
    total: how many there are with those that are labelled already.
    config: a `inference_settings.InferenceConfig`.

  Returns:
    One message for each picture of --image_dir that cannot be read.

  Raises:
    InputError: an image of a list cannot be read, or results not be written.
  """
  read = pictures.read_picture if config.image_dir else reading.read_image
  record = input_records.record_path(config.save_dir, config)
  inputs = {example.name: results.inputs_of(example, config)
            for example in waiting}
  stamps = {name: input_records.stamp(*own) for name, own in inputs.items()}
  palette = dataset_info.get(config.dataset).palette
  unread = []
  labelled = sharding.map_in_threads(workers, background.read_ahead(
      lambda example: read(example.image), waiting))

  def write(example, labels, pixels):
    input_records.append(
        record, example.name, inputs[example.name], stamps[example.name])
    if panoptic.is_wanted(config):
      panoptic.write_picture(config, example.name, labels)
    results.write_labels(
        config.save_dir, example.name, labels, palette, pixels)

  with background.Writer() as writer:
    for example, pixels, labels in progress.track(
        labelled, total=total, initial=total - len(waiting), desc='inference'):
      if pixels is None:
        unread.append(labels)
        continue
      writer.submit(write, example, labels,
                    pixels if config.image_dir else None)
  return unread


def _report_unread(unread, num_pictures, config):
  """Names the pictures that were not read, then raises if there are any."""
  for message in unread:
    print(f'not labelled: {message}', file=sys.stderr)
  if unread:
    others = (f'the others are in {config.save_dir}'
              if len(unread) < num_pictures else 'nothing was labelled')
    raise InputError(
        f'{len(unread)} of {num_pictures} pictures in {config.image_dir} '
        f'cannot be read, named above; {others}')
