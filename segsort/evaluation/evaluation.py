"""Folders of predicted masks against true ones: the report and its files."""

import concurrent.futures
import csv
import io
import os

import numpy as np

from segsort.data import class_masks
from segsort.data import dataset_info
from segsort.data import mask_pairs
from segsort.errors import InputError, warn
from segsort.evaluation import comparison
from segsort.evaluation import confusion_picture
from segsort.evaluation import evaluation_compat
from segsort.evaluation import image_scores
from segsort.evaluation import run_origin
from segsort.evaluation import score_report
from segsort.evaluation.confusion_matrix import ConfusionMatrix
from segsort.evaluation.image_scores import FolderScores, ImageScores
from segsort.runs import files
from segsort.runs import progress


def evaluate_folders(config):
  """Scores a folder of predicted masks against a folder of true ones.

  Args:
    config: an EvaluateConfig.

  Returns:
    The ConfusionMatrix; under --tf1_compat that of `evaluation_compat`.

  Raises:
    InputError: no predictions; a true mask or a listed image's prediction is
      missing; a mask is unreadable, of another size, or holds a label that is
      neither a class nor the ignore label; everything is ignored.
  """
  pairs = mask_pairs.find_pairs(
      config.pred_dir, config.gt_dir, config.string_replace)
  if config.data_list:
    pairs = mask_pairs.pairs_of_list(config.data_list, pairs)
  mask_pairs.warn_of_same(pairs, config.pred_dir)
  run_origin.warn_of_other_classes(
      os.path.dirname(os.path.abspath(config.pred_dir)), config)
  others = config.compare_dir and mask_pairs.pairs_of_others(
      config.compare_dir, pairs, config.pred_dir)
  scores = score_pairs(pairs, config)
  if not scores.matrix.true_pixels.any():
    raise InputError(
        f'nothing to score: the {len(pairs)} true masks in {config.gt_dir} '
        'hold no pixel of a class; check --gt_dir and --ignore_label')
  names = dataset_info.class_names(config.dataset, config.classes)
  if not config.tf1_compat and np.count_nonzero(
      scores.matrix.true_pixels) < 2:
    warn(f'the masks in {config.gt_dir} hold no more than one class beside the '
         f'ignore label {config.ignore_label}: any score of them says little; '
         'check the ids in them, --dataset and --ignore_label')
  lines, table = report(scores, names, config)
  if others:
    _compare(scores, score_pairs(others, config), config, lines, table)
  run_origin.warn_of_older(config.pred_dir)
  origin = run_origin.of_predictions(config.pred_dir)
  lines += [f'initialisation: {origin}'] if origin else []
  _write(scores, names, [path for path, _ in pairs], config)
  if config.save_json:
    files.write_json(config.save_json, {
        'num_predictions': len(pairs), **table, 'initialisation': origin})
  print('\n'.join(lines))  # at last: `| head` may break off here
  return scores.matrix


def score_pairs(pairs, config):
  """Scores pairs of masks, read in threads.

  Args:
    pairs: what `mask_pairs.find_pairs` returned.
    config: an EvaluateConfig.

  Returns:
    FolderScores of the pairs in order.
  """
  with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
    images = pool.map(lambda pair: _score_pair(*pair, config), pairs)
    return FolderScores(progress.track(
        images, total=len(pairs), desc='scoring', unit='image'))


def _score_pair(prediction_path, truth_path, config):
  """The ImageScores of one pair of files."""
  predictions, truth = (
      class_masks.read(path, config.dataset, config.classes,
                       config.ignore_label)
      for path in (prediction_path, truth_path))
  if predictions.shape != truth.shape:
    raise InputError(
        f'{prediction_path} is {predictions.shape} pixels (height, width) but '
        f'its truth {truth_path} is {truth.shape}; predict at full size')
  if config.tf1_compat:
    truth = evaluation_compat.evaluation_truth(
        truth.astype(np.int32), config.classes)
    matrix = ConfusionMatrix(
        config.classes + 1, evaluation_compat.EVALUATION_IGNORE_LABEL)
  else:
    matrix = ConfusionMatrix(config.classes, config.ignore_label)
  matrix.update(truth, predictions, truth_path)
  if not config.boundary:
    return ImageScores(matrix)
  return ImageScores(
      matrix, image_scores.score_boundaries(truth, predictions, config))


def report(scores, names, config):
  """What is printed and what is saved of a folder's scores.

  Args:
    scores: FolderScores.
    names: a name per class.
    config: an EvaluateConfig.

  Returns:
    List of lines, and a table for JSON.
  """
  if config.tf1_compat:
    return (evaluation_compat.evaluation_lines(scores.matrix),
            evaluation_compat.evaluation_figures(scores.matrix))
  lines = score_report.score_lines(scores.matrix, names)
  table = score_report.score_table(scores.matrix, names)
  if scores.boundaries:
    lines += score_report.boundary_lines(scores.boundaries, names)
    table |= {'boundary_tolerance': config.tolerance,
              'boundary_width': config.boundary_width,
              'void_trimaps': config.void_trimaps,
              **score_report.boundary_table(scores.boundaries, names)}
  return lines, table


def _compare(scores, others, config, lines, table):
  """Adds the comparison with other predictions to the report."""
  found = comparison.compare(
      scores, others, resamples=config.bootstrap, seed=config.random_seed)
  lines += comparison.comparison_lines(
      found, config.compare_dir, len(scores.counts), config.bootstrap)
  table['comparison'] = comparison.comparison_table(
      found, config.compare_dir, config.bootstrap)


def _write(scores, names, paths, config):
  """Writes the files that the config names, beside that of the scores.

  Args:
    scores: FolderScores.
    names: a name per class.
    paths: of the predictions.
    config: an EvaluateConfig.
  """
  if config.save_confusion:
    files.write_png(config.save_confusion,
                    confusion_picture.draw(scores.matrix, names))
    files.write_json(os.path.splitext(config.save_confusion)[0] + '.json',
                     confusion_picture.table(scores.matrix, names))
  if config.save_csv:
    text = io.StringIO()
    csv.writer(text, lineterminator='\n').writerows(scores.rows(
        [os.path.relpath(path, config.pred_dir) for path in paths]))
    files.write_text(config.save_csv, text.getvalue())
