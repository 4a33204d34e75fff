"""From pictures and prototypes to a folder of pages that say why.

SAVE_DIR/index.html links to images/KEY.html, a page a picture, which show
pictures/KEY.jpg and crops/ROW.jpg, one for each prototype that any of them was
labelled by. Nothing else is needed to look at them, no network either.
"""

import glob
import os

from segsort.checkpoints import checkpoint
from segsort.data import image_list
from segsort.data import input_pipeline
from segsort.data import pictures
from segsort.data import reading
from segsort.errors import InputError, warn
from segsort.explanation import class_list
from segsort.explanation import crops as crops_lib
from segsort.explanation import page
from segsort.explanation import retrieved
from segsort.explanation import sources as sources_lib
from segsort.inference import embedding
from segsort.inference import inference
from segsort.inference import prototype_checks
from segsort.inference import prototype_set
from segsort.inference import region_labeller
from segsort.runs import files
from segsort.runs import folder_lock
from segsort.runs import progress
from segsort.runs import resumption
from segsort.runs import run_record

ASSETS = 'page.css', 'page.js'
OWN = 'index.html', 'images', 'pictures', 'crops'  # of a folder of pages


def explain(config):
  """Writes pages that show which training segments labels come from."""
  inference.warn_of_one_cluster(config)
  prototype_checks.warn_of_other_segments(config)
  classes = class_list.of_run(config)
  examples = choose_regions(inference.find_examples(config)[
      :config.max_images or None], config)
  model = embedding.restore_model(config)
  sources = sources_lib.load(config, model)
  with folder_lock.alone(config.save_dir):
    _explain(examples, model, sources, classes, config)


def _explain(examples, model, sources, classes, config):
  """Writes the pages of pictures, alone in their folder."""
  begin(config)
  explained = retrieve_all(examples, model, sources, config)
  rows = {row for picture in explained for segment in picture.segments
          for row, _ in segment.neighbours}
  crops, absent = crops_lib.write_crops(
      rows, sources, config.save_dir, config.crop_size)
  notes = [*sources.notes, *absence_note(absent, config)]
  for note in notes:
    warn(note)
  write_pages(explained, crops, sources, classes, config, notes)
  print(f'{len(explained)} pictures explained by {len(rows)} training segments,'
        f' {len(crops)} of them with a crop: {config.save_dir}/index.html')


def begin(config):
  """Goes on from what an earlier run left in --save_dir, or clears it.

  Raises:
    InputError: there are results of other settings, or files that no earlier
      run wrote and this one would replace.
  """
  def outputs(unused_all):
    return [
        path for pattern in ('index.html', 'images/*.html', 'pictures/*.jpg',
                             'crops/*.jpg')
        for path in glob.glob(
            os.path.join(glob.escape(config.save_dir), pattern))]

  run = resumption.read_run(config.save_dir)
  if not run or run['stage'] != type(config).__name__:
    for name in OWN:
      if os.path.exists(os.path.join(config.save_dir, name)):
        raise InputError(
            f'--save_dir {config.save_dir} has {name} already, which is not of '
            'an earlier run of this command; name another folder')
  folder = prototype_set.find(config.prototype_dir)
  resumption.begin(config.save_dir, run_record.describe_run(
      config, restore_from=checkpoint.digest(config.restore_from),
      prototype_dir=run_record.digest(
          *prototype_set.release_paths(folder),
          os.path.join(folder, prototype_set.SEGMENTS))),
      config.overwrite, outputs)


def retrieve_all(examples, model, sources, config):
  """Finds the segments of all pictures; writes the pictures.

  Args:
    examples: list of `image_list.Example`.
    model: the Keras model.
    sources: `sources.Sources`.
    config: a `flags.ExplainFlags`.

  Returns:
    A list of `page.Picture`; a picture that cannot be read has none, and a
    warning.

  Raises:
    InputError: no picture can be read.
  """
  embedder = embedding.Embedder(
      model, config.input_size, config.window_strides)
  labeller = region_labeller.RegionLabeller(
      embedder, sources.features, sources.labels, config)
  explained = []
  for number, example in enumerate(
      progress.track(examples, desc='pictures'), 1):
    try:
      image, truth = read(example, config)
      regions = read_regions(example, image, config)
    except InputError as error:
      warn(f'not explained: {error}')
      continue
    key = f'{number:05d}'
    files.write_bytes(
        os.path.join(config.save_dir, 'pictures', f'{key}.jpg'),
        crops_lib.encode_jpeg(crops_lib.shrink(image, config.picture_size)))
    explained.append(page.Picture(
        key, example.name, image.shape[:2], retrieved.find_segments(
            labeller, image, sources.features, truth, regions)))
  if not explained:
    raise InputError(
        f'none of the {len(examples)} pictures can be read, see the warnings; '
        'nothing is explained')
  return explained


def read(example, config):
  """Returns u8[H, W, 3] and i32[H, W] true classes, None where unknown."""
  if config.image_dir:
    return pictures.read_picture(example.image), None
  if not os.path.isfile(example.mask):
    return reading.read_image(example.image), None
  return input_pipeline.read_example(
      example, config.classes, config.ignore_label, config.dataset)


def choose_regions(examples, config):
  """Returns the examples with their regions where there is a --regions_dir.

  Raises:
    InputError: one is missing.
  """
  if not config.regions_dir:
    return examples
  return image_list.with_regions(examples, config.regions_dir)


def read_regions(example, image, config):
  """Returns i32[H, W] of an image u8[H, W, 3], None without --regions_dir."""
  if not config.regions_dir:
    return None
  return input_pipeline.read_regions_of(example, image)


def absence_note(absent, config):
  """A sentence in a list on pictures that are absent; none if all are there."""
  if not absent:
    return []
  return [
      f'{len(absent)} pictures of training segments are absent, unreadable or '
      f'of another size, the first {absent[0]}: these segments have no crop. '
      + ('Mend --prototype_data_dir.' if config.prototype_data_dir else
         'Give --prototype_data_dir.')]


def write_pages(explained, crops, sources, classes, config, notes):
  """Writes what a browser needs: the pages, and the index as the last.

  Args:
    explained: list of `page.Picture`.
    crops: {row: `crops.Crop`}.
    sources: `sources.Sources`.
    classes: `page.Classes`.
    config: a `flags.ExplainFlags`.
    notes: sentences on what is not shown.
  """
  here = os.path.dirname(os.path.abspath(__file__))
  for name in ASSETS:
    files.write_bytes(os.path.join(config.save_dir, name),
                      files.read_bytes(os.path.join(here, name)))
  keys = [None, *(picture.key for picture in explained), None]
  for picture, before, after in zip(explained, keys, keys[2:]):
    data = page.picture_data(picture, crops, sources, classes)
    files.write_text(
        os.path.join(config.save_dir, 'images', f'{picture.key}.html'),
        page.image_page(picture, data, before, after, notes))
  files.write_text(
      os.path.join(config.save_dir, 'index.html'),
      page.index_page(explained, classes, facts(sources, config), notes))


def facts(sources, config):
  """Sentences for the index: what the labels were found with."""
  voters = min(config.k_in_nearest_neighbors, len(sources.labels))
  text = f'Of {len(sources.labels):,} training segments'
  if sources.names:
    text += f' in {len(sources.names):,} pictures'
  weights = ', weighted' * bool(
      config.vote_balance or config.vote_concentration)
  return [f'{text}, the {voters} nearest vote{weights}.']
