"""What an exported model does: image bytes to labels, in TensorFlow alone."""

import tensorflow as tf

import network
from network.segsort import clustering
from network.segsort import labelling
from network.segsort import patches as patches_lib
from segsort.data import preprocessing
from segsort.inference import cues as cues_lib
from segsort.inference import embedding
from segsort.inference import encoded_pictures
from segsort.inference import labeller
from segsort.inference import prototype_set

VOID = 255  # label of no pixel


class Labelling(tf.Module):
  """What is exported; its public functions are the signatures.

  Attributes:
    legend: asset: a list of {id, name, color} of the classes, as JSON.
  """

  def __init__(self, model, features, labels, legend, config):
    """Keeps the network and the prototypes.

    Args:
      model: a model of `network.build_embedding_model`.
      features: f32[M, D], unit length.
      labels: i32[M].
      legend: path of a JSON file, which is copied.
      config: an `export.ExportConfig`.
    """
    super().__init__()
    self._model = model
    self._window = config.input_size
    self._takes_one_size = network.view_of(model).size is not None
    self._answer_window = embedding.Embedder(
        model, config.input_size, config.input_size).answer
    # Variables: a graph's constants must be smaller than 2 GB.
    self._prototypes = tf.Variable(features, trainable=False)
    self._prototype_labels = tf.Variable(labels, trainable=False)
    self.legend = tf.saved_model.Asset(legend)
    self._settings = {
        'num_clusters': config.num_clusters,
        'iterations': config.kmeans_iterations,
        'num_neighbours': prototype_set.clamp_neighbours(
            config.k_in_nearest_neighbors, len(labels)),
        'num_classes': config.classes,
        'vote_weights': labeller.weights_of_votes(labels, config)}
    self._config = config

  @tf.function(input_signature=[tf.TensorSpec([], tf.string, 'image')])
  def label(self, image):
    """Labels a picture.

    Args:
      image: string[], the bytes of a JPEG, PNG, BMP or GIF file. It is seen as
        stored: not turned as EXIF says, transparency ignored.

    Returns:
      As `labelling.label_image`, and neighbour_labels i32[K, N], the classes of
      the neighbours.
    """
    answer, pixels, window = self._answer(image)
    locations = clustering.location_features(*tf.unstack(tf.shape(pixels)[:2]))
    found = labelling.label_patches(
        patches_lib.of_window(answer, window, tf.shape(pixels)),
        cues_lib.cues_of(locations, pixels, self._config), self._prototypes,
        self._prototype_labels, **self._settings)
    return {**found, 'neighbour_labels': tf.gather(
        self._prototype_labels, found['neighbours'])}

  @tf.function(input_signature=[tf.TensorSpec([None], tf.string, 'images')])
  def label_batch(self, images):
    """Labels pictures of any sizes, one by one.

    Args:
      images: string[B], each as `label` takes it.

    Returns:
      As `label`, with B in front, in the height and width of the largest:
      beyond its own a picture has the label 255 and the segment -1. And sizes
      i32[B, 2], (height, width).
    """
    sizes = tf.map_fn(
        lambda image: tf.shape(encoded_pictures.decode(image))[:2], images,
        fn_output_signature=tf.TensorSpec([2], tf.int32))
    largest = tf.reduce_max(sizes, 0)

    def label_padded(item):
      image, size = item
      found = self.label(image)
      for name, padding in (('labels', VOID), ('segments', -1)):
        found[name] = tf.pad(
            found[name], tf.stack([tf.zeros_like(size), largest - size], 1),
            constant_values=padding)
      return found

    kinds = {name: tf.TensorSpec(None, tensor.dtype) for name, tensor in
             self.label.get_concrete_function().structured_outputs.items()}
    found = tf.map_fn(label_padded, (images, sizes), fn_output_signature=kinds,
                      parallel_iterations=1)  # the memory of one picture
    return {**found, 'sizes': sizes}

  @tf.function(input_signature=[tf.TensorSpec([], tf.string, 'image')])
  def embed(self, image):
    """Returns {'embeddings': f32[H, W, D]}, raw, of the bytes of a picture."""
    answer, pixels, window = self._answer(image)
    size = tf.shape(pixels)
    raw = network.layers.resize_bilinear(answer[None], window)[0]
    return {'embeddings': raw[:size[0], :size[1]]}

  def _answer(self, image):
    """Decodes and asks the network.

    Args:
      image: string[], the bytes of a picture.

    Returns:
      f32[h, w, D]; u8[H, W, 3], the pixels; and i32[2], the (height, width)
      that they were padded to.
    """
    pixels = encoded_pictures.decode(image)
    size = tf.unstack(tf.shape(pixels)[:2])
    padding = [[0, tf.maximum(window - length, 0)]
               for window, length in zip(self._window, size)]
    padded = tf.pad(preprocessing.subtract_mean(pixels), [*padding, [0, 0]])
    # One picture, though the graph does not know: where it does, it is
    # optimised otherwise than in inference.py, and rounds otherwise.
    one = tf.cast(tf.strings.length(image) >= 0, tf.int32)
    batch = tf.tile(padded[None], [one, 1, 1, 1])
    answer = tf.cond(
        tf.reduce_all(tf.shape(padded)[:2] == self._window),
        lambda: self._answer_window(tf.ensure_shape(
            batch, [None, *self._window, 3])),
        lambda: self._answer_in_windows(padded) if self._takes_one_size else (
            self._answer_whole(batch)))[0]
    answer = tf.ensure_shape(
        answer, [None, None, self._prototypes.shape[1]])
    return answer, pixels, tf.shape(padded)[:2]

  def _answer_in_windows(self, pixels):
    """Sums windows, as inference.py: a cell a pixel.

    Args:
      pixels: f32[H, W, 3].

    Returns:
      f32[1, H, W, D].
    """
    height, width = tf.unstack(tf.shape(pixels)[:2])
    ends = [_window_ends(*axis) for axis in zip((height, width), self._window)]
    offsets = [tf.range(-length, 0) for length in self._window]

    def add(total, end):
      rows, columns = end[0] + offsets[0], end[1] + offsets[1]
      window = tf.gather(tf.gather(pixels, rows), columns, axis=1)
      raw = network.layers.resize_bilinear(
          self._answer_window(window[None]), self._window)
      return tf.tensor_scatter_nd_add(
          total, tf.reshape(rows[:, None] * width + columns, [-1, 1]),
          tf.reshape(raw, [-1, raw.shape[-1]]))

    total = tf.foldl(
        add, tf.reshape(tf.stack(tf.meshgrid(*ends, indexing='ij'), -1),
                        [-1, 2]),
        tf.zeros([height * width, self._prototypes.shape[1]]),
        parallel_iterations=1)  # the memory of one window
    return tf.reshape(total, [1, height, width, -1])

  def _answer_whole(self, pixels):
    """As the window, in a graph for any size."""
    return tf.cast(self._model(pixels, training=False), tf.float32)


def _window_ends(size, window):
  """As `embedding.window_ends` at its default stride, of a size i32[]."""
  stride = max(1, window * 2 // 3)
  count = tf.maximum(-(-(size - window) // stride), 0) + 1
  return tf.cast(tf.linspace(
      tf.constant(window, tf.float64), tf.cast(size, tf.float64), count),
                 tf.int32)
