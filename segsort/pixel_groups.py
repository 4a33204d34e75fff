"""Pixels of all images to groups, by a trained embedding: a second round.

Groups of regions (`region_groups`) are as impure as the regions, whose borders
no later step can move. A network trained on them knows textures again pixel by
pixel, wherever a region ends, as long as random colours keep it from knowing
each picture by heart. So its embedding, beside the looks of the region that a
pixel is in, gives groups to train the next network on: what SegSort does in one
image, vector quantisation on the sphere (section 3.2), over all of them.
"""

import dataclasses

import numpy as np
import tqdm

from segsort import config as config_lib
from segsort import embedding
from segsort import input_pipeline
from segsort import region_groups
from segsort import settings

LEARNED_FROM = 150_000  # pixels of all images that the groups are learned from
MOST_OF_AN_IMAGE = 1000  # of them
RESTARTS = 3  # of the k-means


@dataclasses.dataclass(frozen=True, kw_only=True)
class PixelGroupConfig(region_groups.GroupConfig, config_lib.NetworkSettings,
                       config_lib.WindowSettings):
  """A trained network beside the regions."""

  INHERITED = 'backbone', 'head', 'embedding_dim'
  POSITIVE = region_groups.GroupConfig.POSITIVE + ('embedding_dim',)
  NOT_NEGATIVE = region_groups.GroupConfig.NOT_NEGATIVE + ('texture_weight',)

  num_groups: int = config_lib.setting(64, 'kinds of pixels')
  texture_weight: float = config_lib.setting(
      1., "of the looks of a pixel's region beside its embedding; 0: none")
  min_pixels: int = settings.fixed(1)


def group_pixels(config):
  """Writes a mask for each image that numbers the group of each pixel.

  Args:
    config: a PixelGroupConfig.

  Raises:
    InputError: no oversegmentation or no network, or the folder of the masks
      is not in that of the data.
  """
  examples = region_groups.read_examples(config)
  embedder = embedding.Embedder(
      embedding.restore_model(config), config.input_size,
      config.window_strides)
  looks = region_groups.describe_regions(examples, config)
  centres = learn_centres(described_pixels(
      tqdm.tqdm(examples, desc='learning groups', unit='image'), embedder,
      looks, config), len(examples), config)
  counts = np.zeros(len(centres), np.int64)

  def masks():
    for vectors in described_pixels(examples, embedder, looks, config):
      groups = nearest_centres(vectors, centres)
      np.add(counts, np.bincount(groups.ravel(), minlength=len(counts)), counts)
      yield groups

  region_groups.write_groups(examples, masks(), len(centres), config)
  print(f'{counts.sum()} pixels in {np.count_nonzero(counts)} groups of '
        f'{counts.min() / counts.sum():.1%} to '
        f'{counts.max() / counts.sum():.1%} of them: {config.save_dir}')


def described_pixels(examples, embedder, looks, config):
  """Describes the pixels of one image after the other.

  Args:
    examples: iterable of `image_list.Example`.
    embedder: an `embedding.Embedder`.
    looks: what `region_groups.describe_regions` returns for them.
    config: a PixelGroupConfig.

  Yields:
    f32[H, W, V]: the unit embedding; --texture_weight times what describes the
    region, square roots of shares; and --row_weight times the row.
  """
  histograms, _, owners = looks
  first = 0
  for example in examples:
    image, regions = input_pipeline.read_regions(example)
    own = owners[first:first + regions.max() + 1]
    first += len(own)
    parts = [np.asarray(embedder.embed(image))]
    if config.texture_weight:
      parts.append(config.texture_weight * histograms[own][regions])
    if config.row_weight:
      rows = region_groups.row_of_pixels(regions.shape)
      parts.append(np.broadcast_to(
          config.row_weight * rows, regions.shape)[..., None])
    yield np.concatenate(parts, -1).astype(np.float32)


def learn_centres(described, num_images, config):
  """Learns the groups from some pixels of each image.

  Args:
    described: iterable of f32[H, W, V].
    num_images: how many there are.
    config: a PixelGroupConfig.

  Returns:
    f32[groups, V], the centres of the k-means.
  """
  rng = np.random.default_rng(config.random_seed)
  count = min(max(LEARNED_FROM // num_images, 1), MOST_OF_AN_IMAGE)
  samples = []
  for vectors in described:
    vectors = vectors.reshape(-1, vectors.shape[-1])
    samples.append(vectors[rng.integers(len(vectors), size=count)])
  return region_groups.cluster(
      np.concatenate(samples), config.num_groups, config.random_seed,
      RESTARTS)[1]


def nearest_centres(vectors, centres):
  """Returns i[H, W], the nearest of f32[K, V] to each of f32[H, W, V]."""
  scores = vectors @ centres.T - np.square(centres).sum(1) / 2
  return scores.argmax(-1)
