"""dataset/README.md, followed as by a new user; only the steps are fewer."""

import json
import pathlib
import re
import shlex
import subprocess

import commands
import needs
import numpy as np
import PIL.Image
import pytest

from segsort.data import reading
from segsort.runs import files

pytestmark = pytest.mark.slow

GUIDE = pathlib.Path(commands.ROOT) / 'dataset/README.md'
COLORS = np.array([(128, 96, 64), (0, 160, 0), (128, 128, 160), (0, 0, 0)],
                  np.uint8)


def _section(title):
  """The bash commands of a section, as one would paste them."""
  text = GUIDE.read_text().split(f'\n## {title}\n')[1].split('\n## ')[0]
  blocks = re.findall(r'^```bash\n(.*?)^```$', text, re.M | re.S)
  script = re.sub(r'--num_steps \d+', '--num_steps 2', '\n'.join(blocks))
  # The network that would be downloaded.
  script, downloads = re.subn(
      r'--backbone MobileNetV2\s(?:\\|\s|--backbone_features stride16)*'
      '--restore_from imagenet', '--backbone resnet_small', script)
  script, untrained = re.subn('--embedding_dim 128', '--embedding_dim 16',
                              script)
  assert script.count('--num_steps 2') + untrained == 1
  assert downloads == (title != 'Pictures alone')
  return re.findall(r'(?:.*<<\'END\'\n(?:.*\n)*?END|(?:.*\\\n)*.+)$', script,
                    re.M)


def _follow(title, count=None):
  """Runs a section's commands, or the first of them, Python's in this process.

  Returns:
    The output.
  """
  printed = ''
  for command in _section(title)[:count]:
    words = shlex.split(command.replace('\\\n', ' '))
    if words[0] == 'python':
      script = pathlib.Path(words[1])
      assert (pathlib.Path(commands.ROOT) / script).is_file()
      printed += commands.succeed(script.stem, *words[2:])
    else:
      subprocess.run(['bash', '-c', command], check=True)
  return printed


def _draw(folder, num_images, masks):
  """Writes pictures of leaves and stones, and masks of either kind."""
  rng = np.random.default_rng(0)
  for number in range(num_images):
    height, width = (90, 120) if number % 2 else (110, 80)
    ids = np.zeros((height, width), np.uint8)
    ids[10:50, 8:40] = 1
    ids[60:85, 30:70] = 2
    ids[:4] = 255
    pixels = COLORS[np.minimum(ids, 3)].astype(int)
    pixels += rng.integers(-40, 40, pixels.shape)
    path = folder / f'images/part{number % 2}/im{number}.jpg'
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)
    if number < masks:
      files.write_png(
          str(folder / f'masks/part{number % 2}/im{number}.png'),
          ids if number % 3 else COLORS[np.minimum(ids, 3)])


def _check_labelled(results, num_images, names):
  """Every picture has labels; the legend has the names."""
  grays = sorted((results / 'gray').rglob('*.png'))
  assert len(grays) == num_images
  for path in grays:
    labels = reading.read_mask(str(path))
    assert labels.shape in ((90, 120), (110, 80)) and labels.max() < len(names)
  for kind in ('color', 'overlay'):
    assert len(list((results / kind).rglob('*.png'))) == num_images
  legend = json.loads((results / 'legend.json').read_text())
  assert [entry['name'] for entry in legend] == names


@pytest.fixture(name='here')
def _here(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  return tmp_path


def test_pictures_and_masks(here):
  _draw(here / 'mydata', 7, masks=6)
  printed = _follow('Pictures and masks')
  assert 'mydata/val.txt: 1 images' in printed
  assert re.search(r'^class leaf +: 01, IOU: \d', printed, re.M)
  assert re.search(r'^mean IOU: \d', printed, re.M)
  assert re.search(r'^mean boundary F: \d', printed, re.M)
  results = here / 'snapshots/mydata/results'
  assert reading.read_image(str(results / 'val/confusion.png')).ndim == 3
  _check_labelled(results / 'images', 7, ['ground', 'leaf', 'stone'])
  assert np.unique(reading.read_mask('mydata/segcls/im0.png')).tolist() == [
      0, 1, 2, 255]


@needs.hed
def test_without_training(here):
  _draw(here / 'mydata', 7, masks=6)
  _follow('Pictures and masks', 2)
  _follow('Without training')
  path, = (here / 'snapshots/untrained/results/val/gray').rglob('*.png')
  labels = reading.read_mask(str(path))
  assert labels.shape in ((90, 120), (110, 80)) and labels.max() < 3
  regions = reading.read_mask(f'mydata/regions/{path.name}')
  for region in np.unique(regions):
    assert len(np.unique(labels[regions == region])) == 1


def test_pictures_alone(here):
  _draw(here / 'photos', 5, masks=0)
  _follow('Pictures alone')
  names = [entry['name'] for entry in json.loads(
      pathlib.Path('photos/groups/classes.json').read_text())['classes']]
  assert names == [f'group {i}' for i in range(len(names))] and names
  _check_labelled(here / 'snapshots/photos/results/images', 5, names)


def test_commands_are_cut_out_whole():
  commands_of = _section('Pictures and masks')
  assert commands_of[0].startswith('cat >mydata/classes.json')
  assert commands_of[0].endswith('END')
  scripts = [command.split()[1] for command in commands_of[1:]]
  assert [pathlib.Path(script).stem for script in scripts] == [
      'prepare_own', 'train_segsort', 'extract_prototypes', 'inference',
      'eval_miou', 'inference']
