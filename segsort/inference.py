"""Labels by retrieval: segments take the vote of their nearest prototypes."""

import cv2
import numpy as np
import tensorflow as tf
import tqdm

from network import layers
from network.segsort import clustering
from network.segsort import prototypes as prototypes_lib
from network.segsort import retrieval
from segsort import dataset_info
from segsort import distribution
from segsort import embedding
from segsort import extraction
from segsort import files
from segsort import image_list
from segsort import preprocessing
from segsort import prototype_search
from segsort import prototype_set
from segsort import resumption
from segsort import sharding
from segsort import tf1_compat

SCALES = 0.5, 0.75, 1., 1.25, 1.5, 1.75


class Labeller:
  """Labels images with an embedder and a prototype set."""

  def __init__(self, embedder, features, labels, config):
    """Keeps what all images share.

    Args:
      embedder: an `embedding.Embedder`.
      features: f32[M, D], unit length.
      labels: i32[M].
      config: a `config.InferenceConfig`.
    """
    self._embedder = embedder
    self._labels = tf.constant(labels)
    self._grid = (config.num_clusters,) * 2
    self._iterations = config.kmeans_iterations
    self._num_classes = config.classes
    self._search = prototype_search.make_search(
        features, prototype_set.clamp_neighbours(
            config.k_in_nearest_neighbors, len(labels)), config.retrieval)
    self._scales = SCALES if config.scale_aug else (1.,)
    self._flips = (False, True) if config.flip_aug else (False,)
    self._embed, self._locate = embed_image, locate_window
    multi = config.scale_aug or config.flip_aug
    if config.tf1_compat:
      self._embed = tf1_compat.inference_embed
      self._locate = tf1_compat.inference_locate
      multi |= tf1_compat.inference_is_multi(config)
    self.predict = self.predict_multi if multi else self.predict_single

  def vote(self, embeddings, locations):
    """Clusters pixels and counts the votes of each cluster's neighbours.

    Args:
      embeddings: f32[H, W, D], unit length.
      locations: f32[H, W, 2].

    Returns:
      i32[H, W] cluster labels and i32[K, C] votes.
    """
    num_clusters = self._grid[0] * self._grid[1]
    clusters = extraction.cluster_image(
        embeddings, locations, tf.ones(embeddings.shape[:2], tf.bool),
        self._grid, self._iterations)
    queries = prototypes_lib.segment_prototypes(
        tf.reshape(embeddings, [-1, embeddings.shape[-1]]),
        tf.reshape(clusters, [-1]), num_clusters)
    return clusters, retrieval.count_votes(
        tf.gather(self._labels, self._search(queries)), self._num_classes)

  def predict_single(self, image):
    """Returns i32[H, W] labels of u8[H, W, 3], clustered as a whole."""
    clusters, votes = self.vote(*self._embed(self._embedder, image))
    winners = tf.argmax(votes, -1, output_type=tf.int32)
    height, width = image.shape[:2]
    return tf.gather(winners, clusters).numpy()[:height, :width]

  def predict_multi(self, image):
    """Returns i32[H, W] labels of u8[H, W, 3]: votes of scales and mirrors."""
    total = sum(self._votes_of_view(image, scale, flip)
                for scale in self._scales for flip in self._flips)
    return np.argmax(total, -1).astype(np.int32)

  def _votes_of_view(self, image, scale, flip):
    """Votes f32[H, W, C] of one scale, mirrored or not, window by window."""
    height, width = image.shape[:2]
    scaled = max(int(height * scale), 1), max(int(width * scale), 1)
    pixels = preprocessing.subtract_mean(image)
    pixels = layers.resize_bilinear(pixels[None], scaled)[0]
    if flip:
      pixels = pixels[:, ::-1]
    votes = np.zeros(
        [max(a, b) for a, b in zip(scaled, self._embedder.window)]
        + [self._num_classes], np.float32)
    for place, raw in self._embedder.windows(pixels):
      (top, bottom, left, right), locations = self._locate(place, scaled)
      raw = raw[:bottom - top, :right - left]
      clusters, table = self.vote(clustering.normalize(raw), locations)
      votes[top:bottom, left:right] += tf.gather(table, clusters).numpy()
    votes = votes[:scaled[0], :scaled[1]]
    if flip:
      votes = votes[:, ::-1]
    return _resize_votes(votes, (height, width))


def embed_image(embedder, image):
  """Embeds an image and says where its pixels are.

  Args:
    embedder: an `embedding.Embedder`.
    image: u8[H, W, 3].

  Returns:
    f32[H, W, D] embeddings of unit length, and f32[H, W, 2] locations.
  """
  return embedder.embed(image), clustering.location_features(*image.shape[:2])


def locate_window(place, size):
  """Cuts a window to the image and says where its pixels are in it.

  Args:
    place: (top, bottom, left, right); it may reach below and right of the
      image, where that is smaller than the window.
    size: (height, width) of the image.

  Returns:
    The place within the image, and f32[h, w, 2] locations.
  """
  top, bottom, left, right = place
  bottom, right = min(bottom, size[0]), min(right, size[1])
  locations = clustering.location_features(*size)
  return (top, bottom, left, right), locations[top:bottom, left:right]


def _resize_votes(votes, size):
  """Bilinear resize of f32[h, w, C] to (height, width), any C."""
  channels = [
      cv2.resize(np.ascontiguousarray(votes[..., i]), size[::-1],
                 interpolation=cv2.INTER_LINEAR)
      for i in range(votes.shape[-1])]
  return np.stack(channels, -1)


def infer(config):
  """Labels the images of a list by retrieval from a prototype set."""
  examples = image_list.read_list(config.data_list, config.data_dir)
  image_list.check_names(examples)
  share = sharding.share_of(examples, config)
  features, labels = prototype_set.load(
      config.prototype_dir, config.embedding_dim, config.classes)

  def make_predictor():
    labeller = Labeller(embedding.Embedder(
        embedding.restore_model(config), config.input_size,
        config.window_strides), features, labels, config)
    return lambda example: labeller.predict(files.read_image(example.image))

  workers = sharding.make_workers(
      distribution.devices(config), make_predictor)
  palette = dataset_info.get(config.dataset).palette
  waiting = resumption.begin_images(config, examples, share)
  predictions = sharding.map_in_threads(workers, waiting)
  for predicted, example in zip(tqdm.tqdm(
      predictions, total=len(share), initial=len(share) - len(waiting),
      desc='inference'), waiting):
    predicted = predicted.astype(np.uint8)
    gray, color = resumption.image_outputs(config.save_dir, example)
    files.write_png(gray, predicted)
    files.write_png(color, palette[predicted])
  print(f'{len(share)} images labelled: {config.save_dir}/gray and color')
