"""Figures of a run: what happens to a picture, and what a segment is like.

SAVE_DIR/pipeline.png has a row a picture: input, embedding, segments, labels
and truth. SAVE_DIR/retrieval.png has a row a segment: its picture, and its
nearest training segments with class and similarity.
"""

import os

import cv2
import numpy as np
import PIL.Image

from segsort.data import input_pipeline
from segsort.data import visualization
from segsort.errors import InputError
from segsort.explanation import class_list
from segsort.explanation import crops
from segsort.explanation import embeddings
from segsort.explanation import retrieved
from segsort.explanation import sheet as sheet_lib
from segsort.explanation import sources as sources_lib
from segsort.explanation import stage
from segsort.inference import embedding
from segsort.inference import inference
from segsort.inference import region_labeller
from segsort.runs import files
from segsort.runs import progress

PIPELINE, RETRIEVAL = 'pipeline.png', 'retrieval.png'
COLUMNS = 'input', 'embedding (PCA)', 'segments', 'prediction', 'truth'
CELL, GAP, TITLE = sheet_lib.CELL, sheet_lib.GAP, sheet_lib.TITLE
CROP = 122
_MARKED = 255, 214, 10
_UNKNOWN = 235  # grey of pixels without truth


def make_figures(config):
  """Draws the figures: pictures through all stages, and retrieval."""
  classes = class_list.of_run(config)
  examples = stage.choose_regions(
      choose(inference.find_examples(config), config), config)
  model = embedding.restore_model(config)
  sources = sources_lib.load(config, model)
  if sources.images is None:
    raise InputError(f'there are no training segments to draw. '
                     f'{sources.notes[0]}')
  embedder = embedding.Embedder(
      model, config.input_size, config.window_strides)
  labeller = region_labeller.RegionLabeller(
      embedder, sources.features, sources.labels, config)
  colours = embeddings.find_colours(sources.features)
  rows, queries, seen = [], [], set()
  for example in progress.track(examples, desc='figures'):
    image, truth = stage.read(example, config)
    clusters = stage.read_regions(example, image, config)
    segments = retrieved.find_segments(
        labeller, image, sources.features, truth, clusters)
    if clusters is None:
      clusters, *_ = labeller.retrieve(image)
    labels = paint_labels(clusters, segments)
    rows.append([
        image, colours.paint(embedder.embed(image)),
        visualization.draw_segments(image, clusters),
        color_labels(labels, classes), color_labels(truth, classes)])
    seen |= set(np.unique(labels).tolist())
    query = choose_segment(segments)
    queries.append((image, clusters == query.cluster, query))
  write_small(os.path.join(config.save_dir, PIPELINE),
              draw_rows(rows, sorted(seen), classes))
  write_small(os.path.join(config.save_dir, RETRIEVAL),
              draw_queries(queries, sources, classes, config))
  print(f'figures of {len(rows)} pictures: {config.save_dir}/{PIPELINE} and '
        f'{RETRIEVAL}')


def write_small(path, pixels):
  """Writes u8[H, W, 3] as a PNG of 256 colours, a quarter as large."""
  picture = PIL.Image.fromarray(pixels).quantize(256, dither=0)
  palette = np.zeros(768, np.uint8)
  used = picture.getpalette()
  palette[:len(used)] = used
  files.write_png(path, np.array(picture), palette.reshape(256, 3))


def choose(examples, config):
  """Returns the examples that --show names, or the first ones.

  Raises:
    InputError: a name that no example has.
  """
  if not config.show:
    return examples[:config.max_images or None]
  by_name = {example.name: example for example in examples}
  names = config.show.split(',')
  for name in names:
    if name not in by_name:
      raise InputError(
          f'--show names {name!r}, which none of the {len(examples)} pictures '
          f'is called; the first is {examples[0].name}')
  return [by_name[name] for name in names]


def paint_labels(clusters, segments):
  """Returns i32[H, W] labels of the clusters i32[H, W] of `Segment`s."""
  winners = np.zeros(clusters.max() + 1, np.int32)
  for segment in segments:
    winners[segment.cluster] = segment.label
  return winners[clusters]


def choose_segment(segments):
  """Returns the largest segment that is not of a picture's main class."""
  areas = {}
  for segment in segments:
    areas[segment.label] = areas.get(segment.label, 0) + segment.pixels
  main = max(areas, key=areas.get)
  others = [segment for segment in segments if segment.label != main]
  return max(others or segments, key=lambda segment: segment.pixels)


