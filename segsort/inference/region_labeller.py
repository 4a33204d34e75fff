"""An image's labels by given regions: what `labeller` does without k-means."""

import numpy as np
import tensorflow as tf

from network import layers
from network.segsort import clustering
from segsort.inference import labeller

SEGMENTS_AT_ONCE = 1024  # votes are counted by segments x neighbours x classes


class RegionLabeller(labeller.Labeller):
  """Labels images whose segments are known before."""

  def predict_in_regions(self, image, regions):
    """Labels each region by the nearest prototypes of its mean direction.

    A region is one segment, in each scale and mirror: their votes are summed
    by region, so that it has one label.

    Args:
      image: u8[H, W, 3].
      regions: i32[H, W], 0 or more, with or without gaps.

    Returns:
      i32[H, W]; ties go to the lowest class.
    """
    votes = sum(self.retrieve_like(prototypes)[1]
                for prototypes in self._views_of_regions(image, regions))
    return votes.argmax(-1).astype(np.int32)[regions]

  def retrieve_in_regions(self, image, regions):
    """Finds the like of each region, of the image as it is.

    Args:
      image: u8[H, W, 3].
      regions: i32[H, W], 0 or more, with or without gaps.

    Returns:
      As `retrieve`, of S regions: i32[H, W] regions, f32[S, D], i32[S, N] and
      i64[S, C], the votes.
    """
    prototypes, = self._views_of_regions(image, regions)
    return regions, prototypes.numpy(), *self.retrieve_like(prototypes)

  def _views_of_regions(self, image, regions):
    """Yields for each view f32[S, D], the regions' mean directions.

    They are zero for numbers without a pixel in the view.
    """
    if len(self._scales) == len(self._flips) == 1:
      yield clustering.normalize(sum_regions(
          self._embedder.embed(image), regions, int(regions.max()) + 1))
      return
    for sums in self.sums_of_views(image, regions):
      yield clustering.normalize(sums)

  def sums_of_views(self, image, regions):
    """Yields for each view f32[S, F], sums of `window_features` by region.

    Args:
      image: u8[H, W, 3].
      regions: i32[H, W], 0 or more.
    """
    num_regions = int(regions.max()) + 1
    for scale in self._scales:
      scaled, views = self.views(image, scale)
      resized = layers.resize_nearest(
          regions[None, ..., None], scaled)[0, ..., 0].numpy()
      for flip, view in zip(self._flips, views):
        own, sums = resized[:, ::-1] if flip else resized, 0.
        # Window by window: memory has one.
        for (top, bottom, left, right), part in self.window_features(view):
          inside = own[top:bottom, left:right]  # ends where the image does
          sums += sum_regions(part[:inside.shape[0], :inside.shape[1]], inside,
                              num_regions)
        yield sums

  def window_features(self, pixels):
    """Yields (top, bottom, left, right) and f32[h, w, D] of unit length.

    Args:
      pixels: f32[H, W, 3], mean-subtracted.
    """
    for place, raw in self._embedder.windows(pixels):
      yield place, clustering.normalize(raw)

  def retrieve_like(self, prototypes):
    """Returns the nearest i32[S, N] of f32[S, D], and votes i64[S, C].

    There are no votes where f32[S, D] is zero.
    """
    neighbours = self._search(prototypes)
    votes = np.concatenate([
        self._count_votes(neighbours[first:first + SEGMENTS_AT_ONCE],
                          prototypes[first:first + SEGMENTS_AT_ONCE])
        for first in range(0, len(prototypes), SEGMENTS_AT_ONCE)])
    return neighbours.numpy(), np.where(
        prototypes.numpy().any(-1, keepdims=True), votes.astype(np.int64), 0)


def sum_regions(embeddings, regions, num_regions):
  """Returns f32[S, D], the sums of f32[h, w, D] by region i32[h, w]."""
  return clustering.sum_members(
      tf.reshape(embeddings, [-1, embeddings.shape[-1]]),
      tf.constant(regions.ravel()), num_regions)
