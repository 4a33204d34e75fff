"""Folders of regions or contour maps against people's: the report."""

import dataclasses
import functools
import os

import numpy as np

from segsort.data import mask_pairs
from segsort.errors import InputError, warn
from segsort.evaluation import boundary_metrics
from segsort.evaluation import region_files
from segsort.evaluation import region_metrics
from segsort.runs import files
from segsort.runs import processes
from segsort.runs import progress
from segsort.runs import settings as settings_lib


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvalRegionsConfig(settings_lib.Settings):
  """Scores of oversegmentations."""

  POSITIVE = 'threshold_step', 'threshold_max', 'num_workers'

  pred_dir: str = settings_lib.setting(
      text='folder of ID.npz (contour maps `ucm2`), else of ID.png (masks)')
  gt_dir: str = settings_lib.setting(
      text='folder of ID.mat as in BSDS500, several people each, or of ID.png')
  data_list: str = settings_lib.setting(
      '', 'list of the images to score; by default all of --pred_dir')
  threshold_step: float = settings_lib.setting(
      0.02, 'contour maps are cut at multiples of this')
  threshold_max: float = settings_lib.setting(0.6, 'the last of them')
  boundaries: bool = settings_lib.setting(
      False, 'also boundary precision and recall, some 3 s an image')
  num_workers: int = settings_lib.setting(os.cpu_count() or 1, 'processes')
  save_json: str = settings_lib.setting('', 'file for the scores')

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
  paths, are_maps = region_files.find_regions(config.pred_dir, config.data_list)
  if not are_maps:
    thresholds = np.zeros(1)
  truths = [region_files.find_truth(config.gt_dir, path, config.pred_dir)
            for path in paths]
  mask_pairs.warn_of_same(list(zip(paths, truths)), config.pred_dir)
  score = functools.partial(
      score_files, thresholds=thresholds, boundaries=config.boundaries)
  results = list(progress.track(
      processes.in_processes(
          score, list(zip(paths, truths)), config.num_workers),
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


def score_files(paths, thresholds, boundaries):
  """Scores one image.

  Args:
    paths: of the prediction, and of the truth.
    thresholds: f64[T], for contour maps.
    boundaries: whether boundaries are matched, too.

  Returns:
    A region_metrics.ImageScores, and i64[T, 4] counts of boundaries or None.
  """
  truths, lines = region_files.read_truth(paths[1])
  segmentations = region_files.read_segmentations(paths[0], thresholds)
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
