"""Lists: what lines may look like, and one line for each that is wrong."""

import pytest

from segsort.data import image_list
from segsort.errors import InputError


@pytest.fixture(name='write')
def _write(tmp_path):
  """Writes a list, and the files of x/segcls, x/hed and x/images."""
  for folder in ('images', 'segcls', 'hed'):
    (tmp_path / 'x' / folder).mkdir(parents=True)
    for name in 'ab':
      (tmp_path / 'x' / folder / f'{name}.png').write_text('')

  def write(text):
    path = tmp_path / 'list.txt'
    path.write_text(text)
    return str(path)
  return write


def _read(path, needs=('image',)):
  return image_list.read_list(path, path.replace('list.txt', 'x'), needs)


def _fails(path, needs=('image',)):
  with pytest.raises(InputError) as raised:
    _read(path, needs)
  assert '\n' not in str(raised.value)
  return str(raised.value)


def test_lines_become_paths(write):
  path = write('/images/a.png /segcls/a.png\n\n'
               '  images/b.png\tsegcls/b.png hed/a.png')
  folder = path.replace('list.txt', 'x')
  for needs in (('image',), ('image', 'mask'), ('image', 'oversegmentation')):
    first, second = _read(path, needs)
    assert first == image_list.Example(
        f'{folder}/images/a.png', f'{folder}/segcls/a.png',
        f'{folder}/hed/a.png', 'a', f'{path}:1')
    assert second == image_list.Example(
        f'{folder}/images/b.png', f'{folder}/segcls/b.png',
        f'{folder}/hed/a.png', 'b', f'{path}:3')


def test_inference_takes_images_alone_even_with_absent_masks(write):
  example, = _read(write('images/a.png'))
  assert (example.mask, example.oversegmentation) == ('', '')
  assert len(_read(write('images/a.png gone.png\r\n'))) == 1


def test_images_that_count_more_than_once_are_told(write, capsys):
  assert len(_read(write('images/a.png\nimages/b.png'))) == 2
  assert not capsys.readouterr().err
  assert len(_read(write('images/a.png\nimages/b.png\n/images/a.png'))) == 3
  assert '1 of 3 lines of' in capsys.readouterr().err


@pytest.mark.parametrize('text, needs, message', (
    ('images/a.png /images/a.png', ('image', 'mask'),
     'images/a.png is the image and its own mask'),
    ('images/a.png segcls/a.png\nimages/b.png', ('image', 'mask'),
     ':2: 1 columns, expected 2 or 3'),
    ('a b c d', ('image',), ':1: 4 columns, expected 1 to 3'),
    ('', ('image',), 'list.txt is empty'),
    (' \n\n', ('image', 'mask'), 'list.txt is empty'),
    ('images/a.png\nimages/c.png', ('image',), ':2: no image at '),
    ('images/a.png gone/a.png', ('image', 'mask'), ':1: no mask at '),
    ('images/a.png segcls/a.png\n/segcls/b.png /segcls/c.png',
     ('image', 'mask'), 'c.png (1 of 4 files of this list are missing)'),
    ('images/a.png segcls/c.png', ('image', 'oversegmentation'),
     ':1: no oversegmentation at '),
    ('images/a.png clsimg/a.png', ('image', 'oversegmentation'),
     'neither a third column nor `segcls`')))
def test_bad_lists_are_one_line(write, text, needs, message):
  assert message in _fails(write(text), needs)


def test_results_go_by_name_and_must_not_meet(write):
  path = write('images/a.png\nimages/a.png')
  with pytest.raises(InputError, match=':2: a second image named a'):
    image_list.check_names(_read(path))


def test_lists_that_cannot_be_read(tmp_path):
  for path in (tmp_path / 'none.txt', tmp_path):
    assert f'cannot read the list {path}' in _fails(str(path))
  (tmp_path / 'list.txt').write_bytes(b'\xff\xd8\xff\xe0\0\x10')
  assert 'cannot read the list' in _fails(str(tmp_path / 'list.txt'))


@pytest.mark.parametrize('encoding', ('utf-8-sig', 'utf-16'))
def test_a_byte_order_mark_is_no_part_of_a_name(write, encoding):
  path = write('')
  with open(path, 'w', encoding=encoding) as file:
    file.write('images/a.png\n')
  example, = _read(path)
  assert example.name == 'a'


def test_names_alike_keep_their_folders(write, tmp_path):
  """As those of inference.py --image_dir do."""
  for folder in 'xy':
    (tmp_path / 'x/images' / folder).mkdir()
    (tmp_path / 'x/images' / folder / 'a.png').write_text('')
  lines = ['images/x/a.png', 'images/y/a.png', 'images/b.png']
  examples = _read(write('\n'.join(lines)))
  image_list.check_names(examples)
  assert [example.name for example in examples] == ['x/a', 'y/a', 'b']
  assert [example.name for example in _read(write(lines[1]))] == ['a']


@pytest.mark.parametrize('line, name', (
    ('images/a.png segcls/images-a.png', 'images-a'),
    ('images/a.png segcls/other-a.png', 'a'),
    ('images/a.png segcls/b.png', 'a')))
def test_a_mask_named_after_folders_names_the_results(write, line, name):
  example, = _read(write(line))
  assert example.name == name
