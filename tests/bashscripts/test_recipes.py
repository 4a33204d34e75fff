"""Each experiment's script runs its recipe, in order."""

import dataclasses
import json
import re

import pytest

from segsort.contours import oversegmentation
from segsort.evaluation import evaluation_flags
from segsort.inference import inference_flags
from segsort.inference import inference_settings
from segsort.training import joint_training
from segsort.training import softmax_training
from segsort.training import training_settings

STEPS = ['train_segsort.py', 'extract_prototypes.py', 'inference.py',
         'inference.py', 'eval_miou.py', 'eval_miou.py']
CONFIGS = {
    'make_oversegmentation.py': oversegmentation.OversegmentationConfig,
    'train_segsort.py': joint_training.TrainConfig,
    'train_softmax.py': softmax_training.TrainSoftmaxConfig,
    'train_segsort_unsup.py': training_settings.TrainUnsupConfig,
    'extract_prototypes.py': inference_settings.ExtractConfig,
    'inference.py': inference_flags.InferenceFlags,
    'eval_miou.py': evaluation_flags.EvaluateConfig}


@pytest.mark.parametrize('name', [
    'train_segsort.sh', 'train_segsort_unsup.sh', 'train_softmax.sh',
    'train_affinity.sh'])
def test_the_flags_exist_and_the_required_ones_are_there(project, name):
  project.run(f'voc12/{name}')
  for script, flags in project.calls():
    fields = [field for field in dataclasses.fields(CONFIGS[script])
              if not field.metadata.get('fixed')]
    given = {flag.removeprefix('no-') for flag in flags}
    assert given <= {field.name for field in fields}
    assert given >= {field.name for field in fields
                     if field.default is dataclasses.MISSING}


def test_voc12_runs_ten_stages_in_order(project):
  result = project.run('voc12/train_segsort.sh')
  assert result.returncode == 0, result.stderr
  assert [name for name, _ in project.calls()] == STEPS * 2
  assert re.findall(r'^== stage (.*) ==$', result.stdout, re.M) == [
      f'{stage} {name}' for stage in (1, 2) for name in (
          'train', 'extract_prototypes', 'inference', 'inference_msc',
          'benchmark')]
  ends = re.findall(r'^stage \d \w+ took \d+ s$', result.stdout, re.M)
  assert len(ends) == 10


def test_voc12_is_the_released_recipe(project):
  project.run('voc12/train_segsort.sh')
  calls = project.calls()
  first, second = (flags for name, flags in calls if name == 'train_segsort.py')
  expected = {
      'batch_size': '8', 'input_size': '336,336', 'num_steps': '30000',
      'learning_rate': '2e-3', 'weight_decay': '5e-4', 'concentration': '10',
      'num_banks': '2', 'embedding_dim': '32', 'num_clusters': '5',
      'kmeans_iterations': '10', 'backbone': 'resnet_v1_101', 'head': 'pspnet',
      'batch_norm_decay': '0.9997', 'dataset': 'voc12',
      'data_dir': str(project.root / 'dataset/voc12/data'),
      'data_list': str(project.root / 'dataset/voc12/train+.txt'),
      'snapshot_dir': str(project.root / 'snapshots/voc12/segsort/stage1'),
      'restore_from': str(
          project.root / 'snapshots/imagenet/trained/resnet_v1_101.ckpt')}
  assert {name: first[name] for name in expected} == expected
  assert 'not_restore_classifier' in first
  changed = {name for name in {*first, *second}
             if first.get(name, 'absent') != second.get(name, 'absent')}
  assert changed == {'snapshot_dir', 'data_list', 'learning_rate',
                     'restore_from', 'not_restore_classifier'}
  assert second['restore_from'] == first['snapshot_dir']
  assert second['learning_rate'] == '2e-4'
  assert second['data_list'].endswith('voc12/train.txt')


