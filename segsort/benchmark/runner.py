"""Runs the suites, prints their table and writes the figures."""

import dataclasses
import datetime
import importlib
import os
import platform

import keras
import numpy as np
import tensorflow as tf

from segsort.benchmark import gpu_suite
from segsort.benchmark import measure
from segsort.benchmark import programs
from segsort.benchmark import stablehlo_export
from segsort.errors import InputError
from segsort.runs import files
from segsort.runs import run_record
from segsort.runs.settings import Settings, setting

# Each is a module of this package whose `comparisons()` yields the rows.
SUITES = (
    'loss', 'train', 'data', 'inference', 'retrieval', 'evaluation', 'growth')

_COLUMNS = '{:<44} {:>9} {:>9} {:>7} {:>7} {:>7} {:>8} {:>8} {:>7} {:>7} {:>4}'
_HEADINGS = ('row', 'ours ms', 'twin ms', 'ratio', 'aim', 'cpu', 'ours MB',
             'twin MB', 'ratio', 'aim', 'met')


@dataclasses.dataclass(frozen=True, kw_only=True)
class BenchmarkConfig(Settings):
  """What is measured."""

  suites: str = setting(
      ','.join(SUITES), 'comma-separated suites, in this order')
  repeats: int = setting(0, 'timed turns a row; 0: each row\'s own number')
  device: str = setting(
      '', 'gpu measures the paper\'s setting there, in place of --suites',
      choices=('', 'gpu'))
  export_stablehlo: str = setting(
      '', 'new folder for the paper\'s training step and inference as programs '
      'that run under JAX, with the script that runs them; nothing is measured')
  save_json: str = setting('', 'file for the figures')


def benchmark(config):
  """Measures the project against plain twins: time, CPU time and memory."""
  suites = [name for name in config.suites.split(',') if name]
  for name in suites:
    if name not in SUITES:
      raise InputError(
          f'--suites has {name!r}; there are {", ".join(SUITES)}')
  if not suites:
    raise InputError(f'--suites is empty; there are {", ".join(SUITES)}')
  if config.device == 'gpu' and not config.export_stablehlo:
    gpu_suite.check_device()
    suites = ['gpu']
  if config.save_json:  # before minutes of work
    files.write_json(config.save_json, {'rows': []})
  machine = describe_machine()
  if config.export_stablehlo:
    stablehlo_export.export(
        config.export_stablehlo, programs.Sizes(), machine)
    return
  print('\n'.join(f'{name}: {value}' for name, value in machine.items()))
  print(_COLUMNS.format(*_HEADINGS))
  rows = []
  for suite in suites:
    module = importlib.import_module(f'segsort.benchmark.{suite}_suite')
    for comparison in module.comparisons():
      row = measure.measure(comparison, config.repeats)
      rows.append({'suite': suite, **row})
      print(format_row(row))
      if config.save_json:
        files.write_json(config.save_json, {**machine, 'rows': rows})
  if config.save_json:
    print(f'figures: {config.save_json}')


def describe_machine():
  """Returns what figures depend on: processor, devices, versions, commit."""
  return {
      'date': datetime.date.today().isoformat(),
      'processor': _processor(), 'cores': len(_usable_cores()),
      'devices': ', '.join(
          tf.config.experimental.get_device_details(gpu).get(
              'device_name', gpu.name)
          for gpu in tf.config.list_physical_devices('GPU')) or 'no GPU',
      'python': platform.python_version(), 'tensorflow': tf.__version__,
      'keras': keras.__version__, 'numpy': np.__version__,
      'commit': run_record.git_commit()}


def _usable_cores():
  if hasattr(os, 'sched_getaffinity'):
    return os.sched_getaffinity(0)
  return range(os.cpu_count())


def _processor():
  """The processor's name where the system tells it."""
  try:
    with open('/proc/cpuinfo', encoding='utf-8') as file:
      for line in file:
        if line.startswith('model name'):
          return line.split(':', 1)[1].strip()
  except OSError:
    pass
  return platform.processor() or platform.machine()


def format_row(row):
  """Returns a row of `measure.measure` as a line of the table."""
  def number(value, scale=1., digits=2):
    return '-' if value is None else f'{value * scale:.{digits}f}'

  ours, twin = row['ours'], row['twin']
  met = {True: 'yes', False: 'NO', None: '-'}[row['met']]
  return _COLUMNS.format(
      row['name'], number(ours['wall_s'], 1e3, 1),
      number(twin['wall_s'], 1e3, 1), number(row['wall_ratio']),
      number(row['aim']), number(row['cpu_ratio']),
      number(ours['peak_mb'], digits=0), number(twin['peak_mb'], digits=0),
      number(row['memory_ratio']), number(row['memory_aim']), met)
