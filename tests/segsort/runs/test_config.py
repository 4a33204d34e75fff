"""Settings: values that no stage takes, flags, and what runs write down."""

import dataclasses
import json

import pytest
import small_runs

from segsort.errors import InputError
from segsort.evaluation import evaluation_flags
from segsort.inference import inference_settings
from segsort.runs import cli
from segsort.runs import run_record
from segsort.runs import settings as settings_lib
from segsort.training import training_settings

STAGES = (training_settings.TrainConfig, training_settings.TrainUnsupConfig,
          inference_settings.ExtractConfig,
          inference_settings.InferenceConfig, evaluation_flags.EvaluateConfig)
TRAIN = ['--snapshot_dir', 's', '--data_list', 'l', '--data_dir', 'd']
INFER = ['--data_list', 'l', '--data_dir', 'd', '--save_dir', 'r',
         '--prototype_dir', 'p', '--restore_from']


def _fails(config_class, argv):
  with pytest.raises(InputError) as raised:
    cli.parse(config_class, argv)
  assert '\n' not in str(raised.value)
  return str(raised.value)


def test_sizes():
  assert settings_lib.parse_size('336,480') == (336, 480)
  assert settings_lib.parse_size('336') == (336, 336)
  assert settings_lib.parse_size('0,0') == (0, 0)
  for text in ('', 'x', '1,2,3', '-1,5', '3.5', '336x336', ','):
    with pytest.raises(InputError, match='is not a size; give height,width'):
      settings_lib.parse_size(text)


def test_defaults_are_the_released_recipe():
  settings = cli.parse(training_settings.TrainConfig, TRAIN)
  assert (settings.snapshot_dir, settings.data_list, settings.data_dir) == (
      's', 'l', 'd')
  assert (settings.batch_size, settings.input_size, settings.num_steps) == (
      8, (336, 336), 30000)
  assert (settings.learning_rate, settings.power, settings.momentum,
          settings.weight_decay) == (2e-3, .9, .9, 5e-4)
  assert (settings.embedding_dim, settings.num_clusters,
          settings.kmeans_iterations, settings.concentration,
          settings.num_banks) == (32, 5, 10, 10, 2)
  assert settings.classes == 21
  unsupervised = cli.parse(training_settings.TrainUnsupConfig, TRAIN)
  assert (unsupervised.num_steps, unsupervised.num_banks) == (10000, 0)


def test_flags_win_over_defaults():
  settings = cli.parse(training_settings.TrainConfig, TRAIN + [
      '--input_size', '96,128', '--no-random_mirror', '--learning_rate', '1e-2',
      '--dataset', 'camvid', '--backbone', 'resnet_small'])
  assert settings.input_size == (96, 128) and not settings.random_mirror
  assert settings.learning_rate == .01 and settings.classes == 11
  assert cli.parse(training_settings.TrainConfig, TRAIN + [
      '--dataset', 'camvid', '--num_classes', '5']).classes == 5


@pytest.mark.parametrize('flag, value, message', (
    ('batch_size', '0', '--batch_size is 0; it must be above 0'),
    ('num_steps', '-4', '--num_steps is -4; it must be 0 or more'),
    ('learning_rate', 'nan', '--learning_rate is nan; it must be a finite'),
    ('weight_decay', 'inf', '--weight_decay is inf; it must be a finite'),
    ('concentration', '0', '--concentration is 0.0; it must be above 0'),
    ('num_banks', '-1', '--num_banks is -1; it must be 0 or more'),
    ('kmeans_iterations', '-1', 'must be 0 or more'),
    ('batch_norm_decay', '1', '--batch_norm_decay is 1.0; it must be below 1'),
    ('batch_norm_decay', '-.1', '--batch_norm_decay is -0.1'),
    ('random_seed', '2147483648', 'it must be below 2147483648'),
    ('num_classes', '256', '--num_classes is 256; it must be below 256'),
    ('input_size', '0,9', '--input_size is 0; it must be above 0'),
    ('input_size', 'large', "'large' is not a size"),
    ('batch_size', 'many', "argument --batch_size: invalid int value: 'many'"),
    ('backbone', 'vgg', "argument --backbone: invalid choice: 'vgg' (choose"),
    ('head', 'fcn', "argument --head: invalid choice: 'fcn' (choose"),
    ('dataset', 'coco', "argument --dataset: invalid choice: 'coco'"),
    ('batchsize', '3', 'unrecognized arguments: --batchsize 3')))
def test_values_that_no_run_takes_are_one_line(flag, value, message):
  assert message in _fails(
      training_settings.TrainConfig, TRAIN + [f'--{flag}', value])


def test_what_is_required_is_named():
  assert 'required: --data_list' in _fails(training_settings.TrainConfig, [
      '--snapshot_dir', 's', '--data_dir', 'd'])


def test_strides_may_not_leave_pixels_out():
  settings = cli.parse(inference_settings.ExtractConfig, INFER[:6] + [
      '--restore_from', 'c', '--input_size', '90,60', '--strides', '0,60'])
  assert settings.window_strides == (60, 60)
  assert '--strides has 61, above the 60 of --input_size' in _fails(
      inference_settings.ExtractConfig, INFER[:6] + [
          '--restore_from', 'c', '--input_size', '90,60', '--strides', '61'])
  tiny = cli.parse(inference_settings.ExtractConfig, INFER[:6] + [
      '--restore_from', 'c', '--input_size', '1,1'])
  assert tiny.window_strides == (1, 1)