def test_voc12_retrieval_and_evaluation(project):
  project.run('voc12/train_segsort.sh')
  _, extract, single, multi, score, score_multi = (
      flags for _, flags in project.calls()[:6])
  results = f'{project.root}/snapshots/voc12/segsort/stage1/results'
  assert extract['save_dir'] == f'{results}/train'
  assert extract['data_list'].endswith('/train.txt')
  assert extract['input_size'] == multi['input_size'] == '336,336'
  assert single['prototype_dir'] == f'{results}/train/prototypes'
  assert single['data_list'].endswith('/val.txt')
  assert single['input_size'] == '720,720'
  assert single['k_in_nearest_neighbors'] == '15'
  assert 'scale_aug' not in single
  assert {'scale_aug', 'flip_aug'} <= multi.keys()
  assert single['save_dir'] == f'{results}/val'
  assert score['pred_dir'] == f'{results}/val/gray'
  assert score_multi['pred_dir'] == f'{results}/val_msc/gray'
  assert score['gt_dir'].endswith('voc12/data/VOC2012/segcls')


def test_mgpu_is_the_same_with_larger_numbers(project):
  result = project.run('voc12/train_segsort_mgpu.sh')
  assert result.returncode == 0, result.stderr
  calls = project.calls()
  assert [name for name, _ in calls] == STEPS * 2
  assert [(calls[i][1]['num_steps'], calls[i][1]['batch_size'],
           calls[i][1]['input_size']) for i in (0, 6)] == [
               ('100000', '16', '480,480'), ('30000', '16', '480,480')]
  assert calls[3][1]['k_in_nearest_neighbors'] == '21'
  assert calls[3][1]['input_size'] == '480,480'
  assert calls[0][1]['snapshot_dir'].endswith('voc12/segsort_mgpu/stage1')
  assert calls[0][1]['strategy'] == 'mirrored'


def test_unsup_trains_once_without_banks(project):
  result = project.run('voc12/train_segsort_unsup.sh')
  assert result.returncode == 0, result.stderr
  calls = project.calls()
  assert [name for name, _ in calls] == [
      'make_oversegmentation.py', 'train_segsort_unsup.py', *STEPS[1:]]
  assert calls[1][1]['num_steps'] == '10000'
  assert calls[1][1]['num_banks'] == '0'
  assert calls[1][1]['data_list'].endswith('/train.txt')
  assert 'NUM_STEPS_2' not in result.stdout


def test_demo_draws_its_data_and_trains_from_scratch(project):
  result = project.run('demo/train_segsort.sh')
  assert result.returncode == 0, result.stderr
  calls = project.calls()
  assert [name for name, _ in calls] == [
      'make_demo_dataset.py', *STEPS[:3], 'eval_miou.py']
  assert calls[0][1] == {'data_dir': str(project.root / 'dataset/demo/data'),
                         'list_dir': str(project.root / 'dataset/demo')}
  assert calls[1][1]['backbone'] == 'resnet_small'
  assert 'restore_from' not in calls[1][1]
  assert 'not_restore_classifier' not in calls[1][1]


def test_demo_stops_where_its_data_cannot_be_made(project):
  result = project.run('demo/train_segsort.sh', FAILING='make_demo_dataset.py')
  assert result.returncode == 3
  assert 'make_demo_dataset failed with status 3' in result.stderr
  assert len(project.calls()) == 1


def test_camvid_uses_finer_clusters_after_training(project):
  result = project.run('camvid/train_segsort.sh', REGIONS_DIR='')
  assert result.returncode == 0, result.stderr
  calls = project.calls()
  assert [name for name, _ in calls] == [*STEPS[:3], 'eval_miou.py']
  assert [flags.get('num_clusters') for _, flags in calls] == [
      '5', '12', '12', None]
  assert calls[3][1]['gt_dir'].endswith('CamVid/segcls/val')


