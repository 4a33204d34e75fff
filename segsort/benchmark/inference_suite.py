"""Inference against the release's formulation, part by part and as a whole.

Windows and images of the CamVid recipe (180x240), 5x5 or 12x12 clusters, 21
classes, 15 neighbours among 5000 prototypes. What comes after the network
starts from its answer at an eighth of the size.
"""

import dataclasses

import numpy as np
import tensorflow as tf

import network
from network import layers
from network.segsort import clustering
from network.segsort import patches as patches_lib
from network.segsort import voting
from segsort.benchmark import measure
from segsort.benchmark import release_inference
from segsort.data import preprocessing
from segsort.inference import embedding
from segsort.inference import inference_settings
from segsort.inference import labeller as labeller_lib
from segsort.inference import votes as votes_lib
from segsort.runs import settings as settings_lib

WINDOW = settings_lib.Size((180, 240))
DIM, CLASSES, NEIGHBOURS, PROTOTYPES = 32, 21, 15, 5000
VOTING_WINDOWS = 8
LARGE, GRIDS = (720, 720), (5, 12)


def comparisons():
  """Yields a Comparison for each aim."""
  rng = np.random.default_rng(0)
  config = inference_settings.InferenceConfig(
      data_list='', data_dir='', restore_from='', save_dir='',
      prototype_dir='', embedding_dim=DIM, num_classes=CLASSES,
      input_size=WINDOW, k_in_nearest_neighbors=NEIGHBOURS, scale_aug=True,
      flip_aug=True)
  image = draw_image(rng, *WINDOW)
  embed = cheap_network(rng)
  embedder = embedding.Embedder(embed, WINDOW, config.window_strides)
  pixels = embedder.embed(image).numpy().reshape(-1, DIM)
  prototypes = (pixels[rng.integers(0, len(pixels), PROTOTYPES)],
                rng.integers(0, CLASSES, PROTOTYPES).astype(np.int32))
  yield _network_part(image, config)
  yield _votes_alone(rng)
  answer = embed(preprocessing.subtract_mean(draw_image(rng, *LARGE))[None])[0]
  release_network = release_inference.make_network(embed, WINDOW)
  for number in GRIDS:
    own = dataclasses.replace(config, num_clusters=number)
    labeller = labeller_lib.Labeller(embedder, *prototypes, own)
    yield _single_scale(answer, labeller, prototypes, own)
    yield _multi_scale(image, labeller, prototypes, own, release_network)


def draw_image(rng, height, width):
  """Returns u8[H, W, 3]: blocks of colour under noise."""
  blocks = rng.integers(0, 200, (height // 24 + 1, width // 24 + 1, 3))
  image = np.kron(blocks, np.ones((24, 24, 1), int))[:height, :width]
  return (image + rng.integers(0, 56, image.shape)).astype(np.uint8)


def cheap_network(rng):
  """Returns a function like a network's of stride 8, that costs nothing."""
  mix = tf.constant(rng.normal(size=(3, DIM)) / 60, tf.float32)

  def embed(images, training=False):
    del training
    return tf.sin(tf.einsum('bhwc,cd->bhwd', images[:, ::8, ::8], mix))
  return embed


def _network_part(image, config):
  """All windows of all scales through a network."""
  model = network.build_embedding_model('resnet_small', 'pspnet', DIM)
  embedder = embedding.Embedder(model, WINDOW, config.window_strides)
  release_network = release_inference.make_network(model, WINDOW)
  views = [tf.pad(view, [[0, max(want - have, 0)] for want, have in zip(
      WINDOW, view.shape)] + [[0, 0]]) for view in (
          layers.resize_bilinear(
              preprocessing.subtract_mean(image)[None],
              [int(length * scale) for length in WINDOW])[0]
          for scale in labeller_lib.SCALES)]

  def ours():
    for view in views:
      for _, windows in embedder.batches(view):
        raw = embedder.embed_windows(windows)
    return float(raw[-1, 0, 0, 0])  # a GPU has done it all then

  def twin():
    for view in views:
      view = view.numpy()
      for top, bottom, left, right in embedding.windows_of(
          view.shape[:2], WINDOW, config.window_strides):
        raw = release_network(view[top:bottom, left:right])
    return float(raw[0, 0, 0])
  return measure.Comparison(
      name='network, resnet_small, windows of 6 scales', aim=1.3,
      ours=ours, twin=twin)


def _votes_alone(rng):
  """From clusters and their neighbours to the labels of one view."""
  size = WINDOW
  windows = [rng.integers(0, 25, size).astype(np.uint8)
             for _ in range(VOTING_WINDOWS)]
  # Neighbours as they are: of a few classes each.
  classes = rng.integers(0, CLASSES, (VOTING_WINDOWS, 25, 1)) + rng.integers(
      0, 2, (VOTING_WINDOWS, 25, NEIGHBOURS))
  classes = (classes % CLASSES).astype(np.int32)
  place = 0, size[0], 0, size[1]

  def ours():
    votes = votes_lib.VoteSum(size)
    tables = voting.count_votes(
        tf.reshape(classes, [-1, NEIGHBOURS]), CLASSES)
    tables = tables.numpy().reshape(VOTING_WINDOWS, -1, CLASSES)
    votes.add_view(size, [(place, *window) for window in zip(windows, tables)])
    return votes.winners()

  def twin():
    return sum(
        release_inference.count_votes(clusters, neighbours, CLASSES)
        for clusters, neighbours in zip(windows, classes)).argmax(-1)
  return measure.Comparison(
      name='votes alone, 8 windows of 180x240', aim=40, ours=ours, twin=twin)


def _single_scale(answer, labeller, prototypes, config):
  """From the network's answer for one large image to labels."""
  locations = clustering.location_features(*LARGE)
  # As an embedder does for an image that is one window
  make_patches = tf.function(
      lambda: patches_lib.of_window(answer, LARGE, LARGE))

  def twin():
    embeddings = clustering.normalize(
        layers.resize_bilinear(answer[None], LARGE)[0])
    return release_inference.vote(
        embeddings, locations, prototypes, config).argmax(-1)
  number = config.num_clusters
  return measure.Comparison(
      name=f'single scale after the network, 720x720, {number}x{number}',
      aim=8, memory_aim=8, repeats=5,
      ours=lambda: labeller.label_clusters(
          *labeller.cluster(make_patches(), locations)), twin=twin)


def _multi_scale(image, labeller, prototypes, config, release_network):
  """All windows of all scales and mirrors, but for the network."""
  number = config.num_clusters
  return measure.Comparison(
      name=f'multi-scale after the network, 180x240, {number}x{number}', aim=6,
      memory_aim=8, repeats=5,
      ours=lambda: labeller.predict_multi(image),
      twin=lambda: release_inference.predict_multi(
          release_network, image, prototypes, config, labeller_lib.SCALES))
