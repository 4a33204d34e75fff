"""How the masks in a folder were made: oversegmentation.json beside them."""

import dataclasses
import json
import os

from segsort import files
from segsort import resumption
from segsort.errors import InputError


def check_settings(jobs, config):
  """Checks that the masks that are there were made alike.

  Raises:
    InputError: they were made with other settings.
  """
  if config.overwrite:
    return
  wanted = mask_settings(config)
  for path in settings_paths(jobs):
    folder = os.path.dirname(path)
    if os.path.exists(path) and any(
        os.path.isfile(job.mask) for job in jobs
        if os.path.dirname(job.mask) == folder):
      made = read_settings(path)
      other = [f'--{name} {made.get(name)!r} (now {value!r})'
               for name, value in wanted.items() if made.get(name) != value]
      if other:
        raise InputError(
            f'the masks in {folder} were made with other settings, see {path}: '
            f'{", ".join(other)}; give those, or --overwrite to make them '
            'again, or another --save_dir')


def write_settings(jobs, config):
  """Writes oversegmentation.json beside the masks, for `check_settings`."""
  for path in settings_paths(jobs):
    files.write_text(path, json.dumps(mask_settings(config)))


def settings_paths(jobs):
  """Returns the oversegmentation.json of each folder of masks."""
  return [os.path.join(folder, 'oversegmentation.json')
          for folder in sorted({os.path.dirname(job.mask) for job in jobs})]


def mask_settings(config):
  """Returns a dict of what masks depend on; a model file by its bytes."""
  kept = {name: value for name, value in dataclasses.asdict(config).items()
          if name not in ('data_list', 'data_dir', 'save_dir', 'num_workers',
                          'overwrite', 'ucm')}
  kept['threshold'] = config.cut_at
  path = config.detector_path
  if os.path.isfile(path):
    name = os.path.basename(path)
    kept['detector_path'] = f'{name} {resumption.digest(path)}'
  elif path:
    kept['detector_path'] = os.path.realpath(path)
  return kept


def read_settings(path):
  """Returns the dict in an oversegmentation.json; {} for anything else."""
  try:
    return dict(json.loads(files.read_bytes(path, 'settings')))
  except (ValueError, TypeError):
    return {}
