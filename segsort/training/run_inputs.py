"""What a run learns from and starts from, known by content."""

import os

from segsort.checkpoints import checkpoint
from segsort.errors import InputError
from segsort.runs import resumption
from segsort.runs import run_record
from segsort.runs import settings


def inputs_of(config):
  """Returns digests of what a run learns from and starts from, by setting.

  A checkpoint that a run has started from may be gone when it goes on; its
  digest then is that of before. One in the run's own folder is gone in any case
  and has none.

  Args:
    config: a `training_settings.TrainConfig`.
  """
  found = {'data_list': run_record.digest(config.data_list)}
  if config.restore_from and not _is_own(config):
    known = _known_inputs(config.snapshot_dir)
    try:
      found['restore_from'] = checkpoint.digest(
          checkpoint.resolve(config.restore_from))
    except InputError:
      if 'restore_from' in known:
        found['restore_from'] = known['restore_from']
  return found


def _is_own(config):
  """Whether --restore_from is in the folder of the run itself."""
  return os.path.realpath(settings.run_folder(config.restore_from)) == (
      os.path.realpath(config.snapshot_dir))


def _known_inputs(folder):
  """Those in a folder's config.json; of earlier versions there are none."""
  return (resumption.read_run(folder) or {}).get('inputs') or {}


def same_content(config):
  """Compares the content of a run's inputs with those that it goes on with.

  Returns:
    The names of those of which both contents are known.

  Raises:
    InputError: one of them differs.
  """
  folder = config.snapshot_dir
  now = {**inputs_of(config), **run_record.digests_of_files(config)}
  known = _known_inputs(folder)
  both = now.keys() & known.keys()
  for name in sorted(both):
    if now[name] != known[name]:
      raise InputError(
          f'{folder} was trained with another content of --{name} '
          f'{getattr(config, name)} than it has now: put that back to go on, '
          'name another --snapshot_dir, or start anew with --overwrite (the '
          'scripts: OVERWRITE=1)')
  return both
