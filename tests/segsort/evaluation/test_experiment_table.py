"""Tables of experiments: intervals by hand, records, CSV and Markdown."""

import csv
import io
import json
import math
import sys

import pytest

from segsort.data import reading
from segsort.errors import InputError
from segsort.evaluation import experiment_figure
from segsort.evaluation import experiment_table


def _record(row, number, seed, iou, **more):
  return {'row': row, 'trained_row': row, 'number': number, 'seed': seed,
          'mean_iou': iou, 'training_seconds': 60., 'git_commit': 'abcdef123',
          'finished': '2020-01-02', 'machine': '2 cores', **more}


def test_the_interval_is_student_s():
  # Deviation 1, standard error 1 / sqrt(3), t(.975, 2) = 4.302653.
  mean, half = experiment_table.interval([1, 2, 3])
  assert mean == 2
  assert half == pytest.approx(4.302653 / math.sqrt(3), rel=1e-6)
  assert math.isnan(experiment_table.interval([5.])[1])
  assert experiment_table.interval([5., 5.]) == (5, 0)


def test_differences_are_taken_seed_by_seed():
  records = [_record('a', 1, seed, iou) for seed, iou in
             ((1, .10), (2, .50), (3, .30))]
  records += [_record('b', 2, seed, iou) for seed, iou in
              ((1, .12), (2, .53), (3, .31))]
  lines = experiment_table.as_markdown(records).splitlines()
  assert lines[0] == (
      '| row | mean IOU | to the first row | training s | seeds |')
  half = 4.302653 / math.sqrt(3)  # of 2, 3 and 1
  assert lines[3].startswith('| b | 32.00 ± ')
  assert f'| +2.00 ± {half:.2f} | 60 | 1 2 3 |' in lines[3]
  assert 'Commit abcdef1; 2 cores; 0.1 hours' in lines[5]


def test_a_seed_that_the_first_row_lacks_has_no_difference():
  text = experiment_table.as_markdown(
      [_record('a', 1, 1, .1), _record('b', 2, 2, .2)])
  assert '| b | 20.00 |  | 60 | 2 |' in text


def test_networks_of_other_rows_cost_no_hours():
  text = experiment_table.as_markdown([
      _record('a', 1, 1, .1, training_seconds=7200.),
      _record('b', 2, 1, .2, training_seconds=7200., trained_row='a')])
  assert '2.0 hours of training' in text


def test_the_csv_has_a_line_a_run():
  rows = list(csv.DictReader(io.StringIO(experiment_table.as_csv(
      [_record('a', 1, 1, .1), _record('b', 2, 1, .2, mean_boundary_f=.5)]))))
  assert [row['row'] for row in rows] == ['a', 'b']
  assert [row['mean_boundary_f'] for row in rows] == ['', '0.5']


def test_the_csv_names_no_folder_of_the_machine():
  text = experiment_table.as_csv([_record(
      'a', 1, 1, .1, settings='voc12/train A=/data/x/list.txt B= C=/ D=a/b')])
  row, = csv.DictReader(io.StringIO(text))
  assert row['settings'] == 'voc12/train A=list.txt B= C= D=a/b'


def _write(path, value):
  path.parent.mkdir(parents=True, exist_ok=True)
  path.write_text(value if isinstance(value, str) else json.dumps(value))


def test_multi_scale_scores_count_where_there_are_both(tmp_path):
  _write(tmp_path / 'val/scores.json', {'mean_iou': .1})
  assert experiment_table.read_scores(str(tmp_path)) == {'mean_iou': .1}
  _write(tmp_path / 'val_msc/scores.json',
         {'mean_iou': .2, 'mean_boundary_f': .3})
  assert experiment_table.read_scores(str(tmp_path)) == {
      'mean_iou': .2, 'mean_boundary_f': .3}
  _write(tmp_path / 'val_msc/scores.json', '{')
  with pytest.raises(InputError, match='remove it and evaluate again'):
    experiment_table.read_scores(str(tmp_path))
  with pytest.raises(InputError, match='was not evaluated'):
    experiment_table.read_scores(str(tmp_path / 'none'))
  _write(tmp_path / 'test/scores.json', {'mean_iou': .4})
  with pytest.raises(InputError, match='several splits in .*: test, val; '):
    experiment_table.read_scores(str(tmp_path))


def test_a_run_is_recorded_and_renews_the_table(tmp_path, capsys):
  _write(tmp_path / 'stage1/results/val/scores.json', {'mean_iou': .25})
  for seed in (2, 1):
    experiment_table.record_and_tabulate(experiment_table.TableConfig(
        experiment_dir=str(tmp_path / 'table'), row='a', trained_row='a',
        number=1, seed=seed, settings='demo/x A=1',
        results=str(tmp_path / 'stage1/results')))
  assert '| a | 25.00 ± 0.00 |' in capsys.readouterr().out
  record = json.loads((tmp_path / 'table/a/seed1.json').read_text())
  assert record['settings'] == 'demo/x A=1' and record['seed'] == 1
  table = (tmp_path / 'table/table.csv').read_text().splitlines()
  assert len(table) == 3 and table[1].startswith('a,')
  assert '| 1 2 |' in (tmp_path / 'table/table.md').read_text()


def test_rows_keep_their_order_and_seeds_theirs(tmp_path):
  """Also where a row before was run with the first seed only."""
  for row, number, seed in (('c', 2, 2), ('b', 2, 1), ('c', 3, 1), ('a', 1, 1),
                            ('a', 1, 2)):
    _write(tmp_path / f'{row}/seed{seed}.json', _record(row, number, seed, .1))
  assert [(record['row'], record['seed']) for record in
          experiment_table.read_records(str(tmp_path))] == [
              ('a', 1), ('a', 2), ('b', 1), ('c', 1), ('c', 2)]


def test_the_figure_has_a_line_a_row(tmp_path):
  """Drawn where matplotlib is; a longer table is a higher picture."""
  heights = []
  for count in (2, 9):
    path = tmp_path / f'{count}.png'
    assert experiment_figure.draw_table(
        str(path), [_record(f'row{i}', i, 1, .1 * i) for i in range(count)],
        {'mean IOU': 'mean_iou'}, experiment_table.interval)
    heights.append(reading.read_image(str(path)).shape[0])
  assert heights[1] - heights[0] == pytest.approx(7 * .34 * 110, abs=4)


def test_without_matplotlib_there_is_no_figure(tmp_path, monkeypatch):
  monkeypatch.setitem(sys.modules, 'matplotlib', None)
  monkeypatch.setitem(sys.modules, 'matplotlib.figure', None)
  assert not experiment_figure.draw_table(
      str(tmp_path / 'a.png'), [_record('a', 1, 1, .1)],
      {'mean IOU': 'mean_iou'}, experiment_table.interval)
  assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('text', ('', '[]', '{"row": "a"}'))
def test_what_is_no_record_is_named(tmp_path, text):
  _write(tmp_path / 'a/seed1.json', text)
  with pytest.raises(InputError, match='a/seed1.json as a record') as raised:
    experiment_table.read_records(str(tmp_path))
  assert '\n' not in str(raised.value)
