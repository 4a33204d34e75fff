"""Settings of training.

Defaults are the released single-GPU recipe for PASCAL VOC 2012. `cli.parse`
makes the flags from the fields, `run_record` keeps the resolved values.
"""

import dataclasses

from segsort.checkpoints.network_settings import ModelSettings
from segsort.data.dataset_flags import DataSettings
from segsort.errors import InputError
from segsort.runs.settings import PrecisionSettings, Settings, Size, setting
from segsort.training import distribution


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainConfig(DataSettings, ModelSettings, PrecisionSettings):
  """Training, supervised."""

  POSITIVE = tuple(name for name in Settings.POSITIVE if name != 'num_steps')
  NOT_NEGATIVE = Settings.NOT_NEGATIVE + ('num_steps',)
  LOSS = 'segsort'
  affinity = 'none'  # no setting but of the softmax baseline

  snapshot_dir: str = setting(text='folder of this run: checkpoints and events')
  restore_from: str = setting(
      '', 'checkpoint to start from: a prefix, or a folder with checkpoints; '
      'for networks of Keras also imagenet, or a .weights.h5, .h5 or .keras')
  not_restore_classifier: bool = setting(
      False, 'leave the head as initialised when restoring')
  skip: str = setting(
      '', 'comma-separated parts of checkpoint names that may be missing or '
      'left over')
  overwrite: bool = setting(False, 'start anew in a folder with checkpoints')
  batch_size: int = setting(8, 'images a step')
  input_size: Size = setting(Size((336, 336)), 'crop, height,width')
  num_steps: int = setting(30000, 'updates; 0 saves the network at its start')
  iter_size: int = setting(1, 'batches whose gradients make one update')
  learning_rate: float = setting(2e-3, 'at step 0; 10 times this in the head')
  power: float = setting(0.9, 'of the polynomial decay to 0')
  momentum: float = setting(0.9, 'of the gradient')
  weight_decay: float = setting(5e-4, 'L2 on convolution weights')
  batch_norm_decay: float = setting(
      0.9997, 'of the moving statistics; 0.99 or less for short runs from '
      'scratch')
  freeze_batch_norm: bool = setting(
      False, 'leave batch normalisation as restored, for small batches; with '
      '--not_restore_classifier or weights of Keras the head learns its own')
  freeze_backbone: bool = setting(
      False, 'train the head alone, on the features of --restore_from')
  cache_features: str = setting(
      '', 'with --freeze_backbone, folder for the features of the images and '
      'their mirrors, which are computed once; crops are of their cells')
  random_mirror: bool = setting(True, 'flip half of the images')
  random_scale: bool = setting(True, 'resize by 0.5 to 2')
  random_crop: bool = setting(True, 'crop anywhere, not at the centre')
  random_rotation: bool = setting(
      False, 'rotate by 0, 90, 180 or 270 degrees')
  random_color: bool = setting(
      False, 'exchange, fade and shift colours, for data where they say little')
  concentration: float = setting(10., 'kappa of the von Mises-Fisher density')
  num_banks: int = setting(
      2, 'earlier batches whose prototypes take part in the loss')
  frozen_bank: bool = setting(
      False, 'banks as the 2019 release had them, random directions of class 0 '
      'that stay, for comparison')
  random_seed: int = setting(1, 'of weights, order and augmentation')
  save_pred_every: int = setting(1000, 'steps between checkpoints')
  max_to_keep: int = setting(2, 'checkpoints kept')
  update_tb_every: int = setting(100, 'steps between TensorBoard pictures')
  strategy: str = setting(
      'one_device', 'one device, all GPUs of this machine, or several machines '
      'named in TF_CONFIG that share --snapshot_dir', distribution.STRATEGIES)
  num_gpu: int = setting(0, 'GPUs for --strategy mirrored; 0: all')
  logical_devices: int = setting(
      0, 'split the CPU into this many devices, to try several without a GPU')
  worker_timeout: int = setting(
      600, 'seconds that --strategy multi_worker waits for absent workers')
  mixed_precision: str = setting(
      'float32', 'of the network; the loss stays float32',
      ('float32', 'bfloat16', 'float16'))
  jit_compile: bool = setting(
      False, 'compile the step with XLA, with shapes that it knows')
  max_segments: int = setting(
      100, 'room for segments an image with --jit_compile; more is an error')
  deterministic: bool = setting(
      False, 'the same bits every run, by slower operations where needed')

  def check(self):
    """Raises InputError for a number out of range, or features that change."""
    super().check()
    if not self.cache_features:
      return
    changing = [f'--no-{name}' for name in (
        'random_scale', 'random_rotation', 'random_color')
        if getattr(self, name)]
    if not self.freeze_backbone:
      changing.insert(0, '--freeze_backbone')
    if changing:
      raise InputError(
          '--cache_features keeps the features of images as they are, once '
          f'for all steps: give {" ".join(changing)} as well')


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainUnsupConfig(TrainConfig):
  """Training from oversegmentations, without labels."""

  num_banks: int = setting(
      0, 'earlier batches whose prototypes take part in the loss')
  num_steps: int = setting(
      10000, 'updates; 0 saves the network as it starts')
  grouped: bool = setting(
      False, 'the masks number groups of alike regions of all images, as '
      'group_regions.py writes them: a pixel is pulled to the other segments '
      'of its group')
