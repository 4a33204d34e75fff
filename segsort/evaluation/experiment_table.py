"""Tables of experiments: a record of each run, rows with means over seeds."""

import csv
import dataclasses
import datetime
import glob
import io
import json
import os
import platform
import re

import numpy as np
import scipy.stats

from segsort.errors import InputError
from segsort.evaluation import experiment_figure
from segsort.evaluation import training_time
from segsort.runs import files
from segsort.runs import run_record
from segsort.runs import settings as settings_lib
from segsort.runs.settings import setting

# What a row shows of a run's scores, in per cent: heading and key.
SCORES = {'mean IOU': 'mean_iou', 'boundary F': 'mean_boundary_f'}
LEVEL = .95  # of the intervals


@dataclasses.dataclass(frozen=True, kw_only=True)
class TableConfig(settings_lib.Settings):
  """One finished run of a table, and where the table is."""

  experiment_dir: str = setting(text='folder of the table')
  row: str = setting(text='name of the row')
  trained_row: str = setting(text='row whose network it is')
  number: int = setting(text='place of the row in the table, from 1')
  seed: int = setting(text='of the run')
  settings: str = setting('', 'recipe and settings, for the record')
  results: str = setting(
      text='folder of results in that of the last stage of training, stageN')


def record_and_tabulate(config):
  """Records a finished run and renews the table."""
  record = {
      'row': config.row, 'trained_row': config.trained_row,
      'number': config.number, 'seed': config.seed, 'settings': config.settings,
      **read_scores(config.results),
      'training_seconds': training_time.seconds_until(os.path.dirname(
          os.path.abspath(config.results))),
      'finished': datetime.date.today().isoformat(),
      'git_commit': run_record.git_commit(), 'machine': describe_machine()}
  files.write_json(os.path.join(
      config.experiment_dir, config.row, f'seed{config.seed}.json'), record)
  records = read_records(config.experiment_dir)
  files.write_text(
      os.path.join(config.experiment_dir, 'table.csv'), as_csv(records))
  text = as_markdown(records)
  files.write_text(os.path.join(config.experiment_dir, 'table.md'), text)
  experiment_figure.draw_table(
      os.path.join(config.experiment_dir, 'table.png'), records,
      shown_scores(records), interval)
  print(next(line for line in text.splitlines()
             if line.startswith(f'| {config.row} |')))


def read_scores(results):
  """Returns the figures of SCORES in `*/scores.json` of a run, by key.

  Args:
    results: folder of the results; single-scale ones and multi-scale ones are
      in subfolders. Where there are both, multi-scale counts.

  Raises:
    InputError: there is none, several splits have one, or another kind of
      file.
  """
  paths = sorted(glob.glob(
      os.path.join(glob.escape(results), '*', 'scores.json')))
  if not paths:
    raise InputError(
        f'no scores.json below {results}: the run was not evaluated; see its '
        'log')
  splits = {os.path.basename(os.path.dirname(path)).removesuffix('_msc')
            for path in paths}
  if len(splits) > 1:
    raise InputError(
        f'there are scores of several splits in {results}: '
        f'{", ".join(sorted(splits))}; remove the scores.json of those that '
        'are not meant, or set RESULTS_NAME')
  path = ([path for path in paths if '_msc' in path] or paths)[0]
  try:
    with open(path, encoding='utf-8') as file:
      scores = json.load(file)
    return {key: float(scores[key]) for key in SCORES.values()
            if scores.get(key) is not None}
  except (OSError, ValueError, TypeError, AttributeError) as error:
    raise InputError(
        f'cannot read {path}: {error}; remove it and evaluate again') from error


def describe_machine():
  """Returns the processor's architecture and how many cores there are."""
  return f'{os.cpu_count()} {platform.machine()} cores'


