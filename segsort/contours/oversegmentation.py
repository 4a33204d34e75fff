"""Images to oversegmentation masks: contours, region tree, cut, file."""

import contextlib
import dataclasses
import os

import numpy as np

from segsort.contours import contour_detectors
from segsort.contours import oversegmentation_record
from segsort.contours import region_jobs
from segsort.data import image_list
from segsort.errors import InputError
from segsort.runs import folder_lock
from segsort.runs import input_records
from segsort.runs import progress
from segsort.runs import settings as settings_lib


MOST_SCALE = 4


@dataclasses.dataclass(frozen=True, kw_only=True)
class OversegmentationConfig(settings_lib.Settings):
  """Contours, the cut, and where masks go."""

  POSITIVE = 'max_regions', 'num_workers', 'onnx_scale', 'onnx_multiple'
  NOT_NEGATIVE = 'min_pixels',
  BELOW = {'threshold': 1}

  data_list: str = settings_lib.setting(
      text='list file: `image [mask [oversegmentation]]` a line')
  data_dir: str = settings_lib.setting(
      text='folder that the list lines are relative to')
  save_dir: str = settings_lib.setting(
      '', 'folder for the masks ID.png; by default they go where training '
      'looks: the third column, or the mask with `hed` for `segcls`')
  detector: str = settings_lib.setting(
      'gradient', 'of contours', tuple(contour_detectors.DETECTORS))
  detector_path: str = settings_lib.setting(
      '', 'its .onnx or .keras file, or folder of edge maps ID.npy or ID.png')
  threshold: float = settings_lib.setting(
      -1., 'contours above it remain; negative: the detector\'s own, '
      + ', '.join(f'{name} {detector.threshold}' for name, detector
                  in contour_detectors.DETECTORS.items()))
  min_pixels: int = settings_lib.setting(
      0, 'basins of fewer join a neighbour first, as those on the crest of a '
      'wide contour; 0: the detector\'s own, '
      f'{contour_detectors.DETECTORS["hed"].min_pixels} of hed, else 1')
  max_regions: int = settings_lib.setting(
      255, 'the threshold is raised until an image has no more')
  bit_depth: int = settings_lib.setting(8, 'of the masks', (8, 16))
  ucm: bool = settings_lib.setting(
      False, 'also write the contour map ID.npz, f32[2H+1, 2W+1] `ucm2`')
  onnx_mean: str = settings_lib.setting(
      '104.00699,116.66877,122.67891', 'subtracted from 0..255, in the order '
      'of --onnx_channels; HED\'s')
  onnx_scale: float = settings_lib.setting(1., 'then multiplied by')
  onnx_std: str = settings_lib.setting(
      '1,1,1', 'then divided by, in the order of --onnx_channels')
  onnx_channels: str = settings_lib.setting(
      'bgr', 'order of the input', ('bgr', 'rgb'))
  onnx_multiple: int = settings_lib.setting(
      16, 'of pixels to which images are extended by reflection')
  onnx_outputs: str = settings_lib.setting(
      '-1', 'numbers of the outputs that are averaged, as 0,1,2; negative: '
      'from the last')
  onnx_logits: bool = settings_lib.setting(
      False, 'outputs are logits: take their sigmoid')
  hed_scales: str = settings_lib.setting(
      '1', 'of images for HED, as 0.5,1,1.5; averaged')
  hed_mirror: bool = settings_lib.setting(
      False, 'average HED\'s contours with those of the mirrored image')
  num_workers: int = settings_lib.setting(os.cpu_count() or 1, 'processes')
  overwrite: bool = settings_lib.setting(False, 'make again what is there')

  def check(self):
    """Raises InputError for a number out of range."""
    super().check()
    if self.max_regions > 2 ** self.bit_depth - 1:
      raise InputError(
          f'--max_regions is {self.max_regions}, but masks of '
          f'{self.bit_depth} bits number no more than '
          f'{2 ** self.bit_depth - 1}; '
          + ('give --bit_depth 16' if self.bit_depth == 8 else 'lower it'))
    self._check_onnx()
    scales = _numbers(self.hed_scales)
    if not scales or not all(0 < scale <= MOST_SCALE for scale in scales):
      raise InputError(
          f'--hed_scales is {self.hed_scales!r}; give numbers above 0, up to '
          f'{MOST_SCALE}, as 0.5,1,1.5')

  def _check_onnx(self):
    if len(_numbers(self.onnx_mean)) != 3:
      raise InputError(
          f'--onnx_mean is {self.onnx_mean!r}; give three numbers, as '
          '104.0,116.7,122.7')
    deviations = _numbers(self.onnx_std)
    if len(deviations) != 3 or not min(deviations) > 0:
      raise InputError(
          f'--onnx_std is {self.onnx_std!r}; give three numbers above 0, as '
          '58.4,57.1,57.4')
    if not _numbers(self.onnx_outputs, int):
      raise InputError(
          f'--onnx_outputs is {self.onnx_outputs!r}; give whole numbers, as -1 '
          'or 0,1,2')

  @property
  def cut_at(self):
    """The threshold, from --threshold or else the detector."""
    if self.threshold >= 0:
      return self.threshold
    return contour_detectors.DETECTORS[self.detector].threshold

  @property
  def smallest(self):
    """Pixels of a basin, from --min_pixels or else the detector."""
    return (self.min_pixels or
            contour_detectors.DETECTORS[self.detector].min_pixels)


