"""Groups of regions: textures turned, recoloured, dimmed; files and lists."""

import closeness
import numpy as np
import pytest

from segsort.data import dataset_info
from segsort.data import image_list
from segsort.data import reading
from segsort.errors import InputError
from segsort.runs import files
from segsort.runs import settings as settings_lib
from segsort.unsupervised import region_groups
from segsort.unsupervised import region_looks
from segsort.unsupervised import texture_descriptors


def _stripes(period, degrees, size=48):
  y, x = np.mgrid[:size, :size]
  angle = np.deg2rad(degrees)
  return ((x * np.cos(angle) + y * np.sin(angle)) / period % 1 < .5)


def _checks(period, size=48):
  y, x = np.mgrid[:size, :size] // (period // 2)
  return (x + y) % 2 == 1


def _painted(texture, dark, light):
  return np.where(texture[..., None], light, dark).astype(np.uint8)


# Kinds, two of each, of other colours, contrasts and directions
PICTURES = [
    (_painted(_stripes(5, 20), (10, 60, 90), (120, 200, 240)), 0),
    (_painted(_stripes(5, 110), (200, 100, 20), (240, 200, 100)), 0),
    (_painted(_checks(8), (90, 20, 20), (230, 200, 120)), 1),
    (_painted(_checks(8), (40, 60, 100), (80, 190, 130)), 1),
    (np.full((48, 48, 3), 120, np.uint8), 2),
    (np.full((48, 48, 3), (60, 160, 90), np.uint8), 2)]


@pytest.fixture
def data(tmp_path):
  """A list of six pictures; the left half of each and a speck are regions."""
  lines = []
  for i, (image, _) in enumerate(PICTURES):
    files.write_png(str(tmp_path / f'images/im{i}.png'), image)
    regions = np.zeros((48, 48), np.uint8)
    regions[:, 24:], regions[:2, :3] = 1, 2
    files.write_png(str(tmp_path / f'hed/im{i}.png'), regions)
    lines.append(f'images/im{i}.png segcls/im{i}.png\n')
    files.write_png(str(tmp_path / f'segcls/im{i}.png'), regions)
  (tmp_path / 'list.txt').write_text(''.join(lines))
  return tmp_path


def _config(data, **settings):
  return region_groups.GroupConfig(**{
      'data_list': str(data / 'list.txt'), 'data_dir': str(data),
      'save_dir': str(data / 'groups'), 'color_weight': 0.,
      'save_list': str(data / 'groups/list.txt'), 'num_groups': 3, **settings})


def test_a_texture_is_one_group_whatever_its_colours_and_direction(data):
  region_groups.group_regions(_config(data))
  masks = [reading.read_mask(str(data / f'groups/im{i}.png'))
           for i in range(len(PICTURES))]
  names = [int(mask[40, 5]) for mask in masks]
  for mask, name in zip(masks, names):
    assert (mask[2:] == name).all()  # both halves are alike
    assert (mask[:2, :3] == 255).all()  # six pixels are too few
  for (_, kind), name in zip(PICTURES, names):
    for (_, other_kind), other in zip(PICTURES, names):
      assert (name == other) == (kind == other_kind)


def test_groups_can_be_taken_for_classes(data):
  region_groups.group_regions(_config(data))
  info = dataset_info.get(str(data / 'groups/classes.json'))
  assert info.class_names == ('group 0', 'group 1', 'group 2')


def test_colours_tell_regions_apart_where_they_mean_something(data):
  histograms, sizes, _ = region_looks.describe_regions(
      _examples(data), _config(data, color_weight=1.))
  grey, green = (histograms[sizes > 30][i] for i in (8, 10))
  assert np.square(grey - green).sum() == pytest.approx(2, abs=.1)
  textures, sizes, _ = region_looks.describe_regions(
      _examples(data), _config(data))
  textures = textures[sizes > 30]
  assert np.square(textures[8] - textures[10]).sum() < .1