def read_records(folder):
  """Returns the records of a table's runs, row by row, seed by seed.

  Raises:
    InputError: a file that is no record.
  """
  records = []
  for path in glob.glob(os.path.join(glob.escape(folder), '*', 'seed*.json')):
    try:
      with open(path, encoding='utf-8') as file:
        record = json.load(file)
      record['row'], record['number'], record['seed']  # what rows go by
    except (OSError, ValueError, KeyError, TypeError) as error:
      raise InputError(
          f'cannot read {path} as a record of a run ({error!r}); remove it '
          'and run the table again') from error
    records.append(record)
  # A row may have another place with a seed that other rows leave out.
  places = {}
  for record in records:
    places[record['row']] = min(
        record['number'], places.get(record['row'], record['number']))
  return sorted(records, key=lambda record: (
      places[record['row']], record['row'], record['seed']))


def shown_scores(records):
  """Returns those of SCORES that at least one run has."""
  return {heading: key for heading, key in SCORES.items()
          if any(key in record for record in records)}


def as_csv(records):
  """Returns the records as CSV text, a run a line.

  Of paths in settings the last part alone: folders are this machine's.
  """
  records = [{**record, 'settings': re.sub(
      r'=/(?:\S*/)?', '=', record.get('settings', ''))} for record in records]
  names = list(dict.fromkeys(name for record in records for name in record))
  text = io.StringIO()
  writer = csv.DictWriter(text, names, lineterminator='\n')
  writer.writeheader()
  writer.writerows(records)
  return text.getvalue()


def interval(values):
  """Mean of some runs' figures, and half the width of its interval.

  Args:
    values: one a seed.

  Returns:
    The mean, and what Student's t gives at LEVEL; NaN for a single run.
  """
  values = np.asarray(values, np.float64)
  if len(values) < 2:
    return float(values.mean()), float('nan')
  error = values.std(ddof=1) / np.sqrt(len(values))
  return float(values.mean()), float(
      error * scipy.stats.t.ppf((1 + LEVEL) / 2, len(values) - 1))


def as_markdown(records):
  """Returns the table as Markdown, a row a line, with what made it.

  Figures are per cent, as mean and 95 % interval over seeds; a difference is
  that to the first row, seed by seed.
  """
  rows = {}
  for record in records:
    rows.setdefault(record['row'], {})[record['seed']] = record
  first = next(iter(rows.values()))
  shown = shown_scores(records)
  headings = ['row']
  for heading in shown:
    headings += [heading, 'to the first row']
  headings += ['training s', 'seeds']
  lines = [headings, ['---'] * len(headings)]
  for name, runs in rows.items():
    cells = [name]
    for key in shown.values():
      cells += _cells(runs, first, key)
    seconds = [run['training_seconds'] for run in runs.values()
               if run['training_seconds']]
    cells += [f'{np.mean(seconds):.0f}' if seconds else '',
              ' '.join(map(str, runs))]
    lines.append(cells)
  return join(lines) + origin(records)


def join(lines):
  """Returns lists of cells as the lines of a Markdown table."""
  return ''.join(f'| {" | ".join(line)} |\n' for line in lines)


def figure(records, row, key):
  """Returns a row's figure in per cent, with its interval; '' without one."""
  values = [100 * record[key] for record in records
            if record['row'] == row and key in record]
  return _with_interval(values) if values else ''


def _cells(runs, first, key):
  """A row's figure and its difference to the first row's."""
  values = {seed: 100 * run[key] for seed, run in runs.items() if key in run}
  if not values:
    return ['', '']
  differences = [value - 100 * first[seed][key]
                 for seed, value in values.items()
                 if key in first.get(seed, ())]
  difference = ''
  if differences and runs is not first:
    difference = _with_interval(differences, '+')
  return [_with_interval(list(values.values())), difference]


def _with_interval(values, sign=''):
  mean, half = interval(values)
  shown = f'{mean:{sign}.2f}'
  return shown if np.isnan(half) else f'{shown} ± {half:.2f}'


def origin(records):
  """Returns the line below a table: commits, machines, hours and dates."""
  def all_of(name):
    return ', '.join(sorted({str(record[name]) for record in records}))

  commits = ', '.join(sorted({
      (record['git_commit'] or 'none')[:7] for record in records}))
  hours = sum(record['training_seconds'] or 0 for record in records
              if record['row'] == record['trained_row']) / 3600
  return (f'\nPer cent; mean and 95 % interval over seeds. Commit {commits}; '
          f'{all_of("machine")}; {hours:.1f} hours of training; finished '
          f'{all_of("finished")}.\n')