def _numbers(text, kind=float):
  """Finite numbers between commas; [] for anything else."""
  try:
    numbers = [kind(part) for part in text.split(',')]
    return numbers if np.isfinite(numbers).all() else []
  except ValueError:
    return []


def make_oversegmentations(config):
  """Divides the images of a list into regions bounded by contours.

  Args:
    config: an OversegmentationConfig.

  Raises:
    InputError: see there and `contour_detectors`.
  """
  jobs = list_jobs(config)
  with contextlib.ExitStack() as stack:
    for folder in oversegmentation_record.names_by_folder(jobs):
      stack.enter_context(folder_lock.alone(folder, 'regions'))
    _make_all(jobs, config)


def _make_all(jobs, config):
  """Makes the masks that are not there, alone in their folders."""
  own = oversegmentation_record.check_folders(jobs, config)
  outdated = oversegmentation_record.find_outdated(jobs)
  if not config.overwrite:
    outdated |= region_jobs.find_cut_short(
        oversegmentation_record.made_here(jobs), config)
  waiting = [job for job in jobs if config.overwrite or job in outdated
             or not region_jobs.is_done(job, config)]
  region_jobs.detector.cache_clear()
  if waiting:
    region_jobs.detector(config)  # fails here, not in the processes
  if config.overwrite:
    # Else an interrupted run would leave two kinds.
    region_jobs.remove_masks(jobs)
  oversegmentation_record.write_settings(jobs, config, own)
  stamps = [input_records.stamp(*job.inputs) for job in waiting]
  made, unread = [], []
  for job, stamp, result in zip(waiting, stamps, progress.track(
      region_jobs.run_jobs(waiting, config), total=len(jobs),
      initial=len(jobs) - len(waiting), desc='regions', unit='image')):
    if isinstance(result, InputError):
      unread.append(result)
      continue
    folder, name = os.path.split(job.mask)
    input_records.append(
        input_records.record_path(folder), name, job.inputs, stamp)
    made.append(result)
  print(f'{len(made)} oversegmentations made, {len(jobs) - len(waiting)} '
        f'were there: {os.path.dirname(jobs[0].mask)}')
  for folder in own:
    print(f'{folder}: masks that were made elsewhere, used as they are')
  if made:
    counts, raised = zip(*made)
    print(f'regions an image: {np.mean(counts):.1f} on average, '
          f'{min(counts)} to {max(counts)}; threshold {config.cut_at:g}'
          + (f', of {sum(raised)} images a higher one, for --max_regions '
             f'{config.max_regions}' if any(raised) else ''))
  if unread:
    raise InputError(
        f'{unread[0]} ({len(unread)} of {len(jobs)} images cannot be read; the '
        'regions of the others are made)')


def list_jobs(config):
  """Returns a Job for each image of the list, once.

  Raises:
    InputError: a line that does not say where its mask goes, or that would
      overwrite an image or the mask of another one.
  """
  jobs = {}
  examples = image_list.read_list(config.data_list, config.data_dir)
  images = {os.path.realpath(example.image) for example in examples}
  for example in examples:
    path = example.oversegmentation
    if config.save_dir:
      path = os.path.join(config.save_dir, f'{example.name}.png')
    if not path:
      raise InputError(
          f'{example.where}: no place for the oversegmentation: neither a '
          'third column nor `segcls` in the mask\'s path; give --save_dir')
    if os.path.realpath(path) in images:
      raise InputError(
          f'{example.where}: the oversegmentation would be {path}, an image of '
          'the list; name another --save_dir')
    edges = ''
    if config.detector == 'folder':
      edges = contour_detectors.edge_map(
          os.path.join(config.detector_path, example.name))
    job = region_jobs.Job(example.image, example.name, path, edges)
    other = jobs.setdefault(os.path.normpath(path), job)
    if os.path.normpath(other.image) != os.path.normpath(job.image):
      raise InputError(
          f'{example.where}: {job.image} would overwrite {path}, the '
          f'oversegmentation of {other.image}; rename one of them')
  return list(jobs.values())
