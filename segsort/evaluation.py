"""Folders of predicted masks against true ones: the report and its files."""

import concurrent.futures
import os
import pathlib

import numpy as np
import tqdm

from segsort import dataset_info
from segsort import files
from segsort import image_list
from segsort import run_origin
from segsort import tf1_compat
from segsort.confusion_matrix import ConfusionMatrix
from segsort.errors import InputError, warn


def evaluate_folders(config):
  """Scores a folder of predicted masks against a folder of true ones.

  Args:
    config: an EvaluateConfig.

  Returns:
    The ConfusionMatrix; under --tf1_compat the one of `tf1_compat`.

  Raises:
    InputError: no predictions; a true mask or a listed image's prediction is
      missing; a mask is unreadable, of another size, or holds a label that is
      neither a class nor the ignore label; everything is ignored.
  """
  pairs = find_pairs(config.pred_dir, config.gt_dir, config.string_replace)
  if config.data_list:
    pairs = pairs_of_list(config.data_list, pairs)
  matrix = count_pairs(pairs, config)
  if not matrix.true_pixels.any():
    raise InputError(
        f'nothing to score: the {len(pairs)} true masks in {config.gt_dir} '
        'hold no pixel of a class; check --gt_dir and --ignore_label')
  names = class_names(config.dataset, config.classes)
  if config.tf1_compat:
    lines = tf1_compat.evaluation_lines(matrix)
    scores = tf1_compat.evaluation_figures(matrix)
  else:
    lines, scores = score_lines(matrix, names), score_table(matrix, names)
  origin = run_origin.of_predictions(config.pred_dir)
  lines += [f'initialisation: {origin}'] if origin else []
  print('\n'.join(lines))
  if config.save_json:
    files.write_json(config.save_json, {
        'num_predictions': len(pairs), **scores, 'initialisation': origin})
  return matrix


def find_pairs(pred_dir, gt_dir, string_replace=''):
  """Finds the true mask of every predicted one.

  Args:
    pred_dir: folder of predicted PNGs, subfolders included.
    gt_dir: folder that holds the true masks under the same relative paths.
    string_replace: 'A,B': B stands for A in the true mask's relative path.

  Returns:
    Sorted list of (path of the prediction, path of the truth).

  Raises:
    InputError: no predictions, or true masks that do not exist.
  """
  old, comma, new = string_replace.partition(',')
  if string_replace and not (comma and old):
    raise InputError(
        f'--string_replace is {string_replace!r}; give A,B to look for the '
        'true mask under the name of the prediction with B for A')
  names = sorted(
      path.relative_to(pred_dir).as_posix()
      for path in pathlib.Path(pred_dir).rglob('*')
      if path.suffix.lower() == '.png' and not path.name.startswith('.'))
  if not names:
    raise InputError(
        f'no predicted PNG in {pred_dir}; run pyscripts/inference.py first, or '
        'name another --pred_dir')
  pairs = [(os.path.join(pred_dir, name),
            os.path.join(gt_dir, name.replace(old, new) if old else name))
           for name in names]
  missing = [truth for _, truth in pairs if not os.path.isfile(truth)]
  if missing:
    raise InputError(
        f'{len(missing)} of {len(pairs)} predictions in {pred_dir} have no '
        f'true mask, the first {missing[0]}; check --pred_dir, --gt_dir and '
        '--string_replace')
  return pairs


def pairs_of_list(data_list, pairs):
  """Picks the predictions of a list's images.

  Args:
    data_list: list file; a prediction, or the truth that it is mapped to, has
      the file name of its image, whatever the folder and extension.
    pairs: what `find_pairs` returned.

  Returns:
    The pairs of listed images; a warning says how many others there were.

  Raises:
    InputError: an image of the list has no prediction.
  """
  predicted = {pathlib.Path(path).stem for pair in pairs for path in pair}
  examples = image_list.read_list(data_list, '', needs=())
  missing = [example for example in examples if example.name not in predicted]
  if missing:
    raise InputError(
        f'{len(missing)} of {len(examples)} images of {data_list} have no '
        f'prediction, the first {missing[0].name} ({missing[0].where}); run '
        'pyscripts/inference.py on this list, or check --pred_dir')
  names = {example.name for example in examples}
  listed = [pair for pair in pairs
            if names & {pathlib.Path(path).stem for path in pair}]
  if len(listed) < len(pairs):
    warn(f'{len(pairs) - len(listed)} of {len(pairs)} predictions are not of '
         f'images in {data_list}: they are left out')
  return listed


