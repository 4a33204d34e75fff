"""The demo's data set: drawn pictures in PASCAL VOC's layout, from a seed."""

import dataclasses
import io
import json
import os

import PIL.Image

from segsort.data import dataset_info
from segsort.data.datasets import demo_drawing
from segsort.errors import InputError
from segsort.runs import files
from segsort.runs import progress
from segsort.runs import settings as settings_lib

STAMP = 'demo.json'
JPEG_QUALITY = 92


@dataclasses.dataclass(frozen=True, kw_only=True)
class DemoConfig(settings_lib.Settings):
  """Size and place of the demo data set."""

  POSITIVE = ('num_train', 'num_val')

  data_dir: str = settings_lib.setting(
      'dataset/demo/data', 'folder for JPEGImages/ and segcls/')
  list_dir: str = settings_lib.setting(
      'dataset/demo', 'folder for train.txt and val.txt')
  num_train: int = settings_lib.setting(200, 'images to train on')
  num_val: int = settings_lib.setting(60, 'images to score on')
  random_seed: int = settings_lib.setting(1, 'everything drawn follows from it')


def make(config):
  """Draws the demo data set: images, masks and lists.

  A set that is there already, whole and with the same settings, is left alone.

  Args:
    config: a DemoConfig.

  Raises:
    InputError: a list of another data set is in the way, or nothing can be
      written there.
  """
  lists = {split: [f'/JPEGImages/{name}.jpg /segcls/{name}.png'
                   for name in _names(split, count)]
           for split, count in _counts(config).items()}
  if _is_there(config, lists):
    print(f'The demo data set is already there: {config.data_dir}')
    return
  for split in lists:
    _check_own_list(_list_path(config, split), split)
  stamp = os.path.join(config.data_dir, STAMP)
  # With an empty stamp, what an interruption leaves behind does not look whole.
  files.write_json(stamp, {})
  for split, count in _counts(config).items():
    for number, name in enumerate(progress.track(
        _names(split, count), desc=f'draw {split}', unit='image')):
      _write_picture(config.data_dir, name,
                     *demo_drawing.draw(config.random_seed, split, number))
    files.write_text(
        _list_path(config, split), '\n'.join(lists[split]) + '\n')
  files.write_json(stamp, _stamp(config))
  print(f'{config.num_train} train and {config.num_val} val images in '
        f'{config.data_dir}, lists in {config.list_dir}')


def _counts(config):
  return {'train': config.num_train, 'val': config.num_val}


def _names(split, count):
  return [f'{split}_{number:04d}' for number in range(count)]


def _list_path(config, split):
  return os.path.join(config.list_dir, f'{split}.txt')


def _check_own_list(path, split):
  """Raises InputError where a list of another data set would be lost."""
  if not os.path.exists(path):
    return
  with open(path, encoding='utf-8', errors='replace') as file:
    line = file.readline()
  if line.strip() and not line.startswith(f'/JPEGImages/{split}_'):
    raise InputError(
        f'{path} is a list of another data set ({line.strip()}), which the '
        "demo's would replace; name another --list_dir (the scripts: LIST_DIR)")


def _stamp(config):
  """What the pictures depend on."""
  return {'num_train': config.num_train, 'num_val': config.num_val,
          'random_seed': config.random_seed,
          'version': demo_drawing.VERSION}


def _is_there(config, lists):
  """Whether stamp, lists and every listed file are as they would be made."""
  try:
    stamp = json.loads(files.read_bytes(os.path.join(config.data_dir, STAMP)))
    written = {split: files.read_bytes(_list_path(config, split)).decode()
               for split in lists}
  except (InputError, ValueError):
    return False
  expected = {split: '\n'.join(lines) + '\n' for split, lines in lists.items()}
  return stamp == _stamp(config) and written == expected and all(
      os.path.exists(os.path.join(config.data_dir, name.lstrip('/')))
      for lines in lists.values() for line in lines for name in line.split())


def _write_picture(data_dir, name, image, labels):
  """Writes JPEGImages/NAME.jpg and segcls/NAME.png."""
  data = io.BytesIO()
  PIL.Image.fromarray(image).save(
      data, format='JPEG', quality=JPEG_QUALITY, subsampling=0)
  files.write_bytes(
      os.path.join(data_dir, 'JPEGImages', f'{name}.jpg'), data.getvalue())
  files.write_png(os.path.join(data_dir, 'segcls', f'{name}.png'), labels,
                  dataset_info.get('demo').palette)
