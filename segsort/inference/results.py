"""What inference writes of each image, and the legend to it."""

import glob
import os

import numpy as np

from segsort.checkpoints import checkpoint
from segsort.data import dataset_info
from segsort.data import visualization
from segsort.errors import warn
from segsort.inference import prototype_set
from segsort.runs import files
from segsort.runs import input_records
from segsort.runs import resumption
from segsort.runs import run_record

STRIP = 256  # rows


def write_labels(folder, name, labels, palette, image=None):
  """Writes FOLDER/{color,overlay,gray}/NAME.png, each whole or not at all.

  `gray` comes last: where it is, the others are.

  Args:
    folder: for the results.
    name: of the image, subfolders included.
    labels: i32[H, W] in 0..255.
    palette: u8[256, 3].
    image: u8[H, W, 3], for the overlay; none is written if None.

  Raises:
    InputError: the disk is full, or the folder cannot be written to.
  """
  pictures = {'color': visualization.colorize(labels, palette)}
  if image is not None:
    # In strips: blending takes 80 bytes a pixel.
    pictures['overlay'] = np.concatenate([
        visualization.overlay(image[top:top + STRIP], labels[top:top + STRIP],
                              palette)
        for top in range(0, len(image), STRIP)])
  for kind, pixels in (*pictures.items(), ('gray', labels.astype(np.uint8))):
    files.write_png(os.path.join(folder, kind, f'{name}.png'), pixels)


def write_legend(folder, dataset, num_classes):
  """Writes FOLDER/legend.json: a list of {id, name, color} of the classes.

  Args:
    folder: for the results.
    dataset: its name in `dataset_info`; classes beyond its own are numbered.
    num_classes: C.
  """
  info = dataset_info.get(dataset)
  names = [*info.class_names[:num_classes]]
  names += [f'class {label}' for label in range(len(names), num_classes)]
  files.write_json(os.path.join(folder, 'legend.json'), [
      {'id': label, 'name': name, 'color': info.palette[label].tolist()}
      for label, name in enumerate(names)])


def warn_of_others(folder, names):
  """Warns where a folder has results of images that are not named now."""
  gray = os.path.join(folder, 'gray')
  found = {os.path.relpath(os.path.join(place, name), gray)[:-len('.png')]
           for place, _, listed in files.walk(gray)
           for name in listed if name.endswith('.png')}
  others = found - set(names)
  if others:
    warn(f'{gray} has results of {len(others)} images that are not in the '
         f'list, as {min(others)}; they stay')


def begin(config, examples, share, kinds=('gray', 'color')):
  """Begins the labelling of a list, and says what there is left to do.

  Args:
    config: a `inference_settings.InferenceConfig`.
    examples: of the whole list.
    share: the examples of this shard.
    kinds: the subfolders of results that are written of each image.

  Returns:
    The examples of the share that lack a result.
  """
  folder = config.save_dir

  def outputs(everything):
    chosen = examples if everything else share
    records = (input_records.record_paths(folder) if everything else
               [input_records.record_path(folder, config)])
    return records + [path for example in chosen
                      for path in image_outputs(folder, example, kinds)]

  resumption.begin(folder, run_record.describe_run(
      config, restore_from=checkpoint.digest(config.restore_from),
      prototype_dir=run_record.digest(*prototype_set.release_paths(
          config.prototype_dir))), config.overwrite, outputs)
  resumption.remove_outdated(
      folder, share, lambda example: image_outputs(folder, example, kinds),
      lambda example: inputs_of(example, config),
      'images or their regions' if config.regions_dir else 'images')
  outputs = {example: image_outputs(folder, example, kinds)
             for example in share}
  waiting = [example for example in share
             if not all(map(files.is_whole_png, outputs[example]))]
  resumption.remove(_half_written(folder, {
      path for example in waiting for path in outputs[example]}))
  return waiting


def inputs_of(example, config):
  """Returns the paths of the files that an image's results are made of."""
  return [example.image, *(
      [example.oversegmentation] if config.regions_dir else [])]


def image_outputs(save_dir, example, kinds=('gray', 'color')):
  """Returns the paths of what inference writes for an image, kind by kind."""
  return [os.path.join(save_dir, kind, f'{example.name}.png') for kind in kinds]


def _half_written(folder, outputs):
  """Paths of what a killed process was writing, of a set of files."""
  paths = glob.glob(
      os.path.join(glob.escape(folder), '**', '*.partial'), recursive=True)
  # NAME.png.PROCESS.partial, see `files.open_whole`.
  return [path for path in paths if path.rsplit('.', 2)[0] in outputs]