def test_a_later_stage_inherits_from_the_run_and_flags_win(tmp_path):
  run = small_runs.train_config(
      ('d', 'l'), tmp_path, head='deeplab', ignore_label=7, dataset='camvid')
  run_record.write_run(str(tmp_path), run)
  for restore_from in (tmp_path, tmp_path / 'model.ckpt-4'):
    settings = cli.parse(inference_settings.InferenceConfig, INFER + [
        str(restore_from), '--num_clusters', '9'])
    assert (settings.backbone, settings.head, settings.embedding_dim,
            settings.kmeans_iterations, settings.dataset, settings.num_classes,
            settings.ignore_label) == (
                'resnet_small', 'deeplab', 8, 3, 'camvid', 2, 7)
    assert settings.num_clusters == 9
    assert settings.input_size == (336, 336)  # of windows, not of the crops
  assert cli.parse(inference_settings.InferenceConfig,
                   INFER + ['elsewhere']).head == 'pspnet'


def test_clusters_are_those_of_the_prototypes(tmp_path, capsys):
  run = small_runs.train_config(('d', 'l'), tmp_path / 'run', num_clusters=1)
  run_record.write_run(str(tmp_path / 'run'), run)
  flags = INFER[:6] + ['--restore_from', str(tmp_path / 'run'),
                       '--prototype_dir', str(tmp_path / 'p')]
  settings = cli.parse(inference_settings.InferenceConfig, flags)
  assert (settings.num_clusters, settings.kmeans_iterations) == (1, 3)
  assert capsys.readouterr().out == (
      '--num_clusters 1: as in training\n'
      '--kmeans_iterations 3: as in training\n'
      '--location_weight 1.0: as in training\n'
      '--color_weight 0.0: the default\n')
  record = tmp_path / 'p' / 'prototypes'
  record.mkdir(parents=True)
  run_record.write_run(str(record), small_runs.restored_config(
      inference_settings.ExtractConfig, ('d', 'l'), 'c', 'r', num_clusters=5,
      kmeans_iterations=7, embedding_dim=99, color_weight=.5))
  settings = cli.parse(inference_settings.InferenceConfig, flags)
  assert (settings.num_clusters, settings.kmeans_iterations,
          settings.embedding_dim, settings.color_weight) == (5, 7, 8, .5)
  assert capsys.readouterr().out == ''.join(
      f'--{name} {value}: as the prototypes, {record}/config.json\n'
      for name, value in (('num_clusters', 5), ('kmeans_iterations', 7),
                          ('location_weight', 1.), ('color_weight', .5)))
  assert cli.parse(inference_settings.InferenceConfig, flags + [
      '--num_clusters', '4']).num_clusters == 4
  assert '--num_clusters' not in capsys.readouterr().out
  settings = cli.parse(
      inference_settings.InferenceConfig, INFER[:6] + ['--restore_from', 'c',
                                           '--prototype_dir', 'q'])
  assert (settings.num_clusters, settings.kmeans_iterations) == (5, 10)
  assert '--num_clusters 5: the default' in capsys.readouterr().out


@pytest.mark.parametrize('text', ('', '{"settings": {"num_clusters": "5"}}'))
def test_a_damaged_record_of_the_prototypes_is_one_line(tmp_path, text):
  (tmp_path / 'config.json').write_text(text)
  flags = INFER[:6] + ['--prototype_dir', str(tmp_path), '--restore_from', 'c']
  assert (f'{tmp_path}/config.json, written beside the prototypes' in
          _fails(inference_settings.InferenceConfig, flags))
  assert ('give --num_clusters and --kmeans_iterations and --location_weight '
          'and --color_weight' in _fails(inference_settings.InferenceConfig,
                                         flags))
  given = ['--num_clusters', '3', '--kmeans_iterations', '2',
           '--location_weight', '1', '--color_weight', '0']
  assert cli.parse(inference_settings.InferenceConfig,
                   flags + given).num_clusters == 3


@pytest.mark.parametrize('text', ('', '[]', '{}', '{"settings": 3}'))
def test_a_config_of_something_else_is_one_line(tmp_path, text):
  (tmp_path / 'config.json').write_text(text)
  assert f'cannot read {tmp_path}/config.json' in _fails(
      inference_settings.InferenceConfig, INFER + [str(tmp_path)])


def test_inherited_values_are_checked_like_flags(tmp_path):
  for settings in ({'backbone': 'vgg'}, {'embedding_dim': 'many'},
                   {'head': None}):
    (tmp_path / 'config.json').write_text(json.dumps({'settings': settings}))
    assert f'{tmp_path}/config.json' in _fails(
        inference_settings.InferenceConfig, INFER + [str(tmp_path)])


@pytest.mark.parametrize('config_class', STAGES)
def test_help_names_every_flag_with_its_default(config_class, capsys):
  with pytest.raises(SystemExit) as left:
    cli.parse(config_class, ['--help'], 'What 100 % of it does.')
  assert left.value.code == 0
  shown = capsys.readouterr().out
  assert 'What 100 % of it does.' in shown
  for field in dataclasses.fields(config_class):
    if field.metadata.get('fixed'):
      assert f'--{field.name} ' not in shown
    else:
      assert f'--{field.name}' in shown and field.metadata['help']
  assert 'num_classes' not in shown or '(default: 0)' in shown


def test_errors_are_one_line_and_a_status(capsys):
  def leave(error):
    def stage(settings):
      raise error
    with pytest.raises(SystemExit) as left:
      cli.run(stage, training_settings.TrainConfig, TRAIN)
    return left.value.code, capsys.readouterr().err

  assert leave(InputError('no room')) == (2, 'error: no room\n')
  assert leave(KeyboardInterrupt()) == (130, 'interrupted\n')
  with pytest.raises(ZeroDivisionError):  # a defect of ours is not hidden
    leave(ZeroDivisionError())
