"""Failures, switches, overrides and missing files of the stages."""

import pytest


@pytest.mark.parametrize('step, name, calls', [
    ('train_segsort.py', 'train', 1),
    ('extract_prototypes.py', 'extract_prototypes', 2),
    ('inference.py', 'inference', 3),
    ('eval_miou.py', 'benchmark', 5)])
def test_a_failing_stage_stops_the_pipeline(project, step, name, calls):
  result = project.run('voc12/train_segsort.sh', FAILING=step)
  assert result.returncode == 3
  assert result.stderr.splitlines()[-1] == (
      f'stage 1 {name} failed with status 3')
  assert len(project.calls()) == calls


def test_switches_leave_stages_out(project):
  result = project.run(
      'voc12/train_segsort.sh', IS_TRAIN_1='0', IS_PROTOTYPE_1='0',
      IS_INFERENCE_1='0', IS_INFERENCE_MSC_1='0', IS_BENCHMARK_1='0',
      IS_INFERENCE_2='0', RESTORE_FROM_2='')
  assert result.returncode == 0, result.stderr
  assert [name for name, _ in project.calls()] == [
      'train_segsort.py', 'extract_prototypes.py', 'inference.py',
      'eval_miou.py']
  assert project.calls()[3][1]['pred_dir'].endswith('/val_msc/gray')
  assert '== stage 1 train: off (IS_TRAIN_1=0) ==' in result.stdout


def test_benchmark_alone_scores_what_is_there(project):
  off = {f'IS_{stage}_{i}': '0' for i in '12' for stage in (
      'TRAIN', 'PROTOTYPE', 'INFERENCE', 'INFERENCE_MSC', 'BENCHMARK')}
  off['IS_BENCHMARK_1'] = '1'
  project.run('voc12/train_segsort.sh', **off)
  (name, flags), = project.calls()
  assert name == 'eval_miou.py' and flags['pred_dir'].endswith('/val/gray')


@pytest.mark.parametrize('value', ['no', '2', 'true'])
def test_a_switch_is_0_or_1(project, value):
  result = project.run('voc12/train_segsort.sh', IS_TRAIN_1=value)
  assert result.returncode == 2
  assert result.stderr == (
      f"error: IS_TRAIN_1 is '{value}'; it must be 0 or 1\n")


def test_settings_come_from_the_environment(project):
  mine = project.caller / 'mine.txt'
  mine.write_text('/VOC2012/JPEGImages/x.jpg x\n')
  result = project.run(
      'voc12/train_segsort.sh', BACKBONE='resnet_small', HEAD='deeplab',
      NUM_STEPS='3', NUM_STEPS_2='4', BATCH_SIZE='2', INPUT_SIZE='64,80',
      INFERENCE_INPUT_SIZE='96,96', EMBEDDING_DIM='8', TRAIN_LIST='mine.txt',
      PROTOTYPE_LIST=str(mine), INFERENCE_LIST='mine.txt', RESTORE_FROM='',
      SNAPSHOT_DIR='out put', RANDOM_SEED='7', OVERWRITE='1',
      DATAROOT=str(project.root / 'dataset/voc12/data'))
  assert result.returncode == 0, result.stderr
  calls = project.calls()
  first, second = calls[0][1], calls[6][1]
  assert first['num_steps'] == '3' and second['num_steps'] == '4'
  assert first['backbone'] == 'resnet_small' and first['head'] == 'deeplab'
  assert first['embedding_dim'] == '8' and first['batch_size'] == '2'
  assert first['data_list'] == second['data_list'] == 'mine.txt'
  assert first['snapshot_dir'] == second['restore_from'] == 'out put/stage1'
  assert 'restore_from' not in first and 'overwrite' in first
  assert calls[1][1]['input_size'] == calls[3][1]['input_size'] == '64,80'
  assert calls[2][1]['input_size'] == '96,96'
  for line in ('NUM_STEPS_1=3', 'NUM_STEPS_2=4', "RESTORE_FROM_1=''",
               'INPUT_SIZE=64,80', 'SNAPSHOT_DIR=out\\ put'):
    assert line in result.stdout.splitlines()


def test_a_frozen_backbone_of_keras_is_a_matter_of_settings(project):
  result = project.run(
      'voc12/train_segsort.sh', BACKBONE='MobileNetV2', RESTORE_FROM='imagenet',
      BACKBONE_FEATURES='block_16_project_BN', BACKBONE_INPUT='tf',
      FREEZE_BACKBONE='1', FREEZE_BATCH_NORM='1', CACHE_FEATURES='kept of all',
      RANDOM_SCALE='0', SOFTMAX_WEIGHT='0.5', REGIONS_DIR='my regions',
      IS_TRAIN_2='0', IS_PROTOTYPE_2='0', IS_INFERENCE_2='0',
      IS_INFERENCE_MSC_2='0', IS_BENCHMARK_2='0')
  assert result.returncode == 0, result.stderr
  train, extract, infer = (call[1] for call in project.calls()[:3])
  assert train['restore_from'] == 'imagenet'
  assert train['softmax_weight'] == '0.5'
  assert infer['regions_dir'] == 'my regions' and 'regions_dir' not in extract
  assert train['backbone_features'] == 'block_16_project_BN'
  assert train['backbone_input'] == 'tf'
  assert {'freeze_backbone', 'freeze_batch_norm', 'no-random_scale'} <= (
      train.keys())
  assert all(call['cache_features'] == 'kept of all'
             for call in (train, extract, infer))


@pytest.mark.parametrize('path, what', [
    ('dataset/voc12/train+.txt', 'the list'),
    ('dataset/voc12/val.txt', 'the list'),
    ('dataset/voc12/data', 'the data folder'),
    ('dataset/voc12/data/VOC2012/JPEGImages/x.jpg', 'the first image of'),
    ('dataset/voc12/data/VOC2012/segcls', 'the folder of true masks'),
    ('snapshots/imagenet/trained/resnet_v1_101.ckpt',
     'the checkpoint to start from')])
def test_missing_files_are_named_with_their_command(project, path, what):
  (project.root / path).rename(project.root / 'moved')
  result = project.run('voc12/train_segsort.sh')
  assert result.returncode == 2
  line, = result.stderr.splitlines()
  assert line.startswith(f'error: {what}')
  assert f'looked for {project.root}/{path}' in line
  assert 'bash ' in line and 'bashscripts/voc12/prepare_data.sh' in line
  assert project.calls() == []


def test_stage_2_needs_stage_1(project):
  result = project.run('voc12/train_segsort.sh', IS_TRAIN_1='0')
  assert result.returncode == 2
  assert result.stderr.endswith('train it: IS_TRAIN_1=1\n')
  project.add('snapshots/voc12/segsort/stage1/model.ckpt-5.index')
  assert project.run(
      'voc12/train_segsort.sh', IS_TRAIN_1='0').returncode == 0
