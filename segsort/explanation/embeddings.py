"""What a network makes of pictures: its embeddings as colours, and as a map.

SAVE_DIR/pca/NAME.png shows a picture, its embeddings by the three principal
components of the prototypes, so that a colour means the same in all pictures,
and its segments. SAVE_DIR/prototype_map.png shows the set itself.
"""

import dataclasses
import os

import numpy as np

from network.segsort import projection
from segsort.checkpoints import checkpoint
from segsort.data import visualization
from segsort.errors import InputError, warn
from segsort.explanation import class_list
from segsort.explanation import crops
from segsort.explanation import prototype_map
from segsort.explanation import sources as sources_lib
from segsort.explanation import stage
from segsort.inference import cues as cues_lib
from segsort.inference import embedding
from segsort.inference import extraction
from segsort.inference import inference
from segsort.inference import prototype_set
from segsort.runs import files
from segsort.runs import folder_lock
from segsort.runs import input_records
from segsort.runs import progress
from segsort.runs import resumption
from segsort.runs import run_record

MAP, FOLDER = 'prototype_map.png', 'pca'
LEAST_SIDE = 384  # pixels that the longer side of a picture is drawn with
_RANGE = 1, 99  # per cent of the prototypes between black and full colour


@dataclasses.dataclass(frozen=True)
class Colours:
  """A basis that embeddings are painted in.

  Attributes:
    components: f32[D, C], at most three.
    lowest: f32[C], what is painted black.
    extent: f32[C], from there to full colour.
  """
  components: np.ndarray
  lowest: np.ndarray
  extent: np.ndarray

  def paint(self, embeddings):
    """Returns u8[H, W, 3] of f32[H, W, D]."""
    projected = projection.project(embeddings, self.components).numpy()
    shares = ((projected - self.lowest) / self.extent).clip(0, 1)
    missing = 3 - shares.shape[-1]
    shares = np.pad(shares, [[0, 0], [0, 0], [0, missing]])
    return (255 * shares).round().astype(np.uint8)


def visualize_embeddings(config):
  """Draws pictures' embeddings, and a map of the prototypes."""
  classes = class_list.of_run(config)
  examples = inference.find_examples(config)[:config.max_images or None]
  model = embedding.restore_model(config)
  sources = sources_lib.load(config, model)
  with folder_lock.alone(config.save_dir):
    _draw_all(examples, model, sources, classes, config)


def _draw_all(examples, model, sources, classes, config):
  """Draws what an earlier run has not, alone in the folder."""
  begin(config, examples)
  draw_map(sources, classes, config)
  colours = find_colours(sources.features)
  embedder = embedding.Embedder(
      model, config.input_size, config.window_strides)
  failed = 0
  for example in progress.track(examples, desc='embeddings'):
    path = picture_path(config, example)
    if files.is_whole_png(path):
      continue
    before = input_records.stamp(example.image)
    try:
      image, _ = stage.read(example, config)
    except InputError as error:
      warn(f'not drawn: {error}')
      failed += 1
      continue
    input_records.append(
        input_records.record_path(config.save_dir), example.name,
        [example.image], before)
    files.write_png(path, draw_picture(embedder, image, colours, config))
  print(f'{len(examples) - failed} pictures of embeddings: '
        f'{config.save_dir}/{FOLDER}; the prototypes: {config.save_dir}/{MAP}')


def begin(config, examples):
  """Goes on from what an earlier run left in --save_dir, or clears it."""
  def outputs(unused_all):
    return [os.path.join(config.save_dir, MAP),
            *input_records.record_paths(config.save_dir),
            *(picture_path(config, example) for example in examples)]

  resumption.begin(config.save_dir, run_record.describe_run(
      config, restore_from=checkpoint.digest(config.restore_from),
      prototype_dir=run_record.digest(
          *prototype_set.release_paths(config.prototype_dir))),
      config.overwrite, outputs)
  resumption.remove_outdated(
      config.save_dir, examples,
      lambda example: [picture_path(config, example)])


