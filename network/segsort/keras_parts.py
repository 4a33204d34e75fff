"""The embedding head and the loss as Keras layers take them.

For networks of other projects: a head on any feature map, and a loss for
`model.compile`. This project's own training has more (a memory bank, several
replicas, shapes known to a compiler).

Shapes: B batch  H height  W width  P pixels  D embedding  K clusters
        S segments  M bank  C classes  N neighbours
"""

import keras
import tensorflow as tf

from network import layers
from network.segsort import clustering
from network.segsort import loss as loss_lib


@keras.saving.register_keras_serializable(package='segsort')
class SegSortHead(keras.layers.Layer):
  """Projects features to embeddings of unit length.

  Attributes:
    embedding_dim: D.
  """

  def __init__(self, embedding_dim=32, **kwargs):
    """Takes D, and what every Keras layer takes."""
    super().__init__(**kwargs)
    self.embedding_dim = embedding_dim
    # The loss counts pixels and segments, which XLA would have to know before:
    # so `compile` leaves it out by itself.
    self.supports_jit = False
    self.projection = keras.layers.Conv2D(embedding_dim, 1, name='projection')

  def build(self, input_shape):
    """Makes the weights for features [B, h, w, channels]."""
    self.projection.build(input_shape)

  def call(self, features):
    """Returns f32[B, h, w, D], unit length, of [B, h, w, channels]."""
    return clustering.normalize(self.projection(features))

  def compute_output_shape(self, input_shape):
    """Returns (B, h, w, D)."""
    return (*input_shape[:3], self.embedding_dim)

  def get_config(self):
    """Returns the settings that rebuild the layer."""
    return {**super().get_config(), 'embedding_dim': self.embedding_dim}


@keras.saving.register_keras_serializable(package='segsort')
class SegSortLoss(keras.losses.Loss):
  """Supervised segment sorting of each batch (arXiv:1910.06962).

  Segments are found by k-means on embeddings and locations, and pixels sorted
  by the segments of all images of the batch: give it several at once.
  """

  def __init__(self, *, num_clusters=5, kmeans_iterations=10, concentration=10.,
               ignore_label=255, name='segsort_loss'):
    """Takes the settings of training.

    Args:
      num_clusters: k-means starts from a grid of this many rows and columns.
      kmeans_iterations: of the k-means.
      concentration: kappa of the von Mises-Fisher density.
      ignore_label: of pixels that take no part; negative ones do not either.
      name: of the loss.
    """
    super().__init__(name=name, reduction='sum')  # of what is one number
    self.settings = {
        'num_clusters': num_clusters, 'kmeans_iterations': kmeans_iterations,
        'concentration': concentration, 'ignore_label': ignore_label}

  def call(self, labels, embeddings):
    """Computes the loss of a batch.

    Args:
      labels: [B, H, W] or [B, H, W, 1], classes, of the images' size or any
        other: those nearest to the embeddings are taken.
      embeddings: f32[B, h, w, D], unit length.

    Returns:
      f32[], the mean over pixels.
    """
    labels = tf.cast(labels, tf.int32)
    if labels.shape.rank == 4:
      labels = labels[..., 0]
    image_size = tf.shape(labels)[1:]
    labels = layers.resize_nearest(
        labels[..., None], tf.shape(embeddings)[1:3])[..., 0]
    valid = (labels >= 0) & (labels != self.settings['ignore_label'])
    return loss_lib.segsort_loss(
        embeddings, self._cluster(embeddings, valid, image_size), labels,
        concentration=self.settings['concentration'])[0]

  def _cluster(self, embeddings, valid, image_size):
    """Returns i32[B, h, w], clusters that differ between images.

    Args:
      embeddings: f32[B, h, w, D].
      valid: bool[B, h, w]; other pixels get -1.
      image_size: i32[2], (H, W), in which the places of pixels count.
    """
    batch, *size = tf.unstack(tf.shape(embeddings)[:3])
    rows = self.settings['num_clusters']
    maps = (clustering.location_features(*tf.unstack(image_size)),
            clustering.grid_labels(*tf.unstack(image_size), rows, rows)[
                ..., None])
    locations, grid = (
        tf.tile(layers.resize_nearest(one[None], size), [batch, 1, 1, 1])
        for one in maps)
    return loss_lib.cluster_batch(
        embeddings, locations, grid[..., 0], valid, num_clusters=rows**2,
        iterations=self.settings['kmeans_iterations'])

  def get_config(self):
    """Returns the settings that rebuild the loss."""
    return {**self.settings, 'name': self.name}
