"""Files of regions: masks, contour maps and what people drew."""

import os

import numpy as np
import scipy.io

from segsort.data import image_list
from segsort.data import reading
from segsort.errors import InputError
from segsort.evaluation import boundary_metrics
from segsort.evaluation import region_metrics
from segsort.runs import files


def find_regions(folder, data_list=''):
  """Returns the sorted ID.npz of a folder, else its ID.png; and which.

  Args:
    folder: of predictions.
    data_list: list of the images that count; '' for all that are there.

  Raises:
    InputError: neither is there, or one of the list is missing.
  """
  for ending in ('.npz', '.png'):
    paths = sorted(
        os.path.join(place, name) for place, _, names in files.walk(folder)
        for name in names if name.endswith(ending) and name[0] != '.')
    if paths:
      break
  else:
    raise InputError(
        f'no contour map ID.npz and no mask ID.png in {folder}; make them with '
        'pyscripts/make_oversegmentation.py, or mend --pred_dir')
  if data_list:
    examples = image_list.read_list(data_list, '', ())
    image_list.check_names(examples)
    paths = [os.path.join(folder, f'{example.name}{ending}')
             for example in examples]
    for path, example in zip(paths, examples):
      if not os.path.isfile(path):
        raise InputError(
            f'{example.where}: there is no {path}; make it with '
            'pyscripts/make_oversegmentation.py, or mend --pred_dir')
  return paths, ending == '.npz'


def find_truth(folder, path, pred_dir):
  """Returns the path of the truth of a prediction, a path in `pred_dir`.

  Raises:
    InputError: it is missing.
  """
  name = os.path.join(
      folder, os.path.splitext(os.path.relpath(path, pred_dir))[0])
  for ending in ('.mat', '.png'):
    if os.path.isfile(name + ending):
      return name + ending
  raise InputError(
      f'{path} has no truth {name}.mat or .png; mend --gt_dir, or leave out '
      'of --pred_dir what nobody has segmented')


def read_segmentations(path, thresholds):
  """Reads a mask, or cuts a contour map: a list of i32[H, W].

  Raises:
    InputError: the file is damaged, or no contour map of 0 to 1.
  """
  if path.endswith('.png'):
    return [region_metrics.number_regions(reading.read_mask(path))]
  try:
    with np.load(path, allow_pickle=False) as file:
      ucm = file['ucm2']
  # A lone array has no `with`: TypeError, before Python 3.11 AttributeError.
  except (*reading.UNREADABLE, TypeError, AttributeError) as error:
    raise InputError(
        f'cannot read the contour map {path}: {error}; it must hold `ucm2`'
    ) from error
  if ucm.ndim != 2 or not all(side % 2 for side in ucm.shape):
    raise InputError(
        f'{path} holds an array of {ucm.shape}; a contour map is on the '
        'doubled grid, (2 * height + 1, 2 * width + 1)')
  if not (ucm.min() >= 0 and ucm.max() <= 1):
    raise InputError(
        f'{path} has strengths from {ucm.min():.3g} to {ucm.max():.3g}; they '
        'must be 0 to 1, as the thresholds: divide them by what they are of')
  return [region_metrics.regions_of_ucm(ucm, threshold)
          for threshold in thresholds]


def read_truth(path):
  """Reads what people drew.

  Args:
    path: a .mat of BSDS500, or a mask.

  Returns:
    Lists of i32[H, W] regions and bool[H, W] boundaries, an entry a person.

  Raises:
    InputError: the file is damaged or holds something else.
  """
  if path.endswith('.png'):
    regions = [region_metrics.number_regions(reading.read_mask(path))]
    return regions, [boundary_metrics.region_boundaries(regions[0])]
  try:
    people = [cell[0, 0]
              for cell in scipy.io.loadmat(path)['groundTruth'].ravel()]
    regions = [person['Segmentation'].astype(np.int32) for person in people]
    if not regions:
      raise ValueError('nobody segmented the image')
    return regions, [person['Boundaries'] > 0 for person in people]
  except (*reading.UNREADABLE, TypeError, IndexError, NotImplementedError,
          scipy.io.matlab.MatReadError) as error:
    raise InputError(
        f'cannot read the truth {path}: {error}; it must hold `groundTruth` '
        'as in BSDS500') from error
