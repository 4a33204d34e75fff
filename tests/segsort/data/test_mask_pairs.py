"""Which prediction belongs to which truth, and to which other prediction."""

import numpy as np
import pytest

from segsort.data import mask_pairs
from segsort.errors import InputError
from segsort.runs import files


@pytest.fixture(name='folders')
def _folders(tmp_path):
  for folder in ('pred', 'gt', 'other'):
    for name in ('a_gt.png', 'sub/b.png'):
      files.write_png(tmp_path / folder / name.replace(
          '_gt', '_gt' if folder != 'gt' else ''), np.zeros((2, 2), np.uint8))
  return tmp_path


def test_string_replace_leaves_the_folders_alone(folders):
  # 'gt' is in the path of --gt_dir as well.
  pairs = mask_pairs.find_pairs(
      str(folders / 'pred'), str(folders / 'gt'), '_gt,')
  assert pairs == [
      (str(folders / 'pred/a_gt.png'), str(folders / 'gt/a.png')),
      (str(folders / 'pred/sub/b.png'), str(folders / 'gt/sub/b.png'))]


def test_predictions_that_are_their_own_truth_are_told(folders, capsys):
  mask_pairs.warn_of_same(mask_pairs.find_pairs(
      str(folders / 'gt'), str(folders / 'pred'), 'a,a_gt'), 'pred')
  assert not capsys.readouterr().err
  (folders / 'link').symlink_to('gt')
  mask_pairs.warn_of_same(mask_pairs.find_pairs(
      str(folders / 'gt'), str(folders / 'link')), 'gt')
  assert '2 of 2 predictions in gt are themselves' in capsys.readouterr().err


def test_others_have_the_same_names_and_truths(folders, capsys):
  pairs = mask_pairs.find_pairs(
      str(folders / 'pred'), str(folders / 'gt'), '_gt,')
  others = mask_pairs.pairs_of_others(
      str(folders / 'other'), pairs[1:], str(folders / 'pred'))
  assert others == [
      (str(folders / 'other/sub/b.png'), str(folders / 'gt/sub/b.png'))]
  assert '1 predictions in' in capsys.readouterr().err  # a_gt.png


def test_missing_others_are_counted_and_the_first_named(folders):
  pairs = mask_pairs.find_pairs(
      str(folders / 'pred'), str(folders / 'gt'), '_gt,')
  (folders / 'other/a_gt.png').unlink()
  with pytest.raises(InputError) as raised:
    mask_pairs.pairs_of_others(
        str(folders / 'other'), pairs, str(folders / 'pred'))
  message = str(raised.value)
  assert message.startswith('1 of 2 predictions in') and '\n' not in message
  assert f'the first {folders / "other/a_gt.png"};' in message


def test_folders_behind_links_are_found(folders):
  (folders / 'linked').mkdir()
  (folders / 'linked/sub').symlink_to(folders / 'pred/sub')
  pairs = mask_pairs.find_pairs(str(folders / 'linked'), str(folders / 'gt'))
  assert [truth for _, truth in pairs] == [str(folders / 'gt/sub/b.png')]


def test_images_of_a_list_that_are_named_with_folders(folders, capsys):
  for name in ('x/b.png', 'y/b.png', 'z/b.png'):
    for folder in ('pred', 'gt'):
      files.write_png(folders / folder / name, np.zeros((2, 2), np.uint8))
  (folders / 'pred/a_gt.png').unlink()
  (folders / 'list.txt').write_text('/i/x/b.jpg\n/i/y/b.jpg\n')
  pairs = mask_pairs.find_pairs(str(folders / 'pred'), str(folders / 'gt'))
  listed = mask_pairs.pairs_of_list(str(folders / 'list.txt'), pairs)
  assert [path for path, _ in listed] == [
      str(folders / 'pred' / name) for name in ('x/b.png', 'y/b.png')]
  assert '2 of 4 predictions are not of' in capsys.readouterr().err
