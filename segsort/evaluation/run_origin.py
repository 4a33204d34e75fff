"""Which weights a run started from, for the record beside its score."""

import contextlib
import json
import os

from segsort.checkpoints import backbones
from segsort.checkpoints import checkpoint
from segsort.data import dataset_info
from segsort.errors import InputError, warn
from segsort.runs import resumption
from segsort.runs import settings as settings_lib

SCRATCH = 'from scratch, random weights'


def describe(restore_from):
  """Follows config.json files back to the weights that came first.

  Args:
    restore_from: a run's folder, or a checkpoint in it.

  Returns:
    A description; '' where nothing is recorded.
  """
  seen, first = set(), ''
  while restore_from and restore_from not in seen:
    seen.add(restore_from)
    settings = _settings(settings_lib.run_folder(restore_from))
    if settings is None:  # not a run of ours: these are the first weights
      return f'from {restore_from}' if first else ''
    restore_from = settings.get('restore_from', '')
    backbone = settings.get('backbone', '')
    if not restore_from and backbones.is_file(backbone):
      return f'from {backbone}, whose weights are taken'
    first = SCRATCH
  return first


def of_predictions(pred_dir):
  """Returns `describe` for the run whose inference wrote DIR/gray; or ''."""
  folder = os.path.dirname(os.path.abspath(pred_dir))
  settings = _settings(folder) or {}
  return describe(settings.get('restore_from', ''))


def warn_of_other_classes(folder, config):
  """Warns where a folder's run named its classes otherwise.

  Args:
    folder: with prototypes or predictions, and a config.json; or without.
    config: a `dataset_flags.ClassSettings`.
  """
  dataset = (_settings(folder) or {}).get('dataset', config.dataset)
  with contextlib.suppress(InputError):  # a class file that is gone
    then, now = (dataset_info.get(name).class_names[:config.classes]
                 for name in (dataset, config.dataset))
    if then != now:
      warn(f'what is in {folder} was made with --dataset {dataset}, whose '
           f'classes are not those of {config.dataset}, as which they are '
           'named here; check --dataset')


def warn_of_older(pred_dir):
  """Warns where the checkpoint of the predictions in DIR/gray is another now.
  """
  run = resumption.read_run(os.path.dirname(os.path.abspath(pred_dir))) or {}
  known = (run.get('inputs') or {}).get('restore_from')
  if not known:
    return
  place = run['settings'].get('restore_from', '')
  try:
    now = checkpoint.digest(checkpoint.resolve(place))
  except InputError:  # not on this machine, or no longer
    return
  if now != known:
    warn(f'the predictions in {pred_dir} were made with an earlier checkpoint '
         f'than {place} has now; run inference.py again to score that')


def _settings(folder):
  """The settings in a folder's config.json; None if there is none."""
  try:
    with open(os.path.join(folder, 'config.json'), encoding='utf-8') as file:
      return json.load(file)['settings']
  except (OSError, ValueError, KeyError, TypeError):
    return None
