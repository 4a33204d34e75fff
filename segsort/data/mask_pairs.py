"""Which predicted mask belongs to which true one."""

import os
import pathlib

from segsort.data import image_list
from segsort.errors import InputError, warn
from segsort.runs import files


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
  names = _find_masks(pred_dir)
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


def warn_of_same(pairs, pred_dir):
  """Warns where a prediction and its truth are one file.

  Args:
    pairs: (path of the prediction, path of the truth).
    pred_dir: folder of the predictions.
  """
  same = sum(os.path.samefile(*pair) for pair in pairs)
  if same:
    warn(f'{same} of {len(pairs)} predictions in {pred_dir} are themselves '
         'their true masks, and so without a fault; check --pred_dir and '
         '--gt_dir')


def _find_masks(folder):
  """Returns the sorted relative paths of a folder's PNGs."""
  return sorted(
      os.path.relpath(os.path.join(place, name), folder)
      for place, _, names in files.walk(folder) for name in names
      if name.lower().endswith('.png') and not name.startswith('.'))


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
  predicted = {name for pair in pairs for path in pair
               for name in _names_of(path)}
  examples = image_list.read_list(data_list, '', needs=())
  missing = [example for example in examples if example.name not in predicted]
  if missing:
    raise InputError(
        f'{len(missing)} of {len(examples)} images of {data_list} have no '
        f'prediction, the first {missing[0].name} ({missing[0].where}); run '
        'pyscripts/inference.py on this list, or check --pred_dir')
  names = {example.name for example in examples}
  listed = [pair for pair in pairs
            if any(names & _names_of(path) for path in pair)]
  if len(listed) < len(pairs):
    warn(f'{len(pairs) - len(listed)} of {len(pairs)} predictions are not of '
         f'images in {data_list}: they are left out')
  return listed


def _names_of(path):
  """What a list may call the image of a mask: `c`, `b/c`, ... for `a/b/c.png`.
  """
  parts = pathlib.Path(path).with_suffix('').parts
  return {'/'.join(parts[start:]) for start in range(len(parts))}


def pairs_of_others(compare_dir, pairs, pred_dir):
  """Finds another folder's predictions of the same images.

  Args:
    compare_dir: holds them under the same relative paths.
    pairs: what `find_pairs` returned for `pred_dir`, or some of it.
    pred_dir: folder of the predictions in `pairs`.

  Returns:
    List of (path of the other prediction, path of the truth), in order; a
    warning says how many more there were.

  Raises:
    InputError: an image has no other prediction.
  """
  others = [(os.path.join(compare_dir, os.path.relpath(path, pred_dir)), truth)
            for path, truth in pairs]
  missing = [path for path, _ in others if not os.path.isfile(path)]
  if missing:
    raise InputError(
        f'{len(missing)} of {len(pairs)} predictions in {pred_dir} have no '
        f'counterpart in --compare_dir, the first {missing[0]}; both folders '
        'must hold the same images')
  more = len(_find_masks(compare_dir)) - len(others)
  if more:
    warn(f'{more} predictions in {compare_dir} are of other images than those '
         f'scored in {pred_dir}: they are left out')
  return others
