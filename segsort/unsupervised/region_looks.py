"""What the regions of all images look like, in the same words.

The words are textons, learned from all images, and cells of colour; a region is
the histogram of those in it (`texture_descriptors`).
"""

import cv2
import numpy as np

from segsort.contours import gradient_contours
from segsort.data import input_pipeline
from segsort.data import reading
from segsort.runs import progress
from segsort.unsupervised import region_merging
from segsort.unsupervised import texture_descriptors

SAMPLES = 250  # pixels of an image that the textons are learned from
RESTARTS = 10  # of the k-means of regions; the best counts


def describe_regions(examples, config):
  """Describes the regions of all images, in order, alike neighbours as one.

  Returns:
    f32[described, T + C]; i[described], their numbers of pixels; and
    i[regions], as what each region is described.
  """
  textons = learn_textons(examples, config)
  spread = textons[1]
  described, sizes, owners, count = [], [], [], 0
  for example in progress.track(examples, desc='describing', unit='image'):
    image, regions = read_regions(example)
    lab = np.stack([*gradient_contours.lab_channels(image).values()])
    responses = texture_descriptors.texture_responses(lab[0]) / spread
    words = texture_descriptors.nearest_textons(responses, textons[0])
    parts = [texture_descriptors.region_histograms(
        regions, words, len(textons[0]))]
    if config.color_weight:
      parts.append(config.color_weight * texture_descriptors.region_histograms(
          regions, texture_descriptors.color_bins(lab),
          texture_descriptors.COLOR_BINS ** 3))
    histograms = np.concatenate(parts, 1)
    pixels = np.bincount(regions.ravel(), minlength=len(histograms))
    own = np.arange(len(histograms))
    if config.merge_cost:
      own, histograms, pixels = region_merging.merge_alike(
          histograms, pixels, region_merging.neighbours(regions),
          config.merge_cost)
    described.append(histograms)
    sizes.append(pixels)
    owners.append(own + count)
    count += len(histograms)
  return tuple(np.concatenate(part) for part in (described, sizes, owners))


def read_regions(example):
  """Returns an image u8[H, W, 3] and its regions i32[H, W] of 0..R-1.

  Their order is that of the file's numbers, which may leave some out.

  Raises:
    InputError: unreadable, or another size.
  """
  image, regions = input_pipeline.read_regions(example)
  return image, np.unique(regions, return_inverse=True)[1].reshape(
      regions.shape).astype(np.int32)


def learn_textons(examples, config):
  """Finds the typical filter responses of pixels of all images.

  Returns:
    f32[T, R], of responses divided by their spread f32[R, 1, 1]; and that.
  """
  rng = np.random.default_rng(config.random_seed)
  samples = []
  for example in progress.track(examples, desc='textons', unit='image'):
    lightness = gradient_contours.lab_channels(
        reading.read_image(example.image))['lightness']
    responses = texture_descriptors.texture_responses(lightness)
    pixels = responses.reshape(len(responses), -1)
    samples.append(pixels[:, rng.integers(pixels.shape[1], size=SAMPLES)].T)
  samples = np.concatenate(samples)
  spread = np.maximum(samples.std(0), 1e-6)
  textons = cluster(samples / spread, config.num_textons, config.random_seed,
                    restarts=2)[1]
  return textons, spread[:, None, None]


def cluster(vectors, count, seed, restarts=RESTARTS):
  """k-means.

  Args:
    vectors: f32[N, D].
    count: of clusters; fewer if there are fewer vectors.
    seed: of the start.
    restarts: the tightest of so many counts.

  Returns:
    i32[N] and the centres f32[count, D].
  """
  cv2.setRNGSeed(seed)
  vectors = np.ascontiguousarray(vectors, np.float32)
  if len(vectors) <= count:
    return np.arange(len(vectors)), vectors
  stop = cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 100, 1e-5
  _, labels, centres = cv2.kmeans(
      vectors, count, None, stop, restarts, cv2.KMEANS_PP_CENTERS)
  return labels.ravel(), centres
