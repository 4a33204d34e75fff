"""Folders of regions or contour maps against people's: the report."""

import concurrent.futures
import dataclasses
import functools
import multiprocessing
import os
import pathlib
import zipfile
import zlib

import numpy as np
import scipy.io
import tqdm

from segsort import boundary_metrics
from segsort import config as config_lib
from segsort import files
from segsort import image_list
from segsort import region_metrics
from segsort.errors import InputError, warn


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvalRegionsConfig(config_lib.Settings):
  """Scores of oversegmentations."""

  POSITIVE = 'threshold_step', 'threshold_max', 'num_workers'

  pred_dir: str = config_lib.setting(
      text='folder of ID.npz (contour maps `ucm2`), else of ID.png (masks)')
  gt_dir: str = config_lib.setting(
      text='folder of ID.mat as in BSDS500, several people each, or of ID.png')
  data_list: str = config_lib.setting(
      '', 'list of the images to score; by default all of --pred_dir')
  threshold_step: float = config_lib.setting(
      0.02, 'contour maps are cut at multiples of this')
  threshold_max: float = config_lib.setting(0.6, 'the last of them')
  boundaries: bool = config_lib.setting(
      False, 'also boundary precision and recall, some 3 s an image')
  num_workers: int = config_lib.setting(os.cpu_count() or 1, 'processes')
  save_json: str = config_lib.setting('', 'file for the scores')

  def check(self):
    """Raises InputError for a number out of range."""
    super().check()
    if not self.threshold_step <= self.threshold_max <= 1:
      raise InputError(
          f'--threshold_max is {self.threshold_max:g}; it must be from '
          f'--threshold_step, {self.threshold_step:g}, to 1')

def evaluate_regions(config):
  """Scores regions by covering, Rand index and variation of information.

  Args:
    config: an EvalRegionsConfig.

  Returns:
    A dict of scores, see `region_metrics.summarize`.

  Raises:
    InputError: nothing to score, or a truth is missing; a file is damaged or
      of another size.
  """
  thresholds = np.arange(
      1, round(config.threshold_max / config.threshold_step) + 1
  ) * config.threshold_step
  if config.save_json:
    files.check_place(config.save_json)
  paths, are_maps = find_regions(config.pred_dir, config.data_list)
  if not are_maps:
    thresholds = np.zeros(1)
  truths = [find_truth(config.gt_dir, path) for path in paths]
  score = functools.partial(
      score_files, thresholds=thresholds, boundaries=config.boundaries)
  results = list(tqdm.tqdm(
      in_processes(score, list(zip(paths, truths)), config.num_workers),
      total=len(paths), desc='scoring', unit='image'))
  scores = region_metrics.summarize(
      [regions for regions, _ in results], thresholds)
  if config.boundaries:
    scores['boundary'] = boundary_metrics.summarize(
        [counts for _, counts in results], thresholds)
  print('\n'.join(score_lines(scores, len(paths), are_maps)))
  if are_maps:
    warn_of_last_threshold(scores, thresholds)
  if config.save_json:
    files.write_json(config.save_json, {'num_images': len(paths), **scores})
  return scores


def in_processes(function, items, num_workers):
  """Yields function(item) in order, computed in processes of their own.

  Args:
    function: of a module, or a partial of one.
    items: list.
    num_workers: 1 works in this process.

  Raises:
    InputError: a process was ended, as for lack of memory.
  """
  if num_workers == 1 or len(items) < 2:
    yield from map(function, items)
    return
  # Spawned, for TensorFlow's threads do not survive a fork.
  with concurrent.futures.ProcessPoolExecutor(
      min(num_workers, len(items)),
      mp_context=multiprocessing.get_context('spawn')) as pool:
    try:
      yield from pool.map(function, items)
    except concurrent.futures.process.BrokenProcessPool as error:
      raise InputError(
          'a process was ended from outside, perhaps for lack of memory; take '
          'a smaller --num_workers; what is done will not be done again'
      ) from error


def find_regions(folder, data_list=''):
  """Returns the sorted ID.npz of a folder, else its ID.png; and which.

  Args:
    folder: of predictions.
    data_list: list of the images that count; '' for all that are there.

  Raises:
    InputError: neither is there, or one of the list is missing.
  """
  for ending in ('.npz', '.png'):
    paths = sorted(str(path) for path in pathlib.Path(folder).glob(
        f'*{ending}') if not path.name.startswith('.'))
    if paths:
      break
  else:
    raise InputError(
        f'no contour map ID.npz and no mask ID.png in {folder}; make them with '
        'pyscripts/make_oversegmentation.py, or mend --pred_dir')
  if data_list:
    examples = image_list.read_list(data_list, '', ())
    image_list.check_names(examples)
    there = set(paths)
    paths = [os.path.join(folder, f'{example.name}{ending}')
             for example in examples]
    for path, example in zip(paths, examples):
      if path not in there:
        raise InputError(
            f'{example.where}: there is no {path}; make it with '
            'pyscripts/make_oversegmentation.py, or mend --pred_dir')
  return paths, ending == '.npz'


