"""A tiny run to explain: pictures of odd names, a network and prototypes."""

import types

import numpy as np
import PIL.Image
import pytest

import network
from segsort.checkpoints import checkpoint
from segsort.explanation import flags
from segsort.inference import extraction
from segsort.inference import inference_settings
from segsort.runs import files
from segsort.runs import settings as settings_lib

ODD = '<b>&"\'{0}</b>'  # what may be in a file's name and must not be in HTML
NETWORK = {
    'backbone': 'resnet_small', 'embedding_dim': 8, 'kmeans_iterations': 3,
    'num_classes': 3, 'input_size': settings_lib.Size((40, 48))}


def _draw(rng, height, width):
  """Blocks of colour and their classes, with an ignored margin."""
  blocks = rng.integers(0, 3, (height // 8 + 1, width // 8 + 1))
  mask = np.kron(blocks, np.ones((8, 8)))[:height, :width].astype(np.uint8)
  colors = rng.integers(0, 256, (3, 3))
  image = colors[mask] // 2 + rng.integers(0, 128, (height, width, 3))
  mask[:2] = 255
  return image.astype(np.uint8), mask


@pytest.fixture(scope='session')
def run(tmp_path_factory):
  """The folder, its ExtractConfig, and what `explain_flags` needs."""
  folder = tmp_path_factory.mktemp('explained')
  rng = np.random.default_rng(3)
  lines = []
  for number, size in enumerate([(40, 48), (48, 33), (30, 60)]):
    image, mask = _draw(rng, *size)
    name = ODD.format(number).replace('/', '|')
    files.write_png(str(folder / f'JPEGImages/{name}.png'), image)
    files.write_png(str(folder / f'segcls/{name}.png'), mask)
    lines.append(f'/JPEGImages/{name}.png /segcls/{name}.png')
  (folder / 'train.txt').write_text('\n'.join(lines))
  (folder / 'photos').mkdir()
  PIL.Image.fromarray(_draw(rng, 50, 70)[0]).save(folder / 'photos/a.jpg')
  names = ['first', '<i>&"\'second', 'a third one']
  (folder / 'names.txt').write_text('\n'.join(names) + '\n')
  checkpoint.save(str(folder / 'run/model.ckpt-1'), network.named_variables(
      network.build_embedding_model('resnet_small', 'pspnet', 8)))
  config = inference_settings.ExtractConfig(
      **NETWORK, num_clusters=3, restore_from=str(folder / 'run'),
      data_dir=str(folder), data_list=str(folder / 'train.txt'),
      save_dir=str(folder / 'results'))
  extraction.extract_prototypes(config)
  return types.SimpleNamespace(folder=folder, extract=config, names=names)


@pytest.fixture(scope='session')
def explain_flags(run):
  """A function of settings to an ExplainFlags of the run."""
  def make(save_dir, config_class=flags.ExplainFlags, **settings):
    if 'image_dir' not in settings:
      settings = {'data_dir': str(run.folder),
                  'data_list': str(run.folder / 'train.txt'), **settings}
    if config_class is flags.ExplainFlags:
      settings = {'k_in_nearest_neighbors': 5, **settings}
    return config_class(**{
        **NETWORK, 'num_clusters': 3, 'restore_from': str(run.folder / 'run'),
        'prototype_dir': str(run.folder / 'results'),
        'class_names': str(run.folder / 'names.txt'),
        'save_dir': str(save_dir), **settings})
  return make
