"""Settings of the stages that work with a trained network.

Defaults are the released single-GPU recipe for PASCAL VOC 2012. `cli.parse`
makes the flags from the fields, `run_record` keeps the resolved values.
"""

import dataclasses
import glob
import os

from segsort.checkpoints.network_settings import (
    OF_NETWORK, CheckpointSettings, ModelSettings)
from segsort.data.dataset_flags import DataSettings
from segsort.errors import InputError
from segsort.inference import prototype_set
from segsort.runs import settings as settings_lib
from segsort.runs import sharding
from segsort.runs.settings import PrecisionSettings, Settings, Size, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClusterSettings(ModelSettings):
  """A trained network and its k-means, as of --prototype_dir if there is one.

  Segments are looked up among others that were made alike.
  """

  OF_PROTOTYPES = (
      'num_clusters', 'kmeans_iterations', 'location_weight', 'color_weight')

  regions_dir = ''  # extraction and inference have a flag
  classifier_weight = 0.  # inference has a flag

  @classmethod
  def complete(cls, values):
    """Takes the clusters of the prototypes, if no flag says else."""
    completed = super().complete(values)
    if not (values.get('restore_from') and values.get('prototype_dir')):
      return completed
    names = [name for name in cls.OF_PROTOTYPES if name not in values]
    folder = prototype_set.find(values['prototype_dir'])
    instead = ' and '.join(f'--{name}' for name in names)
    found = settings_lib.inherit(
        settings_lib.read_run(folder, 'the prototypes', instead), cls, names,
        folder, 'the prototypes', instead) if names else {}
    for name in names:
      origin = (f'as the prototypes, {folder}/config.json' if name in found
                else 'as in training' if name in completed else 'the default')
      value = {**completed, **found}.get(name, getattr(cls, name))
      print(f'--{name} {value}: {origin}')
    return {**completed, **found}


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
class RestoredSettings(DataSettings, ClusterSettings, WindowSettings):
  """A trained network on a list of images, and where its results go."""

  INHERITED = (
      *OF_NETWORK, 'num_clusters', 'kmeans_iterations', 'location_weight',
      'dataset', 'num_classes', 'ignore_label')

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
class RegionSettings(Settings):
  """Segments that are made before, in place of the k-means' clusters."""

  regions_dir: str = setting(
      '', 'folder of make_oversegmentation.py: segments are the regions of its '
      'NAME.png in place of k-means clusters')

  def check(self):
    """Raises InputError beside --tf1_compat or --image_dir.

    Or for a number out of range.
    """
    super().check()
    if self.regions_dir and getattr(self, 'image_dir', ''):
      raise InputError(
          '--regions_dir and --image_dir do not go together: '
          'make_oversegmentation.py divides the images of a list; give '
          '--data_list and --data_dir')
    if self.regions_dir and self.tf1_compat:
      raise InputError(
          '--regions_dir and --tf1_compat do not go together: the release '
          'knew no segments but clusters; leave one of them out')


@dataclasses.dataclass(frozen=True, kw_only=True)
class CacheSettings(Settings):
  """Features that are computed once."""

  cache_features: str = setting(
      '', "folder for the backbone's features: the same weights and windows "
      'are not computed again')


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExtractConfig(
    RestoredSettings, RegionSettings, CacheSettings, sharding.ShardSettings):
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
class InferenceConfig(
    RetrievalSettings, RegionSettings, CacheSettings, sharding.ShardSettings):
  """Labels of a list of images."""
