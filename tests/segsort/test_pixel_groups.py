"""Groups of pixels: a network's colours, regions' looks, files, bad input."""

import numpy as np
import pytest
import small_runs

from segsort import cli
from segsort import files
from segsort import image_list
from segsort import input_pipeline
from segsort import pixel_groups
from segsort import training
from segsort.errors import InputError


class _Colours:
  """Embeds a pixel by its colour alone, red or green."""

  def embed(self, image):
    vectors = image[..., :2].astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


@pytest.fixture
def data(tmp_path):
  """Two pictures, red above green; two regions each, left and right."""
  lines = []
  for i in range(2):
    image = np.zeros((32, 40, 3), np.uint8)
    image[:16 + i, :, 0], image[16 + i:, :, 1] = 200, 200
    regions = np.zeros((32, 40), np.uint8)
    regions[:, 20:] = 1
    files.write_png(str(tmp_path / f'images/im{i}.png'), image)
    files.write_png(str(tmp_path / f'hed/im{i}.png'), regions)
    lines.append(f'images/im{i}.png images/im{i}.png hed/im{i}.png\n')
  (tmp_path / 'list.txt').write_text(''.join(lines))
  return tmp_path


def _settings(data, **settings):
  return {'data_list': str(data / 'list.txt'), 'data_dir': str(data),
          'save_dir': str(data / 'groups2'), 'restore_from': str(data),
          'save_list': str(data / 'groups2/list.txt'), 'color_weight': 0.,
          'num_groups': 2, 'texture_weight': 0., **settings}


def _masks(data):
  return [files.read_mask(str(data / f'groups2/im{i}.png')) for i in range(2)]


@pytest.fixture
def group(data, monkeypatch, capsys):
  """Groups the pictures' pixels by their colours, and returns what it says."""
  monkeypatch.setattr(
      pixel_groups.embedding, 'restore_model', lambda config: None)
  monkeypatch.setattr(
      pixel_groups.embedding, 'Embedder', lambda *unused: _Colours())

  def run(**settings):
    pixel_groups.group_pixels(
        pixel_groups.PixelGroupConfig(**_settings(data, **settings)))
    return capsys.readouterr().out

  return run


def test_alike_pixels_are_one_group_whatever_their_region(data, group):
  said = group()
  for i, mask in enumerate(_masks(data)):
    assert (mask[:16 + i] == mask[0, 0]).all()
    assert (mask[16 + i:] == 1 - mask[0, 0]).all()
  assert _masks(data)[0][0, 0] == _masks(data)[1][0, 0]
  assert '2560 pixels in 2 groups of 48.4% to 51.6% of them' in said
  assert (data / 'groups2/list.txt').read_text().splitlines()[1] == (
      'images/im1.png images/im1.png groups2/im1.png')


def test_what_regions_look_like_counts_beside_the_embedding(
    data, group, monkeypatch):
  looks = np.array([[1, 0], [0, 1]] * 2, np.float32)
  monkeypatch.setattr(
      pixel_groups.region_groups, 'describe_regions',
      lambda *unused: (looks, np.full(4, 640), np.arange(4)))
  group(texture_weight=1., num_groups=4)
  for mask in _masks(data):  # red or green, in the left or the right region
    quarters = mask[0, 0], mask[0, 39], mask[31, 0], mask[31, 39]
    assert sorted(quarters) == [0, 1, 2, 3]
  group(texture_weight=9., num_groups=2)
  for mask in _masks(data):
    assert (mask[:, :20] == mask[0, 0]).all()
    assert (mask[:, 20:] == 1 - mask[0, 0]).all()


def test_described_pixels_by_hand(data):
  examples = pixel_groups.region_groups.read_examples(
      pixel_groups.PixelGroupConfig(**_settings(data)))
  looks = (np.array([[.6, .8], [1, 0]], np.float32), None,
           np.array([0, 1, 1, 0]))
  first, second = pixel_groups.described_pixels(
      examples, _Colours(), looks,
      pixel_groups.PixelGroupConfig(
          **_settings(data, texture_weight=.5, row_weight=2.)))
  assert first.shape == (32, 40, 5) and first.dtype == np.float32
  np.testing.assert_allclose(first[0, 0], [1, 0, .3, .4, 0])
  np.testing.assert_allclose(second[24, 0], [0, 1, .5, 0, 1.5])
  np.testing.assert_allclose(second[0, 39], [1, 0, .3, .4, 0])


def test_the_nearest_centre(rng):
  vectors, centres = rng.normal(size=(5, 4, 3)), rng.normal(size=(6, 3))
  distances = np.linalg.norm(vectors[:, :, None] - centres, axis=-1)
  np.testing.assert_array_equal(
      pixel_groups.nearest_centres(vectors, centres), distances.argmin(-1))


def test_the_same_groups_every_time(data, group):
  group(num_groups=5, texture_weight=1.)
  before = _masks(data)
  group(num_groups=5, texture_weight=1.)
  np.testing.assert_array_equal(before, _masks(data))


def test_a_real_network_as_it_was_trained(tiny_dataset, tmp_path):
  training.train(small_runs.train_config(
      tiny_dataset, tmp_path / 'run', num_steps=0))
  save_dir = tmp_path / 'groups2'
  config = cli.parse(pixel_groups.PixelGroupConfig, [
      f'--data_dir={tiny_dataset[0]}', f'--data_list={tiny_dataset[1]}',
      f'--restore_from={tmp_path}/run', f'--save_dir={save_dir}',
      f'--save_list={save_dir}/list.txt', '--num_groups=3', '--input_size=32'])
  assert (config.backbone, config.embedding_dim) == ('resnet_small', 8)
  pixel_groups.group_pixels(config)
  examples = image_list.read_list(
      config.save_list, config.data_dir, ('image', 'oversegmentation'))
  masks = [input_pipeline.read_regions(example)[1] for example in examples]
  assert [mask.shape for mask in masks] == [
      (40, 56), (56, 40), (33, 47), (48, 48)]
  assert set(np.unique(np.concatenate([m.ravel() for m in masks]))) == {0, 1, 2}


@pytest.mark.parametrize('settings, words', (
    ({'save_dir': '/elsewhere'}, 'is not in --data_dir'),
    ({'restore_from': '/nowhere'}, 'nowhere')))
def test_what_cannot_be_grouped_is_said(data, settings, words):
  with pytest.raises(InputError, match=words) as raised:
    pixel_groups.group_pixels(
        pixel_groups.PixelGroupConfig(**_settings(data, **settings)))
  assert '\n' not in str(raised.value)


@pytest.mark.parametrize('settings', (
    {'num_groups': 256}, {'texture_weight': -1.}, {'strides': (400, 9)}))
def test_numbers_out_of_range_are_refused(data, settings):
  name, = settings
  with pytest.raises(InputError, match=f'--{name} '):
    pixel_groups.PixelGroupConfig(**_settings(data, **settings)).check()
