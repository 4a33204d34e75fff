"""An image's labels: segments take the vote of their nearest prototypes."""

import numpy as np
import tensorflow as tf

from network import layers
from network.segsort import chunked_kmeans
from network.segsort import clustering
from network.segsort import labelling
from network.segsort import patches as patches_lib
from network.segsort import voting
from segsort.data import preprocessing
from segsort.inference import cues as cues_lib
from segsort.inference import embedding
from segsort.inference import extraction
from segsort.inference import prototype_search
from segsort.inference import prototype_set
from segsort.inference import tf1_compat
from segsort.inference import votes as votes_lib

SCALES = 0.5, 0.75, 1., 1.25, 1.5, 1.75  # as in the release
WINDOWS_IN_PARALLEL = 2  # each is cut into chunks that run in parallel as well


class Labeller:
  """Labels images with an embedder and a prototype set.

  Attributes:
    cluster: compiled function, `patches.Patches` and cues f32[H, W, F] to
      clusters and their prototypes.
    predict: function, u8[H, W, 3] to labels i32[H, W].
  """

  def __init__(self, embedder, features, labels, config):
    """Keeps what all images share.

    Args:
      embedder: an `embedding.Embedder`.
      features: f32[M, D], unit length.
      labels: i32[M].
      config: a `inference_settings.InferenceConfig`.
    """
    self._embedder = embedder
    self._labels = tf.constant(labels)
    self._features = features
    self._vote_weights = weights_of_votes(labels, config)
    self._grid = (config.num_clusters,) * 2
    self._iterations = config.kmeans_iterations
    self._num_classes = config.classes
    self._search = prototype_search.make_search(
        features, prototype_set.clamp_neighbours(
            config.k_in_nearest_neighbors, len(labels)), config.retrieval)
    self._scales = SCALES if config.scale_aug else (1.,)
    self._flips = (False, True) if config.flip_aug else (False,)
    # Signatures: one trace each, whatever sizes the images have.
    cues = cues_lib.num_cues(config)
    self.cluster = tf.function(self._cluster_patches, input_signature=[
        patches_lib.SPEC, tf.TensorSpec([None, None, cues])])
    self._cluster_dense = tf.function(self._cluster_pixels, input_signature=[
        tf.TensorSpec([None] * 3), tf.TensorSpec([None, None, cues])])
    self._cluster_windows = tf.function(
        self._answer_and_cluster, input_signature=[
            embedder.windows_spec, tf.TensorSpec([None, None, None, cues])])
    self._config = config
    self._locate = embedding.locate_window
    multi = config.scale_aug or config.flip_aug
    if config.tf1_compat:
      self._locate = tf1_compat.inference_locate
      multi |= tf1_compat.inference_is_multi(config)
    self.predict = self.predict_multi if multi else self.predict_single

  def _cluster_patches(self, patches, cues):
    """K-means of one image or window.

    Args:
      patches: `patches.Patches`.
      cues: f32[H, W, 2 or 5], see `cues_lib.cues_of`.

    Returns:
      Cluster labels [H, W], of 8 bit where they fit, and f32[K, D], the
      clusters' prototypes.
    """
    clusters, prototypes = labelling.cluster_patches(
        patches, cues, tf.ones(tf.shape(cues)[:2], tf.bool), self._grid,
        self._iterations)
    return tf.cast(clusters, self._label_type), prototypes

  def _cluster_pixels(self, embeddings, cues):
    """The same from f32[H, W, D] of unit length: the release's sums."""
    size = tf.shape(embeddings)
    clusters = extraction.cluster_image(
        embeddings, cues, tf.ones(size[:2], tf.bool), self._grid,
        self._iterations)
    prototypes = chunked_kmeans.mean_directions(
        tf.reshape(embeddings, [size[0] * size[1], size[2]]),
        tf.reshape(clusters, [-1]), self._grid[0] * self._grid[1])
    return tf.cast(clusters, self._label_type), prototypes

  @property
  def _label_type(self):
    """The smallest type of cluster labels that votes are looked up by."""
    small = self._grid[0] * self._grid[1] <= votes_lib.LOOKUP_SIZE
    return tf.uint8 if small else tf.int32

  def _answer_and_cluster(self, windows, cues):
    """Network and k-means of a batch of windows, in one graph.

    Args:
      windows: f32[N, H, W, 3], of window size.
      cues: f32[N, h, w, 2 or 5], of the parts that are clustered.

    Returns:
      As `_cluster_patches`, [N, h, w] and f32[N, K, D].
    """
    size = tf.shape(cues)[1:3]

    def cluster(one):
      if self._config.tf1_compat:
        raw = layers.resize_bilinear(one[0][None], self._embedder.window)[0]
        return self._cluster_dense(
            clustering.normalize(raw[:size[0], :size[1]]), one[1])
      return self.cluster(patches_lib.of_window(
          one[0], self._embedder.window, size), one[1])
    return tf.map_fn(
        cluster, (self._embedder.answer(windows), cues),
        parallel_iterations=WINDOWS_IN_PARALLEL, fn_output_signature=(
            tf.TensorSpec([None, None], self._label_type),
            tf.TensorSpec([self._grid[0] * self._grid[1], None])))

  def _cluster_whole(self, image):
    """Clusters u8[H, W, 3] as a whole: as `_cluster_patches`."""
    if self._config.tf1_compat:
      return self._cluster_dense(
          *tf1_compat.inference_embed(self._embedder, image))
    locations = clustering.location_features(*image.shape[:2])
    return self.cluster(
        self._embedder.patches(image),
        cues_lib.cues_of(locations, image, self._config))

  def _count_votes(self, neighbours, prototypes):
    """Votes i32[S, C] of the neighbours i32[S, N] of f32[S, D]."""
    cosines = None
    if self._vote_weights.concentration:
      cosines = tf.einsum(
          'sd,snd->sn', prototypes, self._features[neighbours.numpy()])
    return voting.count_votes(
        tf.gather(self._labels, neighbours), self._num_classes, cosines,
        self._vote_weights)

  def retrieve(self, image):
    """Finds the segments of an image, clustered as a whole, and their like.

    Args:
      image: u8[H, W, 3].

    Returns:
      i32[H, W] clusters in 0..K-1; f32[K, D], their prototypes, which are 0 for
      clusters without pixels; i32[K, N], the nearest of the set to each; and
      i32[K, C], their votes.
    """
    clusters, prototypes = self._cluster_whole(image)
    neighbours = self._search(prototypes)
    votes = self._count_votes(neighbours, prototypes)
    height, width = image.shape[:2]
    return (clusters.numpy()[:height, :width].astype(np.int32),
            prototypes.numpy(), neighbours.numpy(), votes.numpy())

  def label_clusters(self, clusters, prototypes):
    """Returns i32[H, W] labels of clusters [H, W] and f32[K, D]."""
    votes = self._count_votes(self._search(prototypes), prototypes)
    # Winners by segment: 480 times as fast as votes by pixel, and the same.
    winners = tf.argmax(votes, -1, output_type=tf.int32).numpy()
    return winners[clusters.numpy()]

  def predict_single(self, image):
    """Returns i32[H, W] labels of u8[H, W, 3], clustered as a whole."""
    labels = self.label_clusters(*self._cluster_whole(image))
    return labels[:image.shape[0], :image.shape[1]]

  def predict_multi(self, image):
    """Returns i32[H, W] labels of u8[H, W, 3]: votes of scales and mirrors."""
    votes = votes_lib.VoteSum(image.shape[:2])
    for scale in self._scales:
      self._add_scale(votes, image, scale)
    return votes.winners()

  def _add_scale(self, votes, image, scale):
    """Adds the votes of one scale, with its mirror, to a `votes.VoteSum`."""
    scaled, views = self.views(image, scale)
    for flip, windows in zip(self._flips, self._vote_in_windows(views, scaled)):
      votes.add_view(scaled, windows, flip)

  def views(self, image, scale):
    """Returns (height, width) and f32[*size, 3], with the mirror if asked."""
    height, width = image.shape[:2]
    # Truncated, as in the release.
    scaled = max(int(height * scale), 1), max(int(width * scale), 1)
    pixels = preprocessing.subtract_mean(image)
    pixels = layers.resize_bilinear(pixels[None], scaled)[0]
    # Mirrored last: the legacy resize of a mirror image has other pixels.
    return scaled, [
        pixels[:, ::-1] if flip else pixels for flip in self._flips]

  def _vote_in_windows(self, views, size):
    """Clusters views of one size and searches for all their clusters at once.

    Args:
      views: list of f32[H, W, 3].
      size: their (height, width), without padding.

    Returns:
      For each view a list of windows as `votes.VoteSum.add_view` takes them.
    """
    places, clusters, prototypes = [], [], []
    for batches in zip(*map(self._embedder.batches, views)):
      within, locations = zip(*[
          self._locate(place, size) for place in batches[0][0]])
      for view, (_, windows) in zip(views, batches):
        found = self._cluster_windows(windows, tf.stack([
            cues_lib.cues_of(
                of_place, view[top:bottom, left:right], self._config)
            for (top, bottom, left, right), of_place in zip(
                within, locations)]))
        places.append(within)
        clusters.append(found[0].numpy())
        prototypes.append(found[1])
    prototypes = [
        tf.reshape(some, [-1, some.shape[-1]]) for some in prototypes]
    neighbours = self._search(tf.concat(prototypes, 0))
    # Batch by batch: counting takes segments x neighbours x classes.
    per_window, num_classes = self._grid[0] * self._grid[1], self._num_classes
    parts = tf.split(neighbours, [len(some) for some in prototypes])
    tables = [
        self._count_votes(*part).numpy().reshape(-1, per_window, num_classes)
        for part in zip(parts, prototypes)]
    in_batches = [list(zip(*batch)) for batch in zip(places, clusters, tables)]
    return [sum(in_batches[view::len(views)], []) for view in range(len(views))]


def weights_of_votes(labels, config):
  """Returns the `voting.VoteWeights` of prototypes i32[M] and settings."""
  classes = None
  if config.vote_balance:
    classes = voting.class_weights(
        labels, config.classes, config.vote_balance)
  return voting.VoteWeights(classes, config.vote_concentration)
