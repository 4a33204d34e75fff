"""Tables of experiments: rows, seeds, failures, and networks shared by rows."""

import pathlib

import pytest

TABLES = sorted(path.stem for path in (
    pathlib.Path(__file__).parents[2] / 'bashscripts/experiments').glob('*.sh'))
TABLE = '''
SEEDS="${SEEDS:-1 2}"
rows() {
  row plain demo/train_segsort NUM_BANKS=1
  reading nearest plain demo/train_segsort NUM_BANKS=1 \\
    K_IN_NEAREST_NEIGHBORS=1
}
'''


def _start(project, **settings):
  project.add('bashscripts/experiments/mine.sh', TABLE)
  return project.run('experiments.sh', how='bash {} mine', **settings)


def test_each_row_runs_with_each_seed_and_is_tabulated(project):
  result = _start(project)
  assert result.returncode == 0, result.stderr
  where = f'{project.root}/snapshots/experiments/mine'
  assert result.stdout.splitlines()[-2:] == [
      f'{where}/table.csv', f'{where}/table.md']
  trained = [flags for name, flags in project.calls()
             if name == 'train_segsort.py']
  assert [flags['random_seed'] for flags in trained] == ['1', '1', '2', '2']
  assert {flags['snapshot_dir'] for flags in trained} == {
      f'{where}/plain/seed{seed}/stage1' for seed in (1, 2)}
  assert {flags['num_banks'] for flags in trained} == {'1'}
  read = [flags for name, flags in project.calls() if name == 'inference.py']
  assert [flags['save_dir'].split('stage1/')[1] for flags in read] == [
      'results/val', 'results_nearest/val'] * 2
  assert [flags['k_in_nearest_neighbors'] for flags in read] == ['15', '1'] * 2
  assert all('boundary' in flags for name, flags in project.calls()
             if name == 'eval_miou.py')
  tabulated = [flags for name, flags in project.calls()
               if name == 'make_table.py']
  assert [(flags['row'], flags['trained_row'], flags['number'], flags['seed'])
          for flags in tabulated] == [
              (row, 'plain', number, seed) for seed in '12'
              for row, number in (('plain', '1'), ('nearest', '2'))]
  assert tabulated[1]['results'] == (
      f'{where}/plain/seed1/stage1/results_nearest')


def test_the_last_stage_of_training_counts(project):
  """Also for a reading of the stage before it."""
  project.add('bashscripts/experiments/mine.sh', '''
SEEDS="${SEEDS:-1}"
rows() {
  row both demo/train_segsort_unsup
  reading first both demo/train_segsort_unsup NUM_ROUNDS=1
}
''')
  result = project.run('experiments.sh', how='bash {} mine')
  assert result.returncode == 0, result.stderr
  where = f'{project.root}/snapshots/experiments/mine/both/seed1'
  assert [flags['results'] for name, flags in project.calls()
          if name == 'make_table.py'] == [
              f'{where}/stage2/results', f'{where}/stage1/results_first']
  project.record.unlink()  # not what is left of two rounds
  project.run('experiments.sh', how='bash {} mine', NUM_ROUNDS='1', ROWS='both')
  assert [flags['results'] for name, flags in project.calls()
          if name == 'make_table.py'] == [f'{where}/stage1/results']


def test_the_demo_is_scored_at_boundaries_too(project):
  result = project.run('experiments.sh', how='bash {} demo', SEEDS='1',
                       ROWS='softmax')
  assert result.returncode == 0, result.stderr
  flags, = [flags for name, flags in project.calls() if name == 'eval_miou.py']
  assert 'boundary' in flags


def test_a_failing_row_is_named_and_the_others_run(project):
  result = _start(project, FAILING='extract_prototypes.py', SEEDS='3')
  assert result.returncode == 1
  where = f'{project.root}/snapshots/experiments/mine'
  assert [line for line in result.stderr.splitlines() if 'failed' in line] == [
      f'error: failed: {row}, seed 3: {where}/{row}/seed3.log'
      for row in ('plain', 'nearest')]
  assert 'make_table.py' not in [name for name, _ in project.calls()]


def test_a_table_is_kept_once_all_its_rows_are_there(project):
  assert _start(project, SEEDS='1').returncode == 0
  assert 'keep_table.py' not in [name for name, _ in project.calls()]
  project.record.unlink()
  assert _start(project, SEEDS='1', IS_KEPT='1').returncode == 0
  name, flags = project.calls()[-1]
  assert name == 'keep_table.py' and flags == {
      'experiment_dir': f'{project.root}/snapshots/experiments/mine',
      'project_dir': str(project.root)}
  project.record.unlink()
  assert _start(project, SEEDS='1', IS_KEPT='1', FAILING='make_table.py'
                ).returncode == 1
  assert 'keep_table.py' not in [name for name, _ in project.calls()]


def test_a_run_that_cannot_be_tabulated_has_failed(project):
  result = _start(project, FAILING='make_table.py', SEEDS='3', ROWS='plain')
  assert result.returncode == 1
  assert 'error: failed: plain, seed 3: ' in result.stderr


def test_an_unknown_table_is_refused_with_those_there_are(project):
  project.add('bashscripts/experiments/mine.sh', TABLE)
  result = project.run('experiments.sh', how='bash {} yours')
  assert result.returncode == 2 and project.calls() == []
  assert "error: no table 'yours'; give one of: " in result.stderr
  assert ' mine' in result.stderr and 'demo' in result.stderr


def test_rows_can_be_picked(project):
  assert _start(project, ROWS='nearest', SEEDS='1').returncode == 0
  assert [(flags['row'], flags['number']) for name, flags in project.calls()
          if name == 'make_table.py'] == [('nearest', '2')]


@pytest.mark.parametrize('table', TABLES)
def test_every_table_runs_to_its_end(project, table):
  """Each row once, and each reading of a network after its training."""
  result = project.run(
      'experiments.sh', how=f'bash {{}} {table}', SEEDS='1')
  assert result.returncode == 0, result.stderr
  rows = [flags for name, flags in project.calls() if name == 'make_table.py']
  names = [flags['row'] for flags in rows]
  assert len(rows) > 4 and len(set(names)) == len(names)
  assert [flags['number'] for flags in rows] == [
      str(number) for number in range(1, len(rows) + 1)]
  for place, flags in enumerate(rows):
    assert flags['trained_row'] in names[:place + 1]


def test_a_run_of_earlier_settings_is_told_of_beside_the_table(project):
  project.python.write_text(project.python.read_text() + '''
[ "$name" != train_segsort.py ] || echo 'warning: x was trained with --y' >&2
''')
  result = _start(project)
  assert result.returncode == 0, result.stderr
  assert result.stdout.count('warning: x was trained with --y') == 4