def test_camvid_is_not_prepared_again(project):
  result = project.run('camvid/train_segsort.sh', CAMVID_SOURCE='camvid')
  assert result.returncode == 0, result.stderr
  assert 'prepare_camvid.py' not in dict(project.calls())


@pytest.mark.parametrize('absent, what', [
    ('train.txt', 'the list'),
    ('data/CamVid/segcls', 'the folder of true masks')])
def test_camvid_is_prepared_where_something_is_absent(project, absent, what):
  (project.root / 'dataset/camvid' / absent).rename(project.root / 'moved')
  result = project.run('camvid/train_segsort.sh', CAMVID_SOURCE='camvid')
  (name, flags), = project.calls()  # the stand-in wrote nothing
  assert name == 'prepare_camvid.py'
  assert flags == {'source_dir': 'camvid',
                   'data_dir': f'{project.root}/dataset/camvid/data/CamVid',
                   'list_dir': f'{project.root}/dataset/camvid'}
  assert result.returncode == 2
  assert f'{what} is missing' in result.stderr


def test_camvid_names_its_preparation(project):
  (project.root / 'dataset/camvid/data/CamVid').rename(project.root / 'moved')
  result = project.run('camvid/train_segsort.sh')
  assert result.returncode == 2
  assert 'prepare_camvid.py --source_dir CamVid' in result.stderr


@pytest.mark.parametrize('strategy, then', (
    ('one_device', 'one_device'), ('mirrored', 'mirrored'),
    ('multi_worker', 'mirrored')))
def test_extraction_and_inference_use_the_devices_of_training(
    project, strategy, then):
  """The first of several workers goes on with all of its own."""
  result = project.run(
      'voc12/train_segsort.sh', STRATEGY=strategy, NUM_GPU='3',
      LOGICAL_DEVICES='4', WORKERS='a:1,b:1', WORKER_INDEX='0')
  assert result.returncode == 0, result.stderr
  after = [flags for name, flags in project.calls()
           if name in ('extract_prototypes.py', 'inference.py')]
  assert len(after) == 6
  for flags in after:
    assert (flags['strategy'], flags['num_gpu'], flags['logical_devices']) == (
        then, '3', '4')


def test_workers_train_together_and_the_first_one_does_the_rest(project):
  """Index 10 is not the first worker, though it begins like index 1 or 0."""
  workers = ','.join(f'host{i}:1' for i in range(11))
  for index, then in ((0, STEPS[1:] * 2), (1, []), (10, [])):
    project.record.unlink(missing_ok=True)
    result = project.run('voc12/train_segsort_multiworker.sh',
                         WORKERS=workers, WORKER_INDEX=str(index))
    assert result.returncode == 0, result.stderr
    calls = project.calls()
    assert [name for name, _ in calls] == ['train_segsort.py'] * 2 + then
    flags = calls[0][1]
    assert flags['strategy'] == 'multi_worker'
    assert flags['worker_timeout'] == '600' and flags['batch_size'] == '16'
    assert flags['snapshot_dir'].endswith('voc12/segsort_multiworker/stage1')
    shown = re.search(r'^TF_CONFIG=(.*)$', result.stdout, re.M)[1]
    assert json.loads(shown.replace('\\', '')) == {
        'cluster': {'worker': workers.split(',')},
        'task': {'type': 'worker', 'index': index}}


def test_slurm_names_the_workers(project):
  """Of the nodes of its step, on the port of WORKER_PORT."""
  scontrol = project.caller / 'scontrol'
  scontrol.write_text('#!/bin/sh\n[ "$3" = "n[1-2]" ] && printf "n1\\nn2\\n"')
  scontrol.chmod(0o755)
  result = project.run(
      'voc12/train_segsort_multiworker.sh', SLURM_STEP_NODELIST='n[1-2]',
      SLURM_NODEID='1', WORKER_PORT='99',
      PATH=f'{project.caller}:/usr/local/bin:/usr/bin:/bin')
  assert result.returncode == 0, result.stderr
  assert r'\"n1:99\"' in result.stdout and r'\"n2:99\"' in result.stdout
  assert len(project.calls()) == 2  # it is the second one


