"""Pixels of all images to groups, by a trained embedding: a second round.

Groups of regions (`region_groups`) are as impure as the regions, whose borders
no later step can move. A network trained on them knows textures again pixel by
pixel, wherever a region ends, as long as random colours keep it from knowing
each picture by heart. So its embedding, beside the looks of the region that a
pixel is in, gives groups to go on with. The paper has one round, on regions.

The k-means is Euclidean, on embedding, looks and row side by side; the first
two have unit length by themselves.
"""

import dataclasses

import numpy as np

from segsort.checkpoints import network_settings
from segsort.inference import embedding
from segsort.inference import inference_settings
from segsort.runs import progress
from segsort.runs import settings
from segsort.unsupervised import region_groups
from segsort.unsupervised import region_looks

LEARNED_FROM = 150_000  # pixels of all images that the groups are learned from
MOST_OF_AN_IMAGE = 1000  # of them
RESTARTS = 3  # of the k-means
BAND_PIXELS = 2**18  # whose distances to all centres are held at once


@dataclasses.dataclass(frozen=True, kw_only=True)
class PixelGroupConfig(region_groups.GroupConfig,
                       network_settings.NetworkSettings,
                       inference_settings.WindowSettings):
  """A trained network beside the regions."""

  INHERITED = network_settings.OF_NETWORK
  POSITIVE = region_groups.GroupConfig.POSITIVE + ('embedding_dim',)
  NOT_NEGATIVE = region_groups.GroupConfig.NOT_NEGATIVE + ('texture_weight',)

  num_groups: int = settings.setting(64, 'kinds of pixels')
  texture_weight: float = settings.setting(
      1., "of the looks of a pixel's region beside its embedding; 0: none")
  min_pixels: int = settings.fixed(1)


@dataclasses.dataclass(frozen=True)
class Described:
  """The pixels of an image: H height  W width  R regions.

  Attributes:
    embeddings: f32[H, W, D], unit length.
    looks: f32[R, T], of its regions, by --texture_weight; T may be 0.
    regions: i[H, W], the region of each pixel.
    row_weight: of the row, the last number of a pixel's vector.
  """

  embeddings: np.ndarray
  looks: np.ndarray
  regions: np.ndarray
  row_weight: float

  def vectors(self, rows, columns):
    """Returns f32[N, D + T + 1] of the pixels at i[N] rows and columns."""
    places = self.row_weight * rows / self.regions.shape[0]
    return np.concatenate([
        self.embeddings[rows, columns],
        self.looks[self.regions[rows, columns]],
        places[:, None]], 1, dtype=np.float32)

  def nearest(self, centres):
    """Returns i[H, W], the nearest of f32[K, D + T + 1] to each pixel.

    What pixels share is summed up once a region or row, and large pictures go
    in bands, so that no vector of a pixel is ever written down.
    """
    height, width, depth = self.embeddings.shape
    # |x - c|^2 is smallest where x c - |c|^2 / 2 is largest.
    of_regions = (self.looks @ centres[:, depth:-1].T
                  - np.square(centres).sum(1) / 2)
    nearest = np.empty((height, width), np.int64)
    band = max(BAND_PIXELS // width, 1)
    for top in range(0, height, band):
      rows = slice(top, top + band)
      places = self.row_weight * np.arange(height)[rows] / height
      scores = self.embeddings[rows] @ centres[:, :depth].T
      scores += of_regions[self.regions[rows]]
      scores += (places[:, None] * centres[:, -1])[:, None]
      nearest[rows] = scores.argmax(-1)
    return nearest


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
  looks = region_looks.describe_regions(examples, config)
  centres = learn_centres(describe_pixels(
      progress.track(examples, desc='learning groups', unit='image'), embedder,
      looks, config), len(examples), config)
  counts = np.zeros(len(centres), np.int64)

  def masks():
    for described in describe_pixels(examples, embedder, looks, config):
      groups = described.nearest(centres)
      np.add(counts, np.bincount(groups.ravel(), minlength=len(counts)), counts)
      yield groups

  region_groups.write_groups(examples, masks(), len(centres), config)
  used = counts[counts > 0]
  print(f'{used.sum()} pixels in {len(used)} groups of '
        f'{used.min() / used.sum():.1%} to {used.max() / used.sum():.1%} of '
        f'them: {config.save_dir}')


def describe_pixels(examples, embedder, looks, config):
  """Yields the `Described` pixels of one image after the other.

  Args:
    examples: iterable of `image_list.Example`.
    embedder: an `embedding.Embedder`.
    looks: what `region_looks.describe_regions` returns for them.
    config: a PixelGroupConfig.
  """
  histograms, _, owners = looks
  first = 0
  for example in examples:
    image, regions = region_looks.read_regions(example)
    own = owners[first:first + regions.max() + 1]
    first += len(own)
    own_looks = config.texture_weight * histograms[own]
    if not config.texture_weight:
      own_looks = own_looks[:, :0]
    yield Described(np.asarray(embedder.embed(image)), own_looks, regions,
                    config.row_weight)


def learn_centres(images, num_images, config):
  """Learns the groups from some pixels of each image.

  Args:
    images: iterable of `Described`.
    num_images: how many there are.
    config: a PixelGroupConfig.

  Returns:
    f32[groups, D + T + 1], the centres of the k-means.
  """
  rng = np.random.default_rng(config.random_seed)
  count = min(max(LEARNED_FROM // num_images, 1), MOST_OF_AN_IMAGE)
  samples = []
  for described in images:
    pixels = rng.integers(described.regions.size, size=count)
    samples.append(described.vectors(
        *np.unravel_index(pixels, described.regions.shape)))
  return region_looks.cluster(
      np.concatenate(samples), config.num_groups, config.random_seed,
      RESTARTS)[1]
