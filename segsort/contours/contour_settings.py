"""Settings of a training of contours, and what a run cannot change."""

import dataclasses
import os

from segsort.checkpoints import checkpoint
from segsort.contours import contour_networks
from segsort.errors import InputError
from segsort.runs import resumption
from segsort.runs import run_record
from segsort.runs import settings as settings_lib

MODEL = 'contours.keras'


@dataclasses.dataclass(frozen=True, kw_only=True)
class ContourTrainConfig(settings_lib.Settings):
  """The contour network's training."""

  data_dir: str = settings_lib.setting(
      text='folder of images/SPLIT/ID.jpg and groundTruth/SPLIT/ID.mat')
  snapshot_dir: str = settings_lib.setting(text='folder for the network')
  train_splits: str = settings_lib.setting(
      'train', 'comma-separated splits to learn from')
  eval_split: str = settings_lib.setting(
      'val', 'split to score; where it is one of the others, every fifth of '
      'its images is held out')
  backbone: str = settings_lib.setting(
      '', 'a network of Keras below the contours, by name or as FILE.keras: '
      'VGG16 is HED\'s; by default a small one of our own',
      contour_networks.NAMES)
  backbone_features: str = settings_lib.setting(
      '', 'its last layer; else chosen by its name, of a file the last map')
  backbone_input: str = settings_lib.setting(
      '', 'how it wants pictures: tf, torch, caffe or MEAN,SCALE')
  backbone_module: str = settings_lib.setting(
      '', 'FILE.py of your own to run first, which registers its layers')
  restore_from: str = settings_lib.setting(
      '', 'weights of the backbone: imagenet, or a file of Keras; else those '
      'of a FILE.keras, or random')
  skip: str = settings_lib.setting(
      '', 'comma-separated parts of names that may be missing there')
  batch_size: int = settings_lib.setting(4, 'crops a step')
  input_size: settings_lib.Size = settings_lib.setting(
      settings_lib.Size((160, 160)), 'crop, height,width')
  num_steps: int = settings_lib.setting(20000, 'updates')
  learning_rate: float = settings_lib.setting(1e-3, 'of Adam; falls to 0')
  random_seed: int = settings_lib.setting(1, 'of weights, order and crops')
  save_pred_every: int = settings_lib.setting(500, 'steps between checkpoints')
  overwrite: bool = settings_lib.setting(False, 'start anew in a used folder')

  def check(self):
    """Raises InputError for a number out of range, or half of a backbone."""
    super().check()
    for name in (*BACKBONE[1:], 'backbone_module', 'skip'):
      if getattr(self, name) and not self.backbone:
        raise InputError(f'--{name} is for a --backbone; give one, as VGG16')


# Later than the others: runs before have none of them.
BACKBONE = 'backbone', 'backbone_features', 'backbone_input', 'restore_from'
# Settings that a run cannot change when it goes on.
SAME_RUN = ('train_splits', 'eval_split', 'batch_size', 'input_size',
            'num_steps', 'learning_rate', 'random_seed', *BACKBONE)


def digest_of(names, config):
  """Returns a digest of the images SPLIT/ID and of their contours."""
  return run_record.digest(*(
      os.path.join(config.data_dir, path) for name in names
      for path in (f'images/{name}.jpg', f'groundTruth/{name}.mat')))


def check_same_run(config, made_of):
  """Raises InputError where the folder has a run of other settings or data.

  Args:
    config: a ContourTrainConfig.
    made_of: `digest_of` the images to learn from.
  """
  folder = config.snapshot_dir
  if not (checkpoint.steps_in(folder)
          or os.path.exists(os.path.join(folder, MODEL))):
    return
  before = settings_lib.read_run(folder, 'the network', '--overwrite')
  before = {**dict.fromkeys(BACKBONE, ''), **before}
  if not before.keys() >= set(SAME_RUN):
    raise InputError(
        f'{folder} has a network, but no config.json of a training of contours;'
        ' name another --snapshot_dir, or start anew with --overwrite (the '
        'script: OVERWRITE=1)')
  settings_lib.check_same(before, config, SAME_RUN, folder)
  inputs = (resumption.read_run(folder) or {}).get('inputs') or {}
  if inputs.get('data_dir', made_of) != made_of:
    raise InputError(
        f'{folder} was trained with other images or contours than those in '
        f'--data_dir {config.data_dir} now: name another --snapshot_dir, or '
        'start anew with --overwrite (the script: OVERWRITE=1)')