def picture_path(config, example):
  """The path of an image's embeddings."""
  return os.path.join(config.save_dir, FOLDER, f'{example.name}.png')


def find_colours(features):
  """Returns the `Colours` that prototypes f32[M, D] spread over."""
  components = projection.principal_components(
      features, min(3, features.shape[1])).numpy()
  projected = features @ components
  lowest, highest = np.percentile(projected, _RANGE, axis=0)
  return Colours(components, lowest.astype(np.float32),
                 np.maximum(highest - lowest, 1e-6).astype(np.float32))


def draw_picture(embedder, image, colours, config):
  """Draws a picture beside its embeddings and its segments.

  Args:
    embedder: an `embedding.Embedder`.
    image: u8[H, W, 3].
    colours: `Colours`.
    config: a `flags.EmbeddingFlags`.

  Returns:
    u8[h, w, 3].
  """
  embeddings, locations = embedding.embed_image(embedder, image)
  clusters = extraction.cluster_image(
      embeddings, cues_lib.cues_of(locations, image, config),
      np.ones(image.shape[:2], bool), (config.num_clusters,) * 2,
      config.kmeans_iterations)
  size = np.array(image.shape[:2])
  size *= max(1, LEAST_SIDE // size.max())  # lines hide a small picture
  image, painted, clusters = (
      visualization.enlarge(array, size)
      for array in (image, colours.paint(embeddings), clusters.numpy()))
  return visualization.panel(
      [image, painted, visualization.draw_segments(image, clusters)],
      ['image', 'embedding (PCA)', 'segments'])


def draw_map(sources, classes, config):
  """Writes the map of the prototypes, unless it is there already."""
  path = os.path.join(config.save_dir, MAP)
  if files.is_whole_png(path):
    return
  rows = take_evenly(len(sources.labels), config.max_prototypes)
  labels = sources.labels[rows]
  points, text = prototype_map.project(
      np.asarray(sources.features[rows]), config.projection)
  places = prototype_map.place(points)
  thumbnails = {}
  if sources.images is not None:
    chosen = prototype_map.representatives(
        places, labels, fills_its_box(sources.segments[rows]),
        config.num_thumbnails)
    for place in chosen:
      thumbnail = make_thumbnail(sources, rows[place])
      if thumbnail is not None:
        thumbnails[place] = thumbnail
    if len(thumbnails) < len(chosen):
      warn(f'{len(chosen) - len(thumbnails)} of {len(chosen)} thumbnails are '
           'left out: their pictures are absent or of another size; give '
           '--prototype_data_dir')
  for note in sources.notes:
    warn(note)
  shown = f'{len(rows):,} of ' if len(rows) < len(sources.labels) else ''
  files.write_png(path, prototype_map.draw(
      places, labels, thumbnails, classes,
      f'{shown}{len(sources.labels):,} prototypes: {text}'))


def take_evenly(count, number):
  """Returns i64[N], at most `number` of 0..count-1, evenly spread."""
  return np.arange(min(number, count)) * count // min(number, count)


def fills_its_box(segments):
  """Whether a crop shows mostly the segment; bool[M] of SEGMENT[M]."""
  boxes = ((segments['bottom'] - segments['top'])
           * (segments['right'] - segments['left']))
  return segments['pixels'] >= boxes / 2


def make_thumbnail(sources, row):
  """Returns u8[h, w, 3] of a prototype's segment; None without a picture."""
  segment = sources.segments[row]
  image = sources_lib.read_picture(
      sources.images[segment['image']], segment[None])
  if image is None:
    return None
  top, bottom, left, right = crops.window_of(segment, image.shape)
  side = prototype_map.THUMBNAIL - 10  # paper between two frames
  part = image[top:bottom, left:right]
  factor = side / max(part.shape[:2])
  if factor > 1:
    size = [round(length * factor) for length in part.shape[:2]]
    return visualization.enlarge(part, size)
  return crops.shrink(part, side)
