"""Class lists of one's own, good and bad."""

import json

import numpy as np
import pytest

from segsort.data import class_file
from segsort.data import dataset_info
from segsort.errors import InputError
from segsort.evaluation import evaluation_flags
from segsort.inference import inference_settings
from segsort.inference import results
from segsort.runs import cli
from segsort.runs import run_record
from segsort.training import training_settings

GOOD = {'classes': [{'name': 'ground', 'color': [1, 2, 3]}, {'name': 'leaf'}],
        'ignore_label': 9}


def _write(tmp_path, table, name='classes.json'):
  path = tmp_path / name
  path.write_text(table if isinstance(table, str) else json.dumps(table))
  return str(path)


def test_names_colours_and_ignore_label(tmp_path):
  path = _write(tmp_path, GOOD)
  info = dataset_info.get(path)
  assert (info.name, info.class_names, info.ignore_label, info.num_classes) == (
      path, ('ground', 'leaf'), 9, 2)
  np.testing.assert_array_equal(info.palette[0], (1, 2, 3))
  np.testing.assert_array_equal(
      info.palette[1:], dataset_info.voc_palette()[1:])


def test_a_byte_order_mark_is_no_json(tmp_path):
  path = tmp_path / 'classes.json'
  path.write_text(json.dumps(GOOD), encoding='utf-8-sig')
  assert dataset_info.get(str(path)).num_classes == 2


def test_a_legend_is_a_list_of_classes(tmp_path):
  results.write_legend(str(tmp_path), 'camvid', 11)
  legend = json.loads((tmp_path / 'legend.json').read_text())
  info = dataset_info.get(_write(tmp_path, {'classes': legend}))
  assert info.class_names == dataset_info.get('camvid').class_names
  np.testing.assert_array_equal(
      info.palette, dataset_info.get('camvid').palette)
  assert info.ignore_label == 255


def test_flags_take_it(tmp_path):
  path = _write(tmp_path, GOOD)
  words = ['--pred_dir', 'p', '--gt_dir', 'g', '--dataset', path]
  settings = cli.parse(evaluation_flags.EvaluateConfig, words)
  assert settings.classes == 2 and settings.ignore_label == 9
  settings = cli.parse(
      evaluation_flags.EvaluateConfig, words + ['--ignore_label', '7'])
  assert settings.ignore_label == 7
  assert cli.parse(evaluation_flags.EvaluateConfig, words[:4]) == (
      evaluation_flags.EvaluateConfig(pred_dir='p', gt_dir='g'))


def test_later_stages_inherit_it(tmp_path):
  path = _write(tmp_path, GOOD)
  train = cli.parse(training_settings.TrainConfig, [
      '--snapshot_dir', 's', '--data_list', 'l', '--data_dir', 'd',
      '--dataset', path])
  run_record.write_run(str(tmp_path), train)
  settings = cli.parse(inference_settings.ExtractConfig, [
      '--data_list', 'l', '--data_dir', 'd', '--save_dir', 'r',
      '--restore_from', str(tmp_path)])
  assert (settings.dataset, settings.classes, settings.ignore_label) == (
      path, 2, 9)


@pytest.mark.parametrize('table, message', [
    ('{', 'is not JSON ('),
    ('[]', 'has no list "classes"'),
    ({'classes': []}, 'has no list "classes"'),
    ({'classes': 'ab'}, 'has no list "classes"'),
    ({'classes': [{'name': 'a'}], 'ignore': 3}, "unknown entry 'ignore'"),
    ({'classes': ['a']}, 'class 0 of the class file'),
    ({'classes': [{'name': 'a'}, {'color': [1, 2, 3]}]}, 'has no name'),
    ({'classes': [{'name': ' '}]}, 'has no name'),
    ({'classes': [{'name': 'a', 'colour': [1, 2, 3]}]}, "entry 'colour'"),
    ({'classes': [{'name': 'a', 'color': [1, 2]}]}, 'the color [1, 2];'),
    ({'classes': [{'name': 'a', 'color': [1, 2, 256]}]}, 'color [1, 2, 256'),
    ({'classes': [{'name': 'a', 'color': '#fff'}]}, "the color '#fff'"),
    ({'classes': [{'name': 'a', 'color': [True, 0, 0]}]}, 'the color [True'),
    ({'classes': [{'name': 'a', 'id': 1}]}, 'has the id 1; the list must'),
    ({'classes': [{'name': 'a'}] * 2}, "two classes 'a'"),
    ({'classes': [{'name': str(i)} for i in range(256)]}, 'has 256 classes'),
    ({'classes': [{'name': 'a'}], 'ignore_label': -1}, 'the ignore_label -1;'),
    ({'classes': [{'name': 'a'}], 'ignore_label': '0'}, "ignore_label '0'")])
def test_bad_files_are_one_line(tmp_path, table, message):
  path = _write(tmp_path, table)
  with pytest.raises(InputError) as raised:
    class_file.read(path)
  assert message in str(raised.value) and '\n' not in str(raised.value)
  assert path in str(raised.value)


@pytest.mark.parametrize('name, message', [
    ('no/such.json', 'cannot read the class file no/such.json: No such file'),
    ('classes.txt', "invalid choice: 'classes.txt' (choose from")])
def test_no_class_file(name, message):
  with pytest.raises(InputError) as raised:
    cli.parse(evaluation_flags.EvaluateConfig, [
        '--pred_dir', 'p', '--gt_dir', 'g', '--dataset', name])
  assert message in str(raised.value)
