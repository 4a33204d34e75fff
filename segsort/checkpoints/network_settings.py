"""Settings of the network, and of a checkpoint of one."""

import dataclasses

import network
from segsort.checkpoints import backbones
from segsort.errors import InputError
from segsort.runs import settings as settings_lib
from segsort.runs.settings import Settings, fixed, setting


# Settings that rebuild the network of a checkpoint.
OF_NETWORK = (
    'backbone', 'backbone_features', 'backbone_input', 'head', 'embedding_dim',
    'classifier')


@dataclasses.dataclass(frozen=True, kw_only=True)
class NetworkSettings(Settings):
  """The network; that of a checkpoint, where its run has a config.json."""

  # Fields that a stage takes from config.json beside --restore_from.
  INHERITED = ()

  backbone: str = setting(
      'resnet_v1_101', 'the network below the head: a ResNet of this project, '
      'one of keras.applications by name, or a FILE.keras', backbones.NAMES)
  backbone_features: str = setting(
      '', 'layer of a network of Keras whose output is taken, or stride16, the '
      'last one before the stride of 32, for small pictures; else one that is '
      'chosen by its name, of a file the last map')
  backbone_input: str = setting(
      '', 'how a network of Keras wants pictures: tf, torch, caffe (as in '
      'keras.applications) or MEAN,SCALE for (x - MEAN) / SCALE')
  # Not inherited: what a config.json names must not be run as code.
  backbone_module: str = setting(
      '', 'FILE.py of your own to run first, which registers the layers that a '
      '.keras backbone needs; to be given to each stage')
  head: str = setting(
      'pspnet', 'pyramid pooling, atrous spatial pyramid, or the principal '
      'components of fit_embedding.py', network.HEADS)
  embedding_dim: int = setting(32, 'channels of the embedding')
  classifier: int = fixed(0)  # classes with a logit behind the embedding

  @classmethod
  def complete(cls, values):
    """Takes what the checkpoint's run was set to, if no flag says else."""
    inherited = {}
    if cls.INHERITED and values.get('restore_from'):
      folder = settings_lib.run_folder(values['restore_from'])
      inherited = settings_lib.inherit(
          settings_lib.read_run(folder), cls, cls.INHERITED, folder,
          'the checkpoint', '--backbone, --head and --embedding_dim')
    return super().complete({**inherited, **values})


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelSettings(NetworkSettings):
  """The network and the k-means that goes with its embedding."""

  num_clusters: int = setting(
      5, 'k-means starts from a grid of this many rows and columns')
  kmeans_iterations: int = setting(10, 'E-steps of the spherical k-means')
  location_weight: float = setting(
      1., 'of row and column beside the embedding in the k-means; 0: none')


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
    run = settings_lib.read_run(settings_lib.run_folder(self.restore_from))
    trained = run.get('method', 'segsort')
    if trained != self.method and not run.get('classifier'):
      raise InputError(
          f'{self.restore_from} is not a run for --method {self.method}; label '
          f'with inference.py --method {trained}, or give another '
          '--restore_from')
