"""Groups of pixels: a network's colours, regions' looks, files, bad input."""

import closeness
import numpy as np
import pytest
import small_runs

from segsort.data import image_list
from segsort.data import input_pipeline
from segsort.data import reading
from segsort.errors import InputError
from segsort.runs import cli
from segsort.runs import files
from segsort.training import training
from segsort.unsupervised import pixel_groups
from segsort.unsupervised import region_groups


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
  return [reading.read_mask(str(data / f'groups2/im{i}.png')) for i in range(2)]


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
      pixel_groups.region_looks, 'describe_regions',
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
  config = pixel_groups.PixelGroupConfig(
      **_settings(data, texture_weight=.5, row_weight=2.))
  looks = (np.array([[.6, .8], [1, 0]], np.float32), None,
           np.array([0, 1, 1, 0]))
  first, second = pixel_groups.describe_pixels(
      region_groups.read_examples(config), _Colours(), looks, config)
  vectors = first.vectors(np.array([0, 8]), np.array([0, 39]))
  assert vectors.dtype == np.float32
  closeness.assert_close(vectors, [[1, 0, .3, .4, 0], [1, 0, .5, 0, .5]])
  vectors = second.vectors(np.array([24, 0]), np.array([0, 39]))
  closeness.assert_close(vectors, [[0, 1, .5, 0, 1.5], [1, 0, .3, .4, 0]])


@pytest.mark.parametrize('band', (1, 20, 2**18))
def test_the_nearest_centre_of_whole_vectors(rng, monkeypatch, band):
  monkeypatch.setattr(pixel_groups, 'BAND_PIXELS', band)
  for depth in (0, 4):
    described = pixel_groups.Described(
        rng.normal(size=(6, 5, 3)).astype(np.float32),
        rng.normal(size=(7, depth)).astype(np.float32),
        rng.integers(0, 7, (6, 5)), 1.5)
    centres = rng.normal(size=(9, 3 + depth + 1)).astype(np.float32)
    vectors = described.vectors(*np.indices((6, 5)).reshape(2, -1))
    distances = np.linalg.norm(vectors[:, None] - centres, axis=-1)
    np.testing.assert_array_equal(
        described.nearest(centres).ravel(),
        closeness.leaders(-distances, 1)[:, 0])


def test_groups_that_no_pixel_is_in_are_not_counted(data, group):
  assert '2560 pixels in 2 groups of 48.4% to 51.6%' in group(num_groups=9)


def test_a_single_image(data, group):
  (data / 'list.txt').write_text('images/im0.png images/im0.png hed/im0.png')
  assert '1280 pixels in 2 groups of 50.0% to 50.0%' in group()


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
@pytest.mark.slow
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
