"""Nothing imports upward: network < segsort < pyscripts."""

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parents[1]
MAY_IMPORT = {
    'network': {'network', 'tensorflow', 'keras', 'dataclasses', 'functools',
                'math'},
    'segsort': None}  # all but the ring above


def _imports(path):
  """The top-level packages that a file imports."""
  for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
    if isinstance(node, ast.Import):
      yield from (alias.name.split('.')[0] for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
      assert node.level == 0, f'{path}: a relative import'
      yield node.module.split('.')[0]


@pytest.mark.parametrize('ring', MAY_IMPORT)
def test_a_ring_imports_only_what_is_below(ring):
  files = sorted((ROOT / ring).rglob('*.py'))
  assert files
  for path in files:
    found = set(_imports(path))
    assert not found & {'pyscripts', 'tests', '_path'}, path
    allowed = MAY_IMPORT[ring]
    assert allowed is None or found <= allowed, (path, found - allowed)
