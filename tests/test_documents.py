"""Documents: short enough to be read, and what they name is there."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[1]
# Not what users keep in dataset/ and snapshots/, nor environments.
DOCUMENTS = sorted(str(path.relative_to(ROOT)) for path in (
    *ROOT.glob('*.md'), *ROOT.glob('dataset/*.md'),
    *ROOT.glob('snapshots/*.md'),
    *(path for folder in ('bashscripts', 'network', 'pyscripts', 'segsort',
                          'tests') for path in (ROOT / folder).rglob('*.md'))))
MOST_BYTES = 10_000  # of the README
# A file of the project, named in text or in a command.
NAMED = re.compile(
    r'(?<![\w/.])((?:bashscripts|dataset|network|pyscripts|segsort|tests)'
    r'/[\w/.]+\.(?:bash|csv|md|png|py|sh))\b')


def _anchors(path):
  """What links can name in a document, as GitHub makes it of headings."""
  headings = re.findall(
      r'^#+ (.*)$', path.read_text(encoding='utf-8'), re.M)
  return {re.sub(r'[^\w -]', '', heading.lower()).replace(' ', '-')
          for heading in headings}


def test_the_readme_is_short():
  assert (ROOT / 'README.md').stat().st_size <= MOST_BYTES


@pytest.mark.parametrize('document', DOCUMENTS)
def test_links_lead_somewhere(document):
  text = re.sub(r'```.*?```|`[^`]*`', '', (ROOT / document).read_text(
      encoding='utf-8'), flags=re.S)
  for link in re.findall(r'\]\(([^)\s]+)\)', text):
    if '://' in link:
      continue
    name, _, anchor = link.partition('#')
    path = (ROOT / document).parent / name if name else ROOT / document
    assert path.exists(), link
    assert not anchor or anchor in _anchors(path), link


@pytest.mark.parametrize('document', DOCUMENTS)
def test_files_that_are_named_are_there(document):
  text = (ROOT / document).read_text(encoding='utf-8')
  missing = {name for name in NAMED.findall(text)
             if 'NAME' not in name and not (ROOT / name).exists()}
  assert not missing


def test_every_document_is_linked_from_the_readme():
  """At once, or from one that is."""
  found, waiting = set(), [ROOT / 'README.md']
  while waiting:
    path = waiting.pop()
    if path in found:
      continue
    found.add(path)
    waiting += [
        (path.parent / link).resolve() for link in re.findall(
            r'\]\(([^)\s#:]+\.md)', path.read_text(encoding='utf-8'))]
  names = {str(path.relative_to(ROOT)) for path in found}
  assert set(DOCUMENTS) - names <= {'CHANGELOG.md', 'snapshots/README.md'}
