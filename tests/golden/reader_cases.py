"""c10: scale, mirror, crop and the whole reader from its files."""

import re
from unittest import mock

import numpy as np
import tensorflow as tf

from network import layers
from segsort.data import dataset_info
from segsort.data import image_list
from segsort.data import input_pipeline
from segsort.data import preprocessing
from segsort.data import reading
from segsort.inference import tf1_compat
from segsort.runs import settings as settings_lib
from segsort.training import training_settings

from golden.report import EXACT

PADDING = preprocessing.LABEL_PADDING


def check_c10(report):
  """Compares the augmentations one by one, then the readers."""
  fields = report.fields('c10_reader.npz')
  with report.guard('c10', 'img'):
    _check_input(report, fields)
  for key in fields.groups(suffix='.img'):
    with report.guard('c10', key):
      _check_view(report, fields, key)
  for key in fields.groups('reader_train_', '_unsup.image'):
    with report.guard('c10', f'reader_train_{key}'):
      _check_training_reader(report, fields, f'reader_train_{key}')
  for key in fields.groups('reader_infer_', '.image'):
    with report.guard('c10', f'reader_infer_{key}'):
      _check_inference_reader(report, fields, f'reader_infer_{key}', key)
  for kind, resize in (('shrink.out_', layers.resize_nearest),
                       ('bilinear.legacy_', layers.resize_bilinear)):
    for size in fields.groups(kind):
      with report.guard('c10', f'{kind}{size}'):
        report.compare(
            'c10', f'{kind}{size}',
            resize(fields[f'{kind.split(".")[0]}.in'],
                   [int(number) for number in size.split('x')]),
            fields[f'{kind}{size}'],
            EXACT if kind.startswith('shrink') else 1e-5)
  report.unread('c10', fields.unread())


def _picture(fields):
  """The u8 picture that the stored, mean-subtracted one was made from."""
  return np.rint(fields['img'] + dataset_info.PIXEL_MEAN).astype(np.uint8)


def _check_input(report, fields):
  report.compare('c10', 'img', preprocessing.subtract_mean(_picture(fields)),
                 fields['img'])
  height, width = fields['img'].shape[:2]
  rows, columns = np.indices([height, width])
  report.compare('c10', 'label4 rows and columns',
                 np.stack([rows, columns], -1), fields['label4'][..., 2:],
                 EXACT)
  config = training_settings.TrainConfig
  report.compare(
      'c10', 'label4 grid',
      input_pipeline.clustering.grid_labels(
          height, width, config.num_clusters, config.num_clusters),
      fields['label4'][..., 1], EXACT)


def _view_of(key, size):
  """Crop size and view (scale, mirror, offset) that a key's name stands for."""
  numbers = [float(number) for number in re.findall(r'\d+\.?\d*', key)]
  still = tf.constant(1.), tf.constant(False), tf.constant([0, 0])
  if key.startswith('scale_'):
    scale = tf.constant(numbers[0])
    return preprocessing.scaled_size(size, scale).numpy(), (scale, *still[1:])
  if key.startswith('mirror_'):
    return size, (still[0], tf.constant(numbers[0] < .5), still[2])
  crop = [int(number) for number in numbers[:2]]
  if key.startswith('center_'):
    return crop, preprocessing.draw_view(
        tf.constant(size), crop, [0, 0], random_scale=False,
        random_mirror=False, random_crop=False)
  if key.startswith('offset_'):
    return crop, (*still[:2], tf.constant([int(n) for n in numbers[2:]]))
  raise ValueError('no such augmentation')


def _check_view(report, fields, key):
  picture, labels = _picture(fields), fields['label4']
  size = picture.shape[:2]
  crop, view = _view_of(key, size)
  image, channels, locations = preprocessing.view_example(
      picture, tuple(tf.constant(labels[..., i]) for i in range(4)),
      tuple(int(length) for length in crop), view)
  golden = fields[f'{key}.label4']
  report.compare('c10', f'{key}.img', image, fields[f'{key}.img'])
  report.compare('c10', f'{key}.label4', np.stack(channels, -1), golden, EXACT)
  report.compare('c10', f'{key}.label4 rows and columns as locations',
                 np.rint(locations * np.array(size)), golden[..., 2:], EXACT)


def _example(report):
  """The golden picture, its labels and its oversegmentation, as a list line."""
  return image_list.Example(
      report.path('c10/x.jpg'), report.path('c10/x.png'),
      report.path('c10/x_seg.png'), 'x', 'c10')


def _check_training_reader(report, fields, key):
  scale, draw, top, left, height, width = (
      float(number)
      for number in fields[f'{key}.params_scale_mirror_offy_offx_h_w'])
  view = (tf.constant(scale, tf.float32), tf.constant(draw < .5),
          tf.constant([int(top), int(left)]))
  config = training_settings.TrainConfig(
      data_list='', data_dir='', snapshot_dir='', batch_size=1, num_steps=1,
      input_size=settings_lib.Size((int(height), int(width))), num_classes=255)
  with mock.patch.object(preprocessing, 'draw_view', lambda *_, **__: view):
    supervised, unsupervised = (
        {name: value[0] for name, value in next(iter(
            make([_example(report)], config))).items()}
        for make in (input_pipeline.supervised_batches,
                     input_pipeline.unsupervised_batches))
  _compare_supervised(report, fields, key, supervised)
  picture = reading.read_image(report.path('c10/x.jpg'))
  _compare_size(report, fields, key, picture)
  report.compare('c10', f'{key}_unsup.image', unsupervised['image'],
                 fields[f'{key}_unsup.image'])
  report.compare('c10', f'{key}_unsup.label', supervised['labels'][..., None],
                 fields[f'{key}_unsup.label'], EXACT)
  # The release takes padding for a region, 255; ours leaves it out, -1.
  regions = unsupervised['oversegmentation'][..., None]
  report.compare('c10', f'{key}_unsup.cluster_label',
                 tf.where(regions < 0, PADDING, regions),
                 fields[f'{key}_unsup.cluster_label'], EXACT)


def _compare_supervised(report, fields, key, example):
  for name, ours, tolerance in (
      ('image', example['image'], 1e-5),
      ('semantic_label', example['labels'][..., None], EXACT),
      ('cluster_label', example['grid_labels'][..., None], EXACT),
      ('loc_feature', example['locations'], 1e-5)):
    report.compare('c10', f'{key}.{name}', ours, fields[f'{key}.{name}'],
                   tolerance)


def _compare_size(report, fields, key, picture):
  for name, ours in zip(('height', 'width'), picture.shape):
    report.compare('c10', f'{key}.{name}', ours, fields[f'{key}.{name}'],
                   EXACT)


def _check_inference_reader(report, fields, key, size):
  example = _example(report)
  picture, labels = input_pipeline.read_example(example, 255, PADDING, 'voc12')
  window = picture.shape[:2] if size == 'none' else (int(size),) * 2
  grid = input_pipeline.clustering.grid_labels(*picture.shape[:2], 5, 5)
  image, locations, (labels, grid) = tf1_compat.inference_view(
      picture, window, (tf.constant(labels), grid))
  _compare_supervised(report, fields, key, {
      'image': image, 'labels': labels, 'grid_labels': grid,
      'locations': locations})
  _compare_size(report, fields, key, picture)
