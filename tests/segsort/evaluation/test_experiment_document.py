"""Tables that are kept: what documents show is what the CSVs give."""

import dataclasses
import json
import pathlib
import sys

import pytest

from segsort.errors import InputError
from segsort.evaluation import experiment_document
from segsort.evaluation import experiment_table

ROOT = pathlib.Path(__file__).parents[3]
TABLES = ROOT / experiment_document.TABLES_DIR
NAMES = sorted(path.stem for path in TABLES.glob('*.csv'))
END = '<!-- end of the table -->\n'


@pytest.mark.parametrize('document', experiment_document.DOCUMENTS)
def test_documents_show_what_their_csvs_give(document):
  text = (ROOT / document).read_text(encoding='utf-8')
  assert text == experiment_document.renew(text, str(TABLES)), (
      'a table is not that of its CSV: see pyscripts/keep_table.py')


def test_every_csv_is_shown():
  text = (TABLES / 'README.md').read_text(encoding='utf-8')
  for name in NAMES:
    assert text.count(f'<!-- table: {name} -->\n') == 1, name
  assert text.count('<!-- table: ') == text.count(END) == len(NAMES)
  readme = (ROOT / 'README.md').read_text(encoding='utf-8')
  assert readme.count('<!-- table: results -->\n') == readme.count(END) == 1


@pytest.mark.parametrize('name', NAMES)
def test_records_come_back_from_their_csv(name):
  records = experiment_document.read_csv(str(TABLES), name)
  assert experiment_table.as_csv(records) == (
      TABLES / f'{name}.csv').read_text(encoding='utf-8')


def _project(folder):
  """A project with the kept tables, and a run of the table `mine`."""
  for path in ('bashscripts/experiments', 'dataset/figures'):
    (folder / path).mkdir(parents=True)
  for name in NAMES:
    (folder / f'bashscripts/experiments/{name}.csv').write_bytes(
        (TABLES / f'{name}.csv').read_bytes())
  for path in experiment_document.DOCUMENTS:
    (folder / path).write_text(
        f'a\n<!-- table: mine -->\nold\n{END}b\n'
        f'<!-- table: results -->\n{END}c\n')
  record = {'row': 'r', 'trained_row': 'r', 'number': 1, 'seed': 2,
            'settings': 'demo/x', 'mean_iou': .25, 'training_seconds': None,
            'finished': '2020-01-02', 'git_commit': None, 'machine': '2 cores'}
  (folder / 'mine/r').mkdir(parents=True)
  (folder / 'mine/r/seed2.json').write_text(json.dumps(record))
  return experiment_document.KeepConfig(
      experiment_dir=str(folder / 'mine'), project_dir=str(folder))


def test_a_kept_table_goes_into_csv_picture_and_documents(tmp_path):
  experiment_document.keep(_project(tmp_path))
  assert '\nr,r,1,2,' in (
      tmp_path / 'bashscripts/experiments/mine.csv').read_text()
  assert (tmp_path / 'dataset/figures/mine.png').stat().st_size > 1000
  for path in experiment_document.DOCUMENTS:
    lines = (tmp_path / path).read_text().splitlines()
    assert lines[0] == 'a' and lines[-1] == 'c' and 'old' not in lines
    assert '| r | 25.00 |  |  | 2 |' in lines
    assert lines[lines.index('b') - 1] == END.strip()
    demo, = [line for line in lines if line.startswith('| demo, ')]
    # Its rows have three seeds, but softmax one; the demo has no boundaries.
    cells = demo.split(' | ')
    assert cells[1] == '88.72' and cells[4:6] == ['', '']


def test_without_matplotlib_the_picture_is_told_of(
    tmp_path, monkeypatch, capsys):
  monkeypatch.setitem(sys.modules, 'matplotlib.figure', None)
  monkeypatch.setitem(sys.modules, 'matplotlib', None)
  experiment_document.keep(_project(tmp_path))
  assert 'mine.png is as it was' in capsys.readouterr().out


def test_what_cannot_be_kept_is_named(tmp_path):
  config = _project(tmp_path)
  with pytest.raises(InputError, match='no run is recorded in .*none'):
    experiment_document.keep(_changed(
        config, experiment_dir=str(tmp_path / 'none')))
  with pytest.raises(InputError, match='README.md: .*--project_dir'):
    experiment_document.keep(_changed(
        config, project_dir=str(tmp_path / 'none')))
  assert not (tmp_path / 'none').exists()
  with pytest.raises(InputError, match='none.csv'):
    experiment_document.renew(f'<!-- table: none -->\n{END}', str(tmp_path))


def _changed(config, **settings):
  return dataclasses.replace(config, **settings)
