"""Nothing imports upward: network < segsort < pyscripts, floor by floor."""

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parents[1]
MAY_IMPORT = {
    'network': {'network', 'tensorflow', 'keras', 'dataclasses', 'functools',
                'math', 'typing'},
    'segsort': None}  # all but the ring above
# The rooms of segsort/, from the ground up: each may use those before it.
FLOORS = (
    'runs', 'data', 'data.datasets', 'checkpoints', 'evaluation', 'contours',
    'inference', 'training', 'unsupervised', 'explanation', 'benchmark')
LOOSE = {'__init__', 'errors'}  # what every room needs


def _imports(path):
  """The modules that a file imports, by their dotted names."""
  for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
    if isinstance(node, ast.Import):
      yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
      assert node.level == 0, f'{path}: a relative import'
      yield from (f'{node.module}.{alias.name}' for alias in node.names)


@pytest.mark.parametrize('ring', MAY_IMPORT)
def test_a_ring_imports_only_what_is_below(ring):
  files = sorted((ROOT / ring).rglob('*.py'))
  assert files
  for path in files:
    found = {name.partition('.')[0] for name in _imports(path)}
    assert not found & {'pyscripts', 'tests', '_path'}, path
    allowed = MAY_IMPORT[ring]
    assert allowed is None or found <= allowed, (path, found - allowed)


def _floor(name):
  """The floor of a module `room.module` of segsort/; None for loose ones."""
  if name.partition('.')[0] in LOOSE:
    return None
  rooms = [room for room in FLOORS if f'{name}.'.startswith(f'{room}.')]
  assert rooms, f'segsort.{name} is in no room of FLOORS'
  return FLOORS.index(max(rooms, key=len))


def upward(room, names):
  """The modules of segsort/ among names that are above a room."""
  return [name for name in names if name.startswith('segsort.') and (
      _floor(name.removeprefix('segsort.')) or 0) > FLOORS.index(room)]


@pytest.mark.parametrize('room', FLOORS)
def test_a_room_imports_only_rooms_below(room):
  files = sorted((ROOT / 'segsort' / room.replace('.', '/')).glob('*.py'))
  assert len(files) > 1 and files[0].name == '__init__.py'
  for path in files:
    assert not upward(room, _imports(path)), path
  doc = ast.get_docstring(ast.parse(files[0].read_text(encoding='utf-8')))
  assert 'Read first' in doc and len(doc.splitlines()) <= 6


def test_an_import_upward_is_seen():
  names = ['segsort.training.train_step', 'segsort.data.datasets.own',
           'segsort.errors.warn', 'segsort.runs.files', 'segsort.data.reading']
  assert upward('data', names) == names[:2]


def test_there_are_no_loose_modules():
  assert {path.stem for path in (ROOT / 'segsort').glob('*.py')} == LOOSE