def test_alike_neighbours_are_described_and_grouped_as_one(data, capsys):
  merging = _config(data, merge_cost=1500.)
  alone, sizes, owners = region_looks.describe_regions(
      _examples(data), _config(data))
  assert owners.tolist() == list(range(len(sizes)))
  merged, merged_sizes, owners = region_looks.describe_regions(
      _examples(data), merging)
  assert len(merged) == len(PICTURES) < len(alone)  # each picture is one kind
  np.testing.assert_array_equal(np.bincount(owners, sizes), merged_sizes)
  region_groups.group_regions(merging)
  assert '18 regions, merged to 6; 6 of them' in capsys.readouterr().out
  for i in range(len(PICTURES)):  # the speck belongs to what surrounds it
    mask = reading.read_mask(str(data / f'groups/im{i}.png'))
    assert (mask == mask[0, 0]).all() and mask[0, 0] < 3


def test_rows_tell_regions_apart_where_they_mean_something(data):
  examples = _examples(data)
  for i in range(len(PICTURES)):
    regions = np.zeros((48, 48), np.uint8)
    regions[24:] = 1
    files.write_png(str(data / f'hed/im{i}.png'), regions)
  rows = region_groups.mean_rows(examples, np.arange(12), 12)
  closeness.assert_close(rows, [11.5 / 48, 35.5 / 48] * 6)
  one = region_groups.mean_rows(examples, np.arange(12) // 2, 6)
  closeness.assert_close(one, [23.5 / 48] * 6)
  region_groups.group_regions(_config(data, num_groups=2, row_weight=9.))
  masks = [reading.read_mask(str(data / f'groups/im{i}.png'))
           for i in range(len(PICTURES))]
  upper, lower = masks[0][0, 0], masks[0][47, 0]
  assert upper != lower
  for mask in masks:
    assert (mask[:24] == upper).all() and (mask[24:] == lower).all()


def _examples(data):
  return image_list.read_list(
      str(data / 'list.txt'), str(data), ('image', 'oversegmentation'))


def test_the_list_leads_to_the_groups(data):
  region_groups.group_regions(_config(data))
  examples = image_list.read_list(
      str(data / 'groups/list.txt'), str(data), ('image', 'oversegmentation'))
  assert [example.oversegmentation for example in examples] == [
      f'{data}/groups/im{i}.png' for i in range(len(PICTURES))]
  before = [files.read_bytes(e.oversegmentation) for e in examples]
  region_groups.group_regions(_config(data))  # the same every time
  assert before == [files.read_bytes(e.oversegmentation) for e in examples]


def test_histograms_by_hand():
  regions = np.array([[0, 0, 2], [0, 0, 2]])
  words = np.array([[0, 1, 1], [1, 1, 1]])
  closeness.assert_close(
      texture_descriptors.region_histograms(regions, words, 3),
      np.sqrt([[.25, .75, 0], [0, 0, 0], [0, 1, 0]]))


def test_cells_of_colour_by_hand():
  lab = np.array([[[0., .3]], [[.99, -.1]], [[.5, 1.2]]])
  assert texture_descriptors.color_bins(lab).tolist() == [
      [0 * 16 + 3 * 4 + 2, 1 * 16 + 0 * 4 + 3]]


def test_textons_are_the_nearest(rng):
  responses = rng.random((4, 3, 5)).astype(np.float32)
  textons = rng.random((6, 4)).astype(np.float32)
  found = texture_descriptors.nearest_textons(responses, textons)
  for y in range(3):
    for x in range(5):
      distances = np.square(responses[:, y, x] - textons).sum(1)
      assert [found[y, x]] == closeness.leaders(-distances, 1)


def test_a_brighter_or_stronger_picture_has_the_same_responses():
  lightness = np.where(_checks(8), .7, .3).astype(np.float32)
  found, stronger = (
      texture_descriptors.texture_responses(value) for value in (
          lightness, (lightness * 1.4 - .1).astype(np.float32)))
  # The contrast that all is divided by has LEAST_CONTRAST added.
  np.testing.assert_allclose(stronger, found, rtol=.06, atol=.02)


def test_a_turn_by_a_quarter_turns_the_responses():
  lightness = np.where(_stripes(6, 30), .7, .3).astype(np.float32)
  found, turned = (texture_descriptors.texture_responses(
      np.ascontiguousarray(value)) for value in (
          lightness, np.rot90(lightness)))
  closeness.assert_close(turned, np.rot90(found, axes=(1, 2)))


def test_numbers_may_leave_some_out(data, capsys):
  """As masks of one's own do, of 16 bits."""
  region_groups.group_regions(_config(data, row_weight=1.))
  expected = [reading.read_mask(str(data / f'groups/im{i}.png'))
              for i in range(6)]
  for i in range(6):
    path = str(data / f'hed/im{i}.png')
    files.write_png(path, reading.read_labels(path).astype(np.uint16) * 900 + 7)
  region_groups.group_regions(_config(data, row_weight=1.))
  for i in range(6):
    np.testing.assert_array_equal(
        reading.read_mask(str(data / f'groups/im{i}.png')), expected[i])
  assert capsys.readouterr().out.count('18 regions; ') == 2


def test_a_list_that_cannot_be_written_is_said_at_once(data):
  (data / 'file').write_text('')
  with pytest.raises(InputError, match='cannot write .*file/list.txt'):
    region_groups.group_regions(
        _config(data, save_list=str(data / 'file/list.txt')))
  assert not (data / 'groups').exists()


def test_fewer_regions_than_groups(data):
  config_with_more = _config(data, num_groups=200)
  region_groups.group_regions(config_with_more)
  assert reading.read_mask(str(data / 'groups/im5.png')).max() == 255


@pytest.mark.parametrize('settings, words', (
    ({'min_pixels': 5000}, 'lower --min_pixels'),
    ({'save_dir': '/elsewhere'}, 'is not in --data_dir')))
def test_what_cannot_be_grouped_is_said(data, settings, words):
  with pytest.raises(InputError, match=words) as raised:
    region_groups.group_regions(_config(data, **settings))
  assert '\n' not in str(raised.value)


@pytest.mark.parametrize('where, flag', (
    ({'save_dir': 'hed'}, '--save_dir'),
    ({'save_dir': 'images/'}, '--save_dir'),
    ({'save_list': 'list.txt'}, '--save_list')))
def test_what_is_read_is_not_overwritten(data, where, flag):
  (name, value), = where.items()
  before = (data / 'hed/im0.png').read_bytes()
  with pytest.raises(InputError, match=f'{flag}: .* would be overwritten'):
    region_groups.group_regions(_config(data, **{name: str(data / value)}))
  assert (data / 'hed/im0.png').read_bytes() == before


@pytest.mark.parametrize('settings', (
    {'num_groups': 256}, {'num_groups': 0}, {'color_weight': -1.},
    {'merge_cost': -1.}, {'row_weight': -1.}, {'num_textons': 0},
    {'color_weight': np.inf}, {'row_weight': np.inf}, {'merge_cost': np.nan}))
def test_numbers_out_of_range_are_refused(data, settings):
  name, = settings
  with pytest.raises(InputError, match=f'--{name} is'):
    _config(data, **settings).check()
  _config(data, merge_cost=np.inf).check()  # merges whatever hangs together
  assert isinstance(_config(data), settings_lib.Settings)


def test_no_list_leads_to_masks_that_are_half_replaced(data, monkeypatch):
  config = _config(data)
  region_groups.group_regions(config)
  original = files.write_png

  def write_png(path, *pixels):
    if 'im3' in path:
      raise KeyboardInterrupt
    original(path, *pixels)
  monkeypatch.setattr(files, 'write_png', write_png)
  with pytest.raises(KeyboardInterrupt):
    region_groups.group_regions(config)
  assert not (data / 'groups/list.txt').exists()
