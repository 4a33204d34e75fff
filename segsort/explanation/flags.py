"""What explain.py is told: a network, prototypes and the pictures."""

import dataclasses

from segsort import config as config_lib
from segsort import inference_flags
from segsort import settings
from segsort.errors import InputError
from segsort.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class PrototypeFlags(inference_flags.InputFlags, config_lib.RestoredSettings):
  """Pictures beside a prototype set, and where that came from."""

  prototype_dir: str = setting(text='folder written by extract_prototypes.py')
  prototype_data_dir: str = setting(
      '', 'folder of the pictures that the prototypes are of; default: where '
      'they were extracted from')
  prototype_list: str = setting(
      '', 'their list, whose masks the outlines of training segments follow '
      'from; default: the one they were extracted from')
  class_names: str = setting(
      '', 'file with a class name a line; default: those of --dataset')
  outlines: str = setting(
      'segments', 'of training segments: cluster their pictures once more, or '
      'show their boxes, which is quick', ('segments', 'boxes'))
  max_images: int = setting(50, 'the first so many pictures; 0: all')
  overwrite: bool = setting(False, 'start anew where results are already')

  def check(self):
    """Raises InputError for a number out of range."""
    super().check()
    if self.max_images < 0:
      raise InputError(
          f'--max_images is {self.max_images}; it must be 0 or more')


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExplainFlags(PrototypeFlags):
  """Pages that show why segments have their labels."""

  POSITIVE = settings.Settings.POSITIVE + ('crop_size', 'picture_size')

  # What has one segment a pixel only: `labeller.Labeller` asks for these.
  scale_aug = flip_aug = tf1_compat = False

  k_in_nearest_neighbors: int = setting(15, 'segments that vote')
  retrieval: str = setting(
      'exact', 'of prototypes: by this project, or by the package faiss, which '
      'leaves open which of two equal cosines comes first',
      ('exact', 'faiss'))
  crop_size: int = setting(96, 'longer side of a training segment\'s crop')
  picture_size: int = setting(768, 'longer side of an explained picture')
