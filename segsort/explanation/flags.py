"""What explain.py is told: a network, prototypes and the pictures."""

import dataclasses

from segsort.inference import inference_flags
from segsort.inference import inference_settings
from segsort.runs import settings
from segsort.runs.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class PrototypeFlags(inference_flags.InputFlags,
                     inference_settings.RestoredSettings):
  """Pictures beside a prototype set, and where that came from."""

  NOT_NEGATIVE = settings.Settings.NOT_NEGATIVE + ('max_images',)

  prototype_dir: str = setting(text='folder written by extract_prototypes.py')
  prototype_data_dir: str = setting(
      '', 'folder of the pictures that the prototypes are of; default: where '
      'they were extracted from')
  class_names: str = setting(
      '', 'file with a class name a line; default: those of --dataset')
  max_images: int = setting(50, 'the first so many pictures; 0: all')
  overwrite: bool = setting(False, 'start anew where results are already')


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExplainFlags(inference_settings.RegionSettings, PrototypeFlags,
                   inference_settings.VoteSettings):
  """Pages that show why segments have their labels."""

  POSITIVE = settings.Settings.POSITIVE + ('crop_size', 'picture_size')

  # What has one segment a pixel only: `labeller.Labeller` asks for these.
  scale_aug = flip_aug = tf1_compat = False

  outlines: str = setting(
      'segments', 'of training segments: cluster their pictures once more, or '
      'show their boxes, which is quick', ('segments', 'boxes'))
  prototype_list: str = setting(
      '', 'list of their pictures, whose masks the outlines follow from; '
      'default: the one that the prototypes were extracted from')
  crop_size: int = setting(80, 'longer side of a training segment\'s crop')
  picture_size: int = setting(768, 'longer side of an explained picture')


@dataclasses.dataclass(frozen=True, kw_only=True)
class EmbeddingFlags(PrototypeFlags):
  """Pictures of embeddings, and a map of the prototypes."""

  POSITIVE = settings.Settings.POSITIVE + ('max_prototypes',)
  NOT_NEGATIVE = PrototypeFlags.NOT_NEGATIVE + ('num_thumbnails',)

  outlines = 'boxes'  # thumbnails have none

  projection: str = setting(
      'pca', 'of prototypes on the map: principal components, or t-SNE by the '
      'package scikit-learn', ('pca', 'tsne'))
  max_prototypes: int = setting(
      10000, 'dots on the map, evenly taken where there are more')
  num_thumbnails: int = setting(
      40, 'training segments shown on the map, where there is room')


@dataclasses.dataclass(frozen=True, kw_only=True)
class FigureFlags(ExplainFlags):
  """The figures of a README."""

  POSITIVE = ExplainFlags.POSITIVE + ('num_neighbours',)

  show: str = setting(
      '', 'comma-separated names of the pictures; default: the first '
      '--max_images')
  max_images: int = setting(4, 'pictures')
  num_neighbours: int = setting(5, 'training segments beside a segment')