def find_truth(folder, path):
  """Returns the path of the truth of a prediction.

  Raises:
    InputError: it is missing.
  """
  name = os.path.join(folder, pathlib.Path(path).stem)
  for ending in ('.mat', '.png'):
    if os.path.isfile(name + ending):
      return name + ending
  raise InputError(
      f'{path} has no truth {name}.mat or .png; mend --gt_dir, or leave out '
      'of --pred_dir what nobody has segmented')


def score_files(paths, thresholds, boundaries):
  """Scores one image.

  Args:
    paths: of the prediction, and of the truth.
    thresholds: f64[T], for contour maps.
    boundaries: whether boundaries are matched, too.

  Returns:
    A region_metrics.ImageScores, and i64[T, 4] counts of boundaries or None.
  """
  truths, lines = read_truth(paths[1])
  segmentations = read_segmentations(paths[0], thresholds)
  for truth in truths:
    if truth.shape != segmentations[0].shape:
      raise InputError(
          f'{paths[0]} is of an image of {segmentations[0].shape} (height, '
          f'width), its truth {paths[1]} of {truth.shape}; make it again from '
          'the image of that truth, or mend --gt_dir')
  counts = None
  if boundaries:
    counts = boundary_metrics.count_boundaries(segmentations, lines)
  return region_metrics.score_image(segmentations, truths), counts


def read_segmentations(path, thresholds):
  """Reads a mask, or cuts a contour map: a list of i32[H, W]."""
  if path.endswith('.png'):
    return [region_metrics.number_regions(files.read_mask(path))]
  try:
    with np.load(path, allow_pickle=False) as file:
      ucm = file['ucm2']
  except (*files.UNREADABLE, TypeError, zipfile.BadZipFile,
          zlib.error) as error:
    raise InputError(
        f'cannot read the contour map {path}: {error}; it must hold `ucm2`'
    ) from error
  if ucm.ndim != 2 or not all(side % 2 for side in ucm.shape):
    raise InputError(
        f'{path} holds an array of {ucm.shape}; a contour map is on the '
        'doubled grid, (2 * height + 1, 2 * width + 1)')
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
    regions = [region_metrics.number_regions(files.read_mask(path))]
    return regions, [boundary_metrics.region_boundaries(regions[0])]
  try:
    people = [cell[0, 0]
              for cell in scipy.io.loadmat(path)['groundTruth'].ravel()]
    regions = [person['Segmentation'].astype(np.int32) for person in people]
    if not regions:
      raise ValueError('nobody segmented the image')
    return regions, [person['Boundaries'] > 0 for person in people]
  except (*files.UNREADABLE, TypeError, IndexError, NotImplementedError,
          scipy.io.matlab.MatReadError) as error:
    raise InputError(
        f'cannot read the truth {path}: {error}; it must hold `groundTruth` '
        'as in BSDS500') from error


def warn_of_last_threshold(scores, thresholds):
  """Warns where scores of images might be better beyond the last threshold."""
  cut_off = [f'{score["at_last"]:.0%} ({name})'
             for name, score in scores.items() if score['at_last'] > 0]
  if cut_off and thresholds[-1] < 1 - 1e-9:
    warn(f'the best threshold of some images is the last one, '
         f'{thresholds[-1]:g}: {", ".join(cut_off)}; raise --threshold_max')


def score_lines(scores, num_images, are_maps):
  """The printed report.

  Args:
    scores: from `evaluate_regions`.
    num_images: that were scored.
    are_maps: whether thresholds mean anything.
  """
  names = {'covering': 'segmentation covering',
           'rand': 'probabilistic Rand index',
           'variation': 'variation of information (bits)',
           'boundary': 'boundary F'}
  lines = [f'{num_images} images, '
           + ('contour maps' if are_maps else 'masks')]
  for key, name in names.items():
    if key not in scores:
      continue
    score = scores[key]
    line = f'{name}: {score["ods"]:.4f}'
    if are_maps:
      more = {'best': 'best', 'ap': 'AP'}
      line = (f'{name}: ODS {score["ods"]:.4f} '
              f'(at {score["ods_threshold"]:.2f}), OIS {score["ois"]:.4f}')
      line += ''.join(f', {word} {score[part]:.4f}'
                      for part, word in more.items() if part in score)
    lines.append(line)
  return lines
