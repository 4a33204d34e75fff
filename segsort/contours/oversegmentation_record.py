"""How the masks in a folder were made: oversegmentation.json beside them.

A folder with masks and without that file is somebody's own: masks that it lacks
are added, none is replaced, and the file is not written.
"""

import dataclasses
import json
import os

from segsort.contours import hed_contours
from segsort.errors import InputError, warn
from segsort.runs import files
from segsort.runs import input_records
from segsort.runs import run_record

NAME = 'oversegmentation.json'
_LATER = {
    'hed': ('hed_scales', 'hed_mirror'),
    'onnx': ('onnx_std', 'onnx_multiple', 'onnx_outputs', 'onnx_logits')}


def check_folders(jobs, config):
  """Checks that all masks of a folder are, or will be, made alike.

  Args:
    jobs: list of `oversegmentation.Job`.
    config: an `oversegmentation.OversegmentationConfig`.

  Returns:
    The folders of masks of one's own.

  Raises:
    InputError: masks there were made with other settings, or --overwrite would
      replace masks of one's own, or leave some of other settings.
  """
  own = []
  for folder, wanted in names_by_folder(jobs).items():
    there = {name for name in _listed(folder) if name.endswith('.png')}
    if not there:
      continue
    if NAME not in _listed(folder):
      if config.overwrite:
        raise InputError(
            f'the masks in {folder} were not made by this command (there is no '
            f'{NAME}), so --overwrite leaves them alone; remove them yourself, '
            'or name another --save_dir')
      own.append(folder)
      continue
    differing = _differing(os.path.join(folder, NAME), config)
    if differing and not config.overwrite:
      raise InputError(
          f'the masks in {folder} were made with other settings: {differing}; '
          'give those, or --overwrite to make them again (the scripts: '
          'OVERWRITE_REGIONS=1), or another --save_dir')
    if differing and there - wanted:
      raise InputError(
          f'{folder} has {len(there - wanted)} masks of other settings '
          f'({differing}) that are not of {config.data_list}, the first '
          f'{min(there - wanted)}; give a list with all of them, remove them, '
          'or name another --save_dir')
  return own


def _listed(folder):
  """The names in a folder; none where there is no folder."""
  return os.listdir(folder) if os.path.isdir(folder) else []


def _differing(path, config):
  """What of an oversegmentation.json is not so now, for messages."""
  made = read_settings(path)
  now = mask_settings(config)
  for settings in (made, now):
    settings.setdefault('min_pixels', 1)
  return ', '.join(
      f'--{name} {made.get(name)!r} (now {value!r})'
      for name, value in now.items() if made.get(name) != value)


def write_settings(jobs, config, own):
  """Writes oversegmentation.json beside the masks, but for folders of `own`."""
  for folder in names_by_folder(jobs):
    if folder not in own:
      files.write_text(
          os.path.join(folder, NAME), json.dumps(mask_settings(config)))


def made_here(jobs):
  """Returns those of jobs whose folder tells how its masks were made."""
  return [job for job in jobs if os.path.isfile(
      os.path.join(os.path.dirname(job.mask), NAME))]


def find_outdated(jobs):
  """Finds the masks of images or edge maps that changed since; warns of them.

  Args:
    jobs: list of `oversegmentation.Job`.

  Returns:
    A set of jobs.
  """
  images = {}
  for job in jobs:
    folder, name = os.path.split(job.mask)
    images.setdefault(folder, {})[name] = job
  outdated = {
      named[name] for folder, named in images.items()
      for name in input_records.changed(
          folder, {name: job.inputs for name, job in named.items()})}
  if outdated:
    warn(f'{len(outdated)} of {len(jobs)} images or edge maps changed since '
         f'their masks were made, as {min(job.image for job in outdated)}: '
         'made again')
  return outdated


def names_by_folder(jobs):
  """Returns {folder: names of the masks that jobs make there}."""
  found = {}
  for job in jobs:
    folder, name = os.path.split(os.path.normpath(job.mask))
    found.setdefault(folder or os.curdir, set()).add(name)
  return found


def mask_settings(config):
  """Returns a dict of what masks depend on; a model file by its bytes."""
  kept = {name: value for name, value in dataclasses.asdict(config).items()
          if name not in ('data_list', 'data_dir', 'save_dir', 'num_workers',
                          'overwrite', 'ucm')}
  kept['threshold'] = config.cut_at
  kept['min_pixels'] = config.smallest
  if config.smallest == 1:  # as records from before there was another
    del kept['min_pixels']
  # Not of other detectors, whose records are older than these settings.
  for detector, names in _LATER.items():
    if config.detector != detector:
      for name in names:
        del kept[name]
  path = config.detector_path
  if config.detector == 'hed':
    kept['detector_path'] = (
        f'{hed_contours.PACKAGE} {hed_contours.package_version()}')
    return kept
  if os.path.isfile(path):
    name = os.path.basename(path)
    kept['detector_path'] = f'{name} {run_record.digest(path)}'
  elif path:
    kept['detector_path'] = os.path.realpath(path)
  return kept


def read_settings(path):
  """Returns the dict in an oversegmentation.json; {} for anything else."""
  try:
    return dict(json.loads(files.read_bytes(path, 'settings')))
  except (ValueError, TypeError):
    return {}
