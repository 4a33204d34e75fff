"""The settings of every stage: one frozen dataclass each, one flag a field.

Defaults are the released single-GPU recipe for PASCAL VOC 2012. `cli.parse`
makes the flags from the fields, `run_record` keeps the resolved values.
"""

import dataclasses
import glob
import os

import network
from segsort import distribution
from segsort import settings as settings_lib
from segsort import sharding
from segsort.dataset_flags import ClassSettings
from segsort.errors import InputError
from segsort.settings import PrecisionSettings, Settings, Size, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataSettings(ClassSettings):
  """Where the images are and what their labels mean."""

  data_list: str = setting(
      text='list file: `image mask` a line, relative to --data_dir')
  data_dir: str = setting(text='folder that the list lines are relative to')


@dataclasses.dataclass(frozen=True, kw_only=True)
class NetworkSettings(Settings):
  """The network."""

  backbone: str = setting(
      'resnet_v1_101', 'the ResNet below the head', network.BACKBONES)
  head: str = setting(
      'pspnet', 'pyramid pooling, or atrous spatial pyramid', network.HEADS)
  embedding_dim: int = setting(32, 'channels of the embedding')


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelSettings(NetworkSettings):
  """The network and the k-means that goes with its embedding."""

  num_clusters: int = setting(
      5, 'k-means starts from a grid of this many rows and columns')
  kmeans_iterations: int = setting(10, 'E-steps of the spherical k-means')
  location_weight: float = setting(
      1., 'of row and column beside the embedding in the k-means; 0: none')


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainConfig(DataSettings, ModelSettings, PrecisionSettings):
  """Training, supervised."""

  POSITIVE = tuple(name for name in Settings.POSITIVE if name != 'num_steps')
  NOT_NEGATIVE = Settings.NOT_NEGATIVE + ('num_steps',)
  LOSS = 'segsort'

  snapshot_dir: str = setting(text='folder of this run: checkpoints and events')
  restore_from: str = setting(
      '', 'checkpoint to start from: a prefix, or a folder with checkpoints')
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
      False, 'leave batch normalisation as restored, for small batches')
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


@dataclasses.dataclass(frozen=True, kw_only=True)
class CheckpointSettings(Settings):
  """A trained network."""

  restore_from: str = setting(
      text='checkpoint: a prefix, or a folder with checkpoints')
  skip: str = setting(
      '', 'comma-separated parts of checkpoint names that may be missing or '
      'left over')

  method = 'segsort'  # that the network is for; inference.py has a flag
  tensor_float_32 = False  # stages that run the network have a flag

  def check(self):
    """Raises InputError for a number out of range or a network of another kind.
    """
    super().check()
    trained = settings_lib.read_run(
        settings_lib.run_folder(self.restore_from)).get('method', 'segsort')
    if trained != self.method:
      raise InputError(
          f'{self.restore_from} is not a run for --method {self.method}; label '
          f'with inference.py --method {trained}, or give another '
          '--restore_from')


@dataclasses.dataclass(frozen=True, kw_only=True)
class WindowSettings(CheckpointSettings, PrecisionSettings):
  """A trained network that sees images through sliding windows."""

  input_size: Size = setting(Size((336, 336)), 'window, height,width')
  strides: Size = setting(
      Size((0, 0)), 'step between windows; 0,0: two thirds of the window')

  def check(self):
    """Raises InputError for a number out of range."""
    super().check()
    for stride, window in zip(self.strides, self.input_size):
      if stride > window:
        raise InputError(
            f'--strides has {stride}, above the {window} of --input_size: '
            'pixels between the windows would get no embedding')

  @property
  def window_strides(self):
    """The step between windows (height, width)."""
    return Size(given or max(1, size * 2 // 3)
                for given, size in zip(self.strides, self.input_size))


@dataclasses.dataclass(frozen=True, kw_only=True)
class RestoredSettings(DataSettings, ModelSettings, WindowSettings):
  """A trained network on a list of images, and where its results go."""

  INHERITED = (
      'backbone', 'head', 'embedding_dim', 'num_clusters', 'kmeans_iterations',
      'location_weight', 'dataset', 'num_classes', 'ignore_label')

  save_dir: str = setting(text='folder for the results')
  color_weight: float = setting(
      0., 'of red, green, blue (0 to 1) beside the embedding in the k-means, '
      'so that segments end where colours change')

  def check(self):
    """Raises InputError for a number out of range."""
    super().check()
    if self.color_weight and getattr(self, 'tf1_compat', False):
      raise InputError(
          '--color_weight and --tf1_compat do not go together: the release '
          'clustered without colours; leave one of them out')
    if glob.glob(os.path.join(glob.escape(self.save_dir), 'model.ckpt-*')):
      raise InputError(
          f'--save_dir {self.save_dir} is a run with checkpoints, whose '
          'config.json would be overwritten; name another, as '
          f'{self.save_dir}/results/val')


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExtractConfig(RestoredSettings, sharding.ShardSettings):
  """Prototypes of annotated images."""

  tf1_compat: bool = setting(
      False, 'locate pixels as the 2019 release did, for its prototypes')


@dataclasses.dataclass(frozen=True, kw_only=True)
class VoteSettings(Settings):
  """Which segments vote on a label, and how much."""

  k_in_nearest_neighbors: int = setting(15, 'segments that vote')
  vote_balance: float = setting(
      0., 'divides votes by the share of their class in the prototypes '
      '(--method softmax: in the training masks), to this power; 0 does not')
  vote_concentration: float = setting(
      0., 'kappa of votes, exp(kappa (cosine - 1)); 0 counts all alike')
  retrieval: str = setting(
      'exact', 'of prototypes: by this project, or by the package faiss, which '
      'leaves open which of two equal cosines comes first',
      ('exact', 'faiss'))


@dataclasses.dataclass(frozen=True, kw_only=True)
class RetrievalSettings(RestoredSettings, VoteSettings):
  """Labels by retrieval."""

  # Flags of `inference_flags.InferenceFlags` alone.
  image_dir, fold_batch_norm = '', False

  prototype_dir: str = setting(text='folder written by extract_prototypes.py')
  scale_aug: bool = setting(False, 'sum the votes of scales 0.5 to 1.75')
  flip_aug: bool = setting(False, 'sum the votes of the image and its mirror')
  tf1_compat: bool = setting(
      False, 'locate, pad and crop as the 2019 release did: as its '
      'inference_segsort_msc.py if --strides, --flip_aug or --scale_aug is '
      'given, else as its inference_segsort.py')


@dataclasses.dataclass(frozen=True, kw_only=True)
class InferenceConfig(RetrievalSettings, sharding.ShardSettings):
  """Labels of a list of images."""
