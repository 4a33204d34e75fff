"""c9: the printed scores and the confusion matrix; the colour map."""

import contextlib
import io
import json
import os
import tempfile

import numpy as np

from segsort.data import dataset_info
from segsort.evaluation import evaluation
from segsort.evaluation import evaluation_compat
from segsort.evaluation import evaluation_flags
from segsort.evaluation.confusion_matrix import ConfusionMatrix

from golden.report import EXACT

NUM_CLASSES = 21


def check_c9(report):
  """Compares `--tf1_compat` scores, as printed and in full precision."""
  golden = report.json('c9/expected.json')
  unread = set(golden)
  for key in golden:
    with report.guard('c9', key):
      if key.startswith('stdout_'):
        unread.discard(key)
        _check_lines(report, key, golden[key])
  with report.guard('c9', 'scores'):
    unread -= _check_scores(report, golden)
  with report.guard('c9', 'confusion'):
    unread -= _check_confusion(report, golden)
  report.unread('c9', unread)


def _evaluate(report, num_classes, suffix='', replace='', save_json=''):
  """Runs the script's stage; returns what it prints."""
  printed = io.StringIO()
  with contextlib.redirect_stdout(printed):
    evaluation.evaluate_folders(evaluation_flags.EvaluateConfig(
        pred_dir=report.path(f'c9/pred{suffix}'),
        gt_dir=report.path(f'c9/gt{suffix}'), num_classes=num_classes,
        string_replace=replace, save_json=save_json, tf1_compat=True))
  return printed.getvalue().splitlines()


def _check_lines(report, key, golden):
  name = key.removeprefix('stdout_')
  if name.startswith('string_replace_'):
    # The file names hold the dots that the key leaves out.
    old, new = name.removeprefix('string_replace_').split(',')
    lines = _evaluate(
        report, NUM_CLASSES, '_suffix', f'{old}.,{new}.')
  else:
    lines = _evaluate(report, int(name))
  for number in range(max(len(lines), len(golden))):
    ours, theirs = (some[number] if number < len(some) else None
                    for some in (lines, golden))
    report.row('c9', f'{key} line {number}', float(ours != theirs), EXACT,
               '' if ours == theirs else f'{ours!r}, golden {theirs!r}')


def _check_scores(report, golden):
  with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, 'scores.json')
    _evaluate(report, NUM_CLASSES, save_json=path)
    with open(path, encoding='utf-8') as file:
      scores = json.load(file)
  compared = set(scores) & set(golden)
  for key in sorted(compared):
    exact = key in ('tp_fn', 'tp_fp', 'tp')
    report.compare('c9', key, scores[key], golden[key],
                   EXACT if exact else 1e-12)
  return compared


def _check_confusion(report, golden):
  target, predicted = (
      np.array(golden[f'confusion_{key}']) for key in ('target', 'pred'))
  read = {'confusion_target', 'confusion_pred', 'accuracy'}
  for key in golden:
    if key.startswith('confusion_matrix_'):
      read.add(key)
      number = int(key.removeprefix('confusion_matrix_'))
      matrix = ConfusionMatrix(number + 1,
                               evaluation_compat.EVALUATION_IGNORE_LABEL)
      matrix.update(evaluation_compat.evaluation_truth(target, number),
                    predicted)
      report.compare('c9', key, evaluation_compat.evaluation_confusion(matrix),
                     np.array(golden[key]), EXACT)
      report.compare('c9', f'accuracy ({number} classes)',
                     matrix.pixel_accuracy(), golden['accuracy'], 1e-12)
  return read


def check_colormap(report):
  """Compares the palette of PASCAL VOC."""
  report.compare('map', 'colormap_uint8', dataset_info.get('voc12').palette,
                 np.load(report.path('colormap_uint8.npy')), EXACT)