def color_labels(labels, classes):
  """Returns u8[H, W, 3] of labels i32[H, W]; None, or 255, is grey."""
  if labels is None:
    return None
  palette = np.full((256, 3), _UNKNOWN, np.uint8)
  for label, color in enumerate(classes.colors[:input_pipeline.IGNORED]):
    palette[label] = [int(color[start:start + 2], 16) for start in (1, 3, 5)]
  return palette[labels]


def draw_rows(rows, labels, classes):
  """Draws a row a picture and a legend.

  Args:
    rows: lists of u8[H, W, 3], None for what is not known.
    labels: the classes for the legend.
    classes: `page.Classes`.

  Returns:
    u8[H, W, 3].
  """
  sheet, width, bottom = sheet_lib.lay_out(rows, COLUMNS, 60)
  sheet_lib.draw_legend(
      sheet, GAP, bottom + 2, labels, classes, width - 2 * GAP)
  return sheet.pixels


def mark(image, mask, size):
  """Darkens all but a segment and draws its outline.

  Args:
    image: u8[H, W, 3].
    mask: bool[H, W].
    size: (height, width) to fit into.

  Returns:
    u8[h, w, 3].
  """
  pixels = sheet_lib.scale_to(image, size)
  shares = cv2.resize(mask.astype(np.float32), pixels.shape[1::-1],
                      interpolation=cv2.INTER_LINEAR)
  inside = shares > .5
  pixels[~inside] = (pixels[~inside] * .55).astype(np.uint8)
  lines, _ = cv2.findContours(
      inside.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
  cv2.drawContours(pixels, lines, -1, _MARKED, 2, cv2.LINE_AA)
  return pixels


def draw_queries(queries, sources, classes, config):
  """Draws a row a segment with its nearest training segments.

  Args:
    queries: list of (image u8[H, W, 3], mask bool[H, W], `Segment`).
    sources: `sources.Sources`.
    classes: `page.Classes`.
    config: a `flags.FigureFlags`.

  Returns:
    u8[H, W, 3].
  """
  step, row = CROP + GAP, max(CROP, CELL[0]) + 48
  number = config.num_neighbours
  first = GAP + CELL[1] + 2 * GAP
  sheet = sheet_lib.Sheet(TITLE + len(queries) * row, first + number * step)
  sheet.write(GAP, 5, 'segment')
  sheet.write(first, 5, 'nearest training segments: class, similarity')
  for place, (image, mask, segment) in enumerate(queries):
    top = TITLE + place * row
    sheet.paste(GAP, top, mark(image, mask, CELL))
    winner, votes = segment.votes[0]
    _caption(sheet, GAP, top + CELL[0] + 3, winner, classes, CELL[1],
             f'{votes} of {len(segment.neighbours)} votes')
    for column, (prototype, cosine) in enumerate(segment.neighbours[:number]):
      left = first + column * step
      pixels = draw_training_segment(prototype, sources)
      if pixels is not None:
        sheet.paste(left, top + (CELL[0] - CROP) // 2, pixels,
                    classes.colors[sources.labels[prototype]])
      _caption(sheet, left, top + CELL[0] + 3, sources.labels[prototype],
               classes, CROP, f'{cosine:.3f}')
  return sheet.pixels


def _caption(sheet, x, y, label, classes, width, text):
  """Writes a class and a line below it."""
  sheet.fill(x, y + 2, 11, 11, classes.colors[label])
  sheet.write(x + 16, y, classes.names[label], 12, width=width - 16)
  sheet.write(x + 16, y + 17, text, 13, sheet_lib.FAINT)


def draw_training_segment(prototype, sources):
  """Returns u8[h, w, 3]; None where its picture is absent."""
  segment = sources.segments[prototype]
  path = sources.images[segment['image']]
  image = sources_lib.read_picture(path, segment[None])
  if image is None:
    return None
  mask = None
  if sources.segmenter is not None:
    mask, = sources.segmenter.masks(path, segment[None])
  if mask is None:
    mask = crops.box_mask(segment, image.shape[:2])
  top, bottom, left, right = crops.window_of(segment, image.shape)
  return mark(image[top:bottom, left:right], mask[top:bottom, left:right],
              (CROP, CROP))
