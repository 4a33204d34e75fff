"""Panoptic results against the truth, both in folders: the report and scores.

The truth is COCO's, a JSON and PNGs; or masks of classes, whose instances are
then told apart as `panoptic` tells those of results.
"""

import dataclasses
import json
import os

import numpy as np

from segsort.data import class_masks
from segsort.data import dataset_flags
from segsort.data import dataset_info
from segsort.data import input_pipeline
from segsort.data import panoptic
from segsort.errors import InputError
from segsort.evaluation.panoptic_quality import PanopticQuality, Segments
from segsort.runs import files
from segsort.runs import progress
from segsort.runs.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvalPanopticConfig(
    panoptic.InstanceSettings, dataset_flags.ClassSettings):
  """Scores of panoptic results."""

  pred_dir: str = setting(
      text='folder written by inference.py --output panoptic')
  gt_dir: str = setting(
      text='folder of the true panoptic PNGs, or of masks of classes')
  gt_json: str = setting(
      '', 'their JSON in COCO\'s format; default: --gt_dir holds masks of '
      'classes, whose connected parts are the instances of things')
  save_json: str = setting('', 'file for the scores')


def evaluate_panoptic(config):
  """Scores panoptic results: PQ, SQ and RQ of each class."""
  predicted, things = read_annotations(
      os.path.join(config.pred_dir, panoptic.JSON), 'inference.py with '
      '--output panoptic writes it once all pictures are labelled')
  truth = None
  if config.gt_json:
    truth, things = read_annotations(config.gt_json, 'check --gt_json')
    missing = sorted(truth.keys() - predicted.keys())
    if missing:
      raise InputError(
          f'{len(missing)} of {len(truth)} pictures in {config.gt_json} have '
          f'no prediction in {config.pred_dir}, the first {missing[0]}; label '
          'all of them')
  quality = PanopticQuality(config.classes)
  for name in progress.track(sorted(truth or predicted), desc='scoring'):
    prediction, _ = read_segments(
        os.path.join(config.pred_dir, panoptic.FOLDER), predicted[name])
    if truth:
      true, crowds = read_segments(config.gt_dir, truth[name])
    else:
      true, crowds = read_mask_segments(name, config), frozenset()
    quality.update(true, prediction, crowds, name)
  names = dataset_info.class_names(config.dataset, config.classes)
  print('\n'.join(score_lines(quality, names, things)))
  if config.save_json:
    files.write_json(config.save_json, score_table(quality, names, things))
  return quality


def read_annotations(path, how_to_mend):
  """Reads a panoptic JSON.

  Args:
    path: the file.
    how_to_mend: the end of the message where it cannot be read.

  Returns:
    {name of a picture without extension: its annotation}, and the set of
    classes that are things.

  Raises:
    InputError: missing or damaged.
  """
  try:
    with open(path, encoding='utf-8-sig') as file:
      content = json.load(file)
    annotations = {os.path.splitext(annotation['file_name'])[0]: annotation
                   for annotation in content['annotations']}
    things = {category['id'] for category in content['categories']
              if category['isthing']}
  except (OSError, ValueError, KeyError, TypeError) as error:
    raise InputError(
        f'cannot read {path} as COCO\'s panoptic JSON ({error!r}); '
        f'{how_to_mend}') from error
  return annotations, things


def read_segments(folder, annotation):
  """Reads the picture of an annotation.

  Args:
    folder: of the PNG.
    annotation: its dict in the JSON.

  Returns:
    `panoptic_quality.Segments`, and the ids of crowds.

  Raises:
    InputError: the PNG is missing, or has ids that the JSON does not know.
  """
  path = os.path.join(folder, annotation['file_name'])
  ids = panoptic.read_picture(path)
  try:
    infos = {int(info['id']): info for info in annotation['segments_info']}
    classes = {number: int(infos[number]['category_id'])
               for number in np.unique(ids).tolist() if number != panoptic.VOID}
  except (KeyError, TypeError, ValueError) as error:
    raise InputError(
        f'{path} and the segments that its JSON tells of do not belong '
        f'together ({error!r}); write both again') from error
  crowds = {number for number in classes if infos[number].get('iscrowd')}
  return Segments(ids, classes), crowds


def read_mask_segments(name, config):
  """Returns the `Segments` of the mask of classes of a picture."""
  path = os.path.join(config.gt_dir, f'{name}.png')
  mask = class_masks.read(
      path, config.dataset, config.classes, config.ignore_label)
  ignored = mask == config.ignore_label
  wrong = mask[((mask < 0) | (mask >= config.classes)) & ~ignored]
  if wrong.size:
    raise InputError(
        f'{path} holds the label {wrong[0]}, but there are {config.classes} '
        'classes; check --dataset, --num_classes and --ignore_label')
  ids = panoptic.ids_of(
      np.where(ignored, input_pipeline.IGNORED, mask),
      panoptic.stuff_classes(config), config.min_instance_pixels, path)
  return Segments(ids, {number: number // panoptic.DIVISOR
                        for number in np.unique(ids).tolist()
                        if number != panoptic.VOID})


def _groups(num_classes, things):
  """The groups of classes that means are of."""
  everything = set(range(num_classes))
  return {'all': everything, 'things': everything & things,
          'stuff': everything - things}


def _means(quality, things):
  """{group: (PQ, SQ, RQ, number of classes)}; classes of neither left out."""
  scores = np.array(quality.scores())
  means = {}
  for group, members in _groups(scores.shape[1], things).items():
    known = [label for label in sorted(members)
             if not np.isnan(scores[0, label])]
    if known:
      means[group] = (*scores[:, known].mean(1).tolist(), len(known))
  return means


def score_lines(quality, names, things):
  """The printed report: a row per class, then the means.

  Args:
    quality: a PanopticQuality.
    names: a name per class.
    things: set of classes.

  Returns:
    List of lines.
  """
  width = max(15, *map(len, names))
  lines = []
  for label, (name, *scores) in enumerate(zip(names, *quality.scores())):
    text = 'absent' if np.isnan(scores[0]) else _percents(scores)
    lines.append(
        f'class {name:{width}s}: {label:02d}, {text}, matched '
        f'{quality.matched[label]}, surplus {quality.surplus[label]}, missed '
        f'{quality.missed[label]}')
  return lines + [
      f'mean of {group} ({count} classes): {_percents(scores)}'
      for group, (*scores, count) in _means(quality, things).items()]


def _percents(scores):
  """PQ, SQ and RQ as text."""
  return ', '.join(f'{name} {100 * score:.2f}%'
                   for name, score in zip(('PQ', 'SQ', 'RQ'), scores))


def score_table(quality, names, things):
  """The scores for a JSON file, fractions of 1; absent classes are None."""
  classes = {}
  for label, (name, *scores) in enumerate(zip(names, *quality.scores())):
    known = [None if np.isnan(score) else float(score) for score in scores]
    classes[name] = dict(zip(('pq', 'sq', 'rq'), known)) | {
        'matched': int(quality.matched[label]),
        'surplus': int(quality.surplus[label]),
        'missed': int(quality.missed[label])}
  return {'means': {
      group: dict(zip(('pq', 'sq', 'rq', 'num_classes'), values))
      for group, values in _means(quality, things).items()},
      'classes': classes}
