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
    votes = sum(self._retrieve(prototypes)[1]
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
    return regions, prototypes.numpy(), *self._retrieve(prototypes)

  def _views_of_regions(self, image, regions):
    """Yields for each view f32[S, D], the regions' mean directions.

    They are zero for numbers without a pixel in the view.
    """
    num_regions = int(regions.max()) + 1
    if len(self._scales) == len(self._flips) == 1:
      yield clustering.normalize(_sum_regions(
          self._embedder.embed(image), regions, num_regions))
      return
    for scale in self._scales:
      scaled, views = self.views(image, scale)
      resized = layers.resize_nearest(
          regions[None, ..., None], scaled)[0, ..., 0].numpy()
      for flip, view in zip(self._flips, views):
        yield self._embed_regions(
            view, resized[:, ::-1] if flip else resized, num_regions)

  def _embed_regions(self, pixels, regions, num_regions):
    """Returns f32[S, D] of one view, window by window: memory has one."""
    sums = 0.
    for (top, bottom, left, right), raw in self._embedder.windows(pixels):
      part = regions[top:bottom, left:right]  # ends where the image does
      raw = raw[:part.shape[0], :part.shape[1]]
      sums += _sum_regions(clustering.normalize(raw), part, num_regions)
    return clustering.normalize(sums)

  def _retrieve(self, prototypes):
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


def _sum_regions(embeddings, regions, num_regions):
  """Returns f32[S, D], the sums of f32[h, w, D] by region i32[h, w]."""
  return clustering.sum_members(
      tf.reshape(embeddings, [-1, embeddings.shape[-1]]),
      tf.constant(regions.ravel()), num_regions)