def count_pairs(pairs, config):
  """Reads pairs of masks in threads and sums their confusion matrices.

  Args:
    pairs: what `find_pairs` returned.
    config: an EvaluateConfig.

  Returns:
    ConfusionMatrix.
  """
  total = _empty_matrix(config)
  with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
    matrices = pool.map(lambda pair: _count_pair(*pair, config), pairs)
    for matrix in tqdm.tqdm(
        matrices, total=len(pairs), desc='scoring', unit='image'):
      total.add(matrix)
  return total


def _empty_matrix(config):
  if config.tf1_compat:
    return ConfusionMatrix(
        config.classes + 1, tf1_compat.EVALUATION_IGNORE_LABEL)
  return ConfusionMatrix(config.classes, config.ignore_label)


def _count_pair(prediction_path, truth_path, config):
  """The ConfusionMatrix of one pair of files."""
  predictions = files.read_labels(prediction_path)
  truth = files.read_labels(truth_path)
  if predictions.shape != truth.shape:
    raise InputError(
        f'{prediction_path} is {predictions.shape} pixels (height, width) but '
        f'its truth {truth_path} is {truth.shape}; predict at full size')
  if config.tf1_compat:
    truth = tf1_compat.evaluation_truth(
        truth.astype(np.int32), config.classes)
  matrix = _empty_matrix(config)
  matrix.update(truth, predictions, truth_path)
  return matrix


def class_names(dataset, num_classes):
  """A name for each class, made up beyond the classes of the data set."""
  known = dataset_info.get(dataset).class_names[:num_classes]
  return (*known, *(f'class{i}' for i in range(len(known), num_classes)))


def score_lines(matrix, names):
  """The printed report: a row per class, then the means.

  Args:
    matrix: ConfusionMatrix.
    names: a name per class.

  Returns:
    List of lines.
  """
  iou = matrix.iou()
  width = max(15, *map(len, names))
  lines = [
      f'class {name:{width}s}: {label:02d}, IOU: '
      + ('absent' if np.isnan(value) else f'{100 * value:.4f}%')
      for label, (name, value) in enumerate(zip(names, iou))]
  absent = _absent(iou, names)
  if absent:
    lines.append('absent, so left out of the mean: ' + ', '.join(absent))
  if matrix.other.any():
    lines.append('pixels predicted as none of the classes, which count as '
                 f'wrong: {matrix.other.sum()}')
  return lines + [
      f'mean IOU: {100 * matrix.mean_iou():.4f}%',
      f'pixel accuracy: {100 * matrix.pixel_accuracy():.4f}%',
      f'mean accuracy: {100 * matrix.mean_accuracy():.4f}%']


def score_table(matrix, names):
  """The scores for a JSON file, fractions of 1; absent classes are None."""
  iou = matrix.iou()
  return {
      'mean_iou': matrix.mean_iou(),
      'pixel_accuracy': matrix.pixel_accuracy(),
      'mean_accuracy': matrix.mean_accuracy(),
      'iou': {name: None if np.isnan(value) else float(value)
              for name, value in zip(names, iou)},
      'absent': _absent(iou, names),
      'confusion_matrix': matrix.counts.tolist(),
      'predicted_as_no_class': matrix.other.tolist()}


def _absent(iou, names):
  """The names of the classes found in neither truth nor predictions."""
  return [name for name, value in zip(names, iou) if np.isnan(value)]
