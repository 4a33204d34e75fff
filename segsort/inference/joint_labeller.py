"""An image's labels by retrieval and by the classifier trained beside it.

`train_segsort.py --softmax_weight` trains both on one hidden layer. They err in
different places: retrieval in rare classes, whose segments have few neighbours,
the classifier where a class has many looks. So each segment takes the sum of
what both say of it (`--classifier_weight`).
"""

import numpy as np
import tensorflow as tf

from network.segsort import clustering
from segsort.inference import embedding
from segsort.inference import region_labeller


class JointLabeller(region_labeller.RegionLabeller):
  """Labels segments by shares of votes plus weighted probabilities."""

  def __init__(self, embedder, features, labels, config):
    """Keeps what all images share.

    Args:
      embedder: an `embedding.Embedder` of embeddings with logits behind them.
      features: f32[M, D], unit length.
      labels: i32[M].
      config: an `inference_flags.InferenceFlags`.
    """
    self._whole, self._dim = embedder, config.embedding_dim
    self._weight = config.classifier_weight
    super().__init__(embedding.take_channels(embedder, self._dim), features,
                     labels, config)
    # The segments are those of the image as it is; its views vote on them.
    self.predict = self.predict_in_clusters

  def predict_in_clusters(self, image):
    """Returns i32[H, W] labels of u8[H, W, 3], clustered as a whole."""
    clusters = self._cluster_whole(image)[0].numpy()
    height, width = image.shape[:2]
    return self.predict_in_regions(
        image, clusters[:height, :width].astype(np.int32))

  def predict_in_regions(self, image, regions):
    """Labels each region by both.

    Args:
      image: u8[H, W, 3].
      regions: i32[H, W], 0 or more, with or without gaps.

    Returns:
      i32[H, W]; ties go to the lowest class.
    """
    votes = probabilities = 0.
    for sums in self.sums_of_views(image, regions):
      prototypes = clustering.normalize(sums[:, :self._dim])
      votes += self.retrieve_like(prototypes)[1]
      probabilities += shares(sums[:, self._dim:].numpy())
    if self._vote_weights.classes is not None:
      weights = self._vote_weights.classes.numpy()
      # A class without a prototype is as rare as the rarest.
      probabilities *= np.where(weights, weights, 1.)
    scores = shares(votes) + self._weight * shares(probabilities)
    return scores.argmax(-1).astype(np.int32)[regions]

  def window_features(self, pixels):
    """Yields (top, bottom, left, right) and f32[h, w, D + C] of a view.

    The embedding has unit length, the classes' probabilities sum to 1.

    Args:
      pixels: f32[H, W, 3], mean-subtracted.
    """
    for place, raw in self._whole.windows(pixels):
      yield place, tf.concat([
          clustering.normalize(raw[..., :self._dim]),
          tf.nn.softmax(raw[..., self._dim:])], -1)


def shares(scores):
  """Returns f64[S, C] of scores [S, C] from 0 on: rows sum to 1, or stay 0."""
  totals = scores.sum(-1, keepdims=True, dtype=np.float64)
  return scores / np.where(totals, totals, 1.)