@pytest.mark.parametrize('settings, message', [
    ({}, 'who trains? Set WORKERS=HOST:PORT,HOST:PORT'),
    ({'WORKERS': 'a:1'}, "WORKER_INDEX is ''"),
    ({'WORKERS': 'a:1', 'WORKER_INDEX': 'x'}, "WORKER_INDEX is 'x'")])
def test_unknown_workers_are_asked_for(project, settings, message):
  result = project.run('voc12/train_segsort_multiworker.sh', **settings)
  assert result.returncode == 2 and project.calls() == []
  assert f'error: {message}' in result.stderr


@pytest.mark.parametrize('dataset', ['voc12', 'camvid', 'demo'])
def test_softmax_is_the_recipe_without_segments(project, dataset):
  def training():
    calls = [call for call in project.calls()
             if call[0] not in ('make_demo_dataset.py', 'eval_miou.py',
                                'make_oversegmentation.py')]
    project.record.unlink()
    return calls

  assert not project.run(f'{dataset}/train_segsort.sh').returncode
  sorting = training()
  result = project.run(f'{dataset}/train_softmax.sh', how='source {}')
  assert result.returncode == 0, result.stderr
  baseline = training()
  assert [name for name, _ in baseline] == [
      name.replace('segsort', 'softmax') for name, _ in sorting
      if name != 'extract_prototypes.py']
  (_, ours), (_, theirs) = sorting[0], baseline[0]
  assert ours.keys() - theirs.keys() == {
      'embedding_dim', 'num_clusters', 'kmeans_iterations', 'location_weight',
      'concentration', 'num_banks'}
  assert {name for name in theirs if theirs[name] != ours.get(name)} == {
      'snapshot_dir', 'affinity'}
  assert theirs['affinity'] == 'none'
  assert theirs['snapshot_dir'].endswith(f'snapshots/{dataset}/softmax/stage1')
  for name, flags in baseline:
    if name == 'inference.py':
      assert flags['method'] == 'softmax' and 'prototype_dir' not in flags


def test_the_method_is_one_of_two(project):
  result = project.run('camvid/train_segsort.sh', METHOD='crf')
  assert result.returncode == 2 and project.calls() == []
  assert "METHOD is 'crf'; it must be segsort or softmax" in result.stderr


@pytest.mark.parametrize('given, kind', [
    ({}, 'adaptive'), ({'AFFINITY': 'affinity'}, 'affinity')])
def test_affinity_is_softmax_with_another_loss_and_rate(project, given, kind):
  def training():
    calls = [flags for name, flags in project.calls()
             if name == 'train_softmax.py']
    project.record.unlink()
    return calls

  assert not project.run('voc12/train_softmax.sh').returncode
  plain = training()
  result = project.run('voc12/train_affinity.sh', **given)
  assert result.returncode == 0, result.stderr
  ours = training()
  assert [flags['learning_rate'] for flags in ours] == ['1e-3', '1e-4']
  for stage, (flags, theirs) in enumerate(zip(ours, plain, strict=True)):
    assert flags['affinity'] == kind and theirs['affinity'] == 'none'
    assert flags['snapshot_dir'].endswith(f'voc12/{kind}/stage{stage + 1}')
    assert {name for name in {*flags, *theirs}
            if flags.get(name) != theirs.get(name)} - {'restore_from'} == {
                'snapshot_dir', 'learning_rate', 'affinity'}


def test_affinity_is_of_the_baseline_alone(project):
  result = project.run('voc12/train_segsort.sh', AFFINITY='adaptive')
  assert result.returncode == 2 and project.calls() == []
  assert 'AFFINITY=adaptive adds to the loss of the softmax' in result.stderr
