"""The unsupervised experiments and the contour network's: masks, then runs."""

import pytest

STEPS = ['train_segsort_unsup.py', 'extract_prototypes.py', 'inference.py']
HED = {'voc12': 'dataset/voc12/data/VOC2012/hed/x.png',
       'demo': 'dataset/demo/data/hed/x.png',
       'camvid': 'dataset/camvid/data/CamVid/hed/x.png'}
DETECTORS = {'voc12': 'hed', 'demo': 'gradient', 'camvid': 'hed'}


def _names(project):
  return [name for name, _ in project.calls()]


@pytest.mark.parametrize('dataset', HED)
def test_absent_masks_are_made_before_training(project, dataset):
  (project.root / HED[dataset]).unlink(missing_ok=True)
  result = project.run(f'{dataset}/train_segsort_unsup.sh', RESTORE_FROM='',
                       THRESHOLD='0.4', MAX_REGIONS='48', IS_GROUPED='0')
  assert result.returncode == 0, result.stderr
  names = _names(project)
  first = names.index('make_oversegmentation.py')
  assert names[first + 1:first + 4] == STEPS
  flags, training = (project.calls()[first + i][1] for i in (0, 1))
  assert flags['detector'] == DETECTORS[dataset]
  assert 'detector_path' not in flags
  assert flags['threshold'] == '0.4' and flags['max_regions'] == '48'
  for name in ('data_list', 'data_dir'):
    assert flags[name] == training[name]
  assert training['num_banks'] == '0'
  assert training['snapshot_dir'].endswith(f'{dataset}/segsort_unsup/stage1')


@pytest.mark.parametrize('dataset', HED)
def test_masks_that_are_there_are_compared_with_the_settings(project, dataset):
  """By the command that makes them, once for the list of both rounds."""
  project.add(HED[dataset])
  settings = {'RESTORE_FROM': '', 'THRESHOLD': '0.3'}
  result = project.run(f'{dataset}/train_segsort_unsup.sh', **settings)
  assert result.returncode == 0, result.stderr
  flags, = [flags for name, flags in project.calls()
            if name == 'make_oversegmentation.py']
  assert flags['threshold'] == '0.3' and 'overwrite' not in flags
  assert set(STEPS) <= set(_names(project))
  project.record.unlink()
  project.run(f'{dataset}/train_segsort_unsup.sh', OVERWRITE_REGIONS='1',
              **settings)
  assert 'overwrite' in dict(project.calls())['make_oversegmentation.py']
  project.record.unlink()
  project.run(f'{dataset}/train_segsort_unsup.sh', IS_OVERSEGMENT='0',
              **settings)
  assert 'make_oversegmentation.py' not in _names(project)
  assert set(STEPS) <= set(_names(project))


def test_regions_are_not_exchanged_under_a_run(project):
  project.add(HED['demo'])
  project.add('snapshots/demo/segsort_unsup/stage2/model.ckpt-5.index')
  result = project.run('demo/train_segsort_unsup.sh', OVERWRITE_REGIONS='1')
  assert result.returncode == 2
  assert 'stage 2 has begun with the regions' in result.stderr
  assert 'make_oversegmentation.py' not in _names(project)
  result = project.run('demo/train_segsort_unsup.sh', OVERWRITE_REGIONS='1',
                       OVERWRITE='1')
  assert result.returncode == 0, result.stderr
  result = project.run('voc12/train_segsort_unsup.sh', OVERWRITE_REGIONS='1',
                       STRATEGY='multi_worker')
  assert result.returncode == 2 and 'other workers read' in result.stderr


def test_lists_may_have_the_line_ends_of_windows(project):
  project.add(HED['demo'])
  project.add('dataset/demo/train.txt',
              '/JPEGImages/x.jpg /segcls/x.png\r\n\r\n')
  result = project.run('demo/train_segsort_unsup.sh', IS_OVERSEGMENT='0')
  assert result.returncode == 0, result.stderr


@pytest.mark.parametrize('dataset', HED)
def test_groups_of_regions_are_made_for_training_alone(project, dataset):
  project.add(HED[dataset])
  result = project.run(f'{dataset}/train_segsort_unsup.sh', RESTORE_FROM='',
                       IS_GROUPED='1', NUM_GROUPS='9', COLOR_WEIGHT='0.5',
                       MERGE_COST='70', NUM_TEXTONS='30', ROW_WEIGHT='2')
  assert result.returncode == 0, result.stderr
  names = _names(project)
  first = names.index('group_regions.py')
  assert names[first + 1:first + 4] == STEPS
  (_, grouping), (_, training), (_, extraction) = project.calls()[
      first:first + 3]
  assert grouping['num_groups'] == '9' and grouping['color_weight'] == '0.5'
  assert grouping['row_weight'] == '2'
  assert grouping['merge_cost'] == '70' and grouping['num_textons'] == '30'
  assert grouping['data_dir'] == training['data_dir']
  assert grouping['save_list'] == training['data_list']
  assert grouping['data_list'] == extraction['data_list']
  assert training['grouped'] is None  # a switch, without a value


def test_the_demo_groups_regions_by_texture_alone(project):
  project.run('demo/train_segsort_unsup.sh')
  calls = dict(project.calls())
  assert calls['group_regions.py']['color_weight'] == '0'
  assert float(calls['group_regions.py']['merge_cost']) > 0
  assert 'grouped' in calls['train_segsort_unsup.py']
  training = calls['train_segsort_unsup.py']
  assert training['num_banks'] == '0' and 'no-random_scale' in training
  assert 'random_color' in training and 'random_rotation' in training


def test_the_demo_goes_on_with_groups_of_pixels(project):
  result = project.run('demo/train_segsort_unsup.sh', NUM_PIXEL_GROUPS='40')
  assert result.returncode == 0, result.stderr
  calls = project.calls()
  names = _names(project)
  first = names.index('group_pixels.py')
  assert names[first + 1:first + 4] == STEPS
  before, (_, grouping), (_, training) = calls[:first], *calls[first:first + 2]
  trained = next(flags for name, flags in before if name == STEPS[0])
  regions = next(flags for name, flags in before if name == 'group_regions.py')
  assert trained['snapshot_dir'].endswith('stage1')
  assert training['snapshot_dir'].endswith('stage2')
  assert training['restore_from'] == trained['snapshot_dir']
  assert 'not_restore_classifier' not in training and 'grouped' in training
  assert grouping['restore_from'] == trained['snapshot_dir']
  assert grouping['data_list'] == regions['data_list']
  assert grouping['save_list'] == training['data_list'] != trained['data_list']
  assert grouping['num_groups'] == '40'
  for name in ('num_textons', 'color_weight', 'merge_cost', 'random_seed'):
    assert grouping[name] == regions[name]


@pytest.mark.parametrize('dataset', ('voc12', 'camvid'))
def test_a_second_round_can_be_asked_for(project, dataset):
  result = project.run(f'{dataset}/train_segsort_unsup.sh', NUM_ROUNDS='2',
                       IS_GROUPED='1')
  assert result.returncode == 0, result.stderr
  rounds = [flags for name, flags in project.calls() if name == STEPS[0]]
  assert len(rounds) == 2 and 'group_pixels.py' in _names(project)
  for name in ('num_steps', 'learning_rate'):
    assert rounds[0][name] == rounds[1][name]
  assert rounds[1]['restore_from'] == rounds[0]['snapshot_dir']


def test_groups_that_training_began_with_are_kept(project):
  folder = 'dataset/demo/data/groups/snapshots_demo_segsort_unsup/round2'
  project.run('demo/train_segsort_unsup.sh')
  before = dict(project.calls())
  assert before['group_pixels.py']['save_dir'] == str(project.root / folder)
  project.add(f'{folder}/train.txt', 'x')
  project.add('snapshots/demo/segsort_unsup/stage2/model.ckpt-5.index')
  project.record.unlink()
  result = project.run('demo/train_segsort_unsup.sh')
  assert 'stage 2 began with those in ' in result.stdout
  names = _names(project)
  assert 'group_pixels.py' not in names and 'group_regions.py' in names
  assert dict(project.calls())[STEPS[0]]['data_list'] == str(
      project.root / folder / 'train.txt')
  project.run('demo/train_segsort_unsup.sh', OVERWRITE='1')
  assert 'group_pixels.py' in _names(project)


def test_runs_side_by_side_have_groups_of_their_own(project):
  for name in ('one run', 'another'):
    project.run('demo/train_segsort_unsup.sh',
                SNAPSHOT_DIR=str(project.root / name))
  folders = [flags['save_dir'] for name, flags in project.calls()
             if name.startswith('group_')]
  assert len(set(folders)) == 4
  assert not any(' ' in folder.split('/groups/')[1] for folder in folders)


def test_runs_whose_folders_of_groups_have_one_name_do_not_mix(project):
  def run(name):
    return project.run('demo/train_segsort_unsup.sh',
                       SNAPSHOT_DIR=str(project.root / name))
  for _ in range(2):
    assert run('a/b').returncode == 0
  calls = len(project.calls())
  result = run('a_b')
  assert result.returncode == 2
  assert 'are those of SNAPSHOT_DIR=a/b; name a' in result.stderr
  assert 'group_regions.py' not in [
      name for name, _ in project.calls()[calls:]]


def test_the_second_round_groups_by_the_network_that_it_goes_on_from(project):
  project.add('other/model.ckpt-7.index')
  result = project.run('demo/train_segsort_unsup.sh', IS_TRAIN_1='0',
                       RESTORE_FROM_2=str(project.root / 'other'))
  assert result.returncode == 0, result.stderr
  calls = dict(project.calls())
  assert calls['group_pixels.py']['restore_from'] == calls[STEPS[0]][
      'restore_from'] == str(project.root / 'other')
  assert 'group_regions.py' not in calls


def test_the_regions_of_the_second_round_are_looked_for_as_well(project):
  project.add('dataset/demo/two.txt', 'JPEGImages/x.jpg segcls/other.png')
  project.add(HED['demo'])
  two = str(project.root / 'dataset/demo/two.txt')
  result = project.run('demo/train_segsort_unsup.sh', TRAIN_LIST_2=two,
                       IS_OVERSEGMENT='0')
  assert result.returncode == 2 and 'hed/other.png is miss' in result.stderr
  assert STEPS[0] not in _names(project)
  project.run('demo/train_segsort_unsup.sh', TRAIN_LIST_2=two)
  made = [flags for name, flags in project.calls()
          if name == 'make_oversegmentation.py']
  assert [flags['data_list'] for flags in made] == [
      str(project.root / 'dataset/demo/train.txt'), two]


@pytest.mark.parametrize('settings, words', (
    ({'STRATEGY': 'multi_worker'}, 'NUM_ROUNDS=1, or another STRATEGY'),
    ({'IS_GROUPED': '1.0', 'NUM_ROUNDS': '1'}, "IS_GROUPED is '1.0'; it must"),
    ({'NUM_ROUNDS': '3'}, "NUM_ROUNDS is '3'; it must be 1 or 2"),
    ({'NUM_ROUNDS': '2', 'IS_GROUPED': '0'}, 'IS_GROUPED=1, or NUM_ROUNDS=1'),
    ({'OVERWRITE_REGIONS': 'y'}, "OVERWRITE_REGIONS is 'y'; it must be 0"),
    ({'OVERWRITE_RESULTS': 'y'}, "OVERWRITE_RESULTS is 'y'; it must be 0"),
    ({'RANDOM_COLOR': 'y'}, "RANDOM_COLOR is 'y'; it must be 0 or 1")))
def test_rounds_that_cannot_be_are_refused(project, settings, words):
  result = project.run('demo/train_segsort_unsup.sh', **settings)
  assert result.returncode == 2
  line = result.stderr.splitlines()[-1]
  assert line.startswith('error: ') and words in line
  assert STEPS[0] not in _names(project)


@pytest.mark.parametrize('dataset', ('voc12',))
def test_regions_stay_alone_unless_told_so(project, dataset):
  project.run(f'{dataset}/train_segsort_unsup.sh')
  assert 'group_regions.py' not in _names(project)
  training = dict(project.calls())['train_segsort_unsup.py']
  assert 'grouped' not in training


def test_one_absent_mask_of_many_is_enough(project):
  project.add('dataset/voc12/train.txt',
              '/VOC2012/JPEGImages/x.jpg /VOC2012/segcls/x.png\n\n'
              '/VOC2012/JPEGImages/y.jpg y /VOC2012/mine/y.png')
  project.run('voc12/train_segsort_unsup.sh')
  assert _names(project)[0] == 'make_oversegmentation.py'


def test_masks_can_be_left_to_the_user(project):
  (project.root / HED['voc12']).unlink()
  result = project.run('voc12/train_segsort_unsup.sh', IS_OVERSEGMENT='0',
                       THRESHOLD='0.4')
  assert result.returncode == 2 and project.calls() == []
  line, = result.stderr.splitlines()
  assert line.startswith('error: the oversegmentation ')
  assert f'{HED["voc12"]} is missing; make it with: python ' in line
  assert 'make_oversegmentation.py --data_list ' in line
  assert line.endswith(' --detector gradient --max_regions 255 '
                       '--threshold 0.4, or IS_OVERSEGMENT=1')


def test_a_failure_of_the_masks_stops_the_pipeline(project):
  (project.root / HED['voc12']).unlink()
  result = project.run('voc12/train_segsort_unsup.sh',
                       FAILING='make_oversegmentation.py')
  assert result.returncode == 3
  assert _names(project) == ['make_oversegmentation.py']
  assert 'make_oversegmentations failed with status 3' in result.stderr


@pytest.mark.parametrize('settings, detector, threshold, told', (
    ({}, 'hed', None, 'DETECTOR=hed THRESHOLD=its own (the extra hed is'),
    ({'LACKS_HED': '1'}, 'gradient', '0.06',
     'DETECTOR=gradient THRESHOLD=0.06 (better ones: '),
    ({'LACKS_HED': '1', 'THRESHOLD': '.2'}, 'gradient', '.2', ''),
    ({'DETECTOR': 'gradient'}, 'gradient', '0.06',
     'DETECTOR=gradient THRESHOLD=0.06\n'),
    ({'DETECTOR': 'keras'}, 'keras', None, 'THRESHOLD=its own\n')))
def test_hed_where_it_is_installed(
    project, settings, detector, threshold, told):
  result = project.run('camvid/train_segsort_unsup.sh', **settings)
  assert told in result.stdout
  flags = dict(project.calls())['make_oversegmentation.py']
  assert flags['detector'] == detector
  assert flags.get('threshold') == threshold


def test_regions_of_hed_are_few_where_each_is_a_class(project):
  (project.root / HED['voc12']).unlink()
  result = project.run('voc12/train_segsort_unsup.sh')
  assert 'contours: DETECTOR=hed THRESHOLD=0.7 (' in result.stdout
  assert dict(project.calls())['make_oversegmentation.py'][
      'threshold'] == '0.7'


def test_any_detector(project):
  (project.root / HED['voc12']).unlink()
  project.run('voc12/train_segsort_unsup.sh', DETECTOR='onnx',
              DETECTOR_PATH='hed net.onnx')
  flags = project.calls()[0][1]
  assert flags['detector'] == 'onnx'
  assert flags['detector_path'] == 'hed net.onnx' and 'threshold' not in flags


@pytest.fixture(name='bsds')
def _bsds(project):
  for split in ('train', 'val', 'test'):
    for folder in ('images', 'groundTruth'):
      project.add(f'dataset/bsds500/{folder}/{split}/x')
  return project


def test_the_contour_network_is_trained_applied_and_scored(bsds):
  result = bsds.run('bsds500/train_contours.sh', 'source {}; echo $?',
                    NUM_STEPS='7')
  assert result.stdout.endswith('\n0\n'), result.stderr
  (_, train), (_, apply), (_, score) = bsds.calls()
  assert _names(bsds) == ['train_contours.py', 'make_oversegmentation.py',
                          'eval_regions.py']
  assert train['train_splits'] == 'train,val' and train['num_steps'] == '7'
  folder = train['snapshot_dir']
  assert apply['detector_path'] == f'{folder}/contours.keras'
  assert apply['data_list'] == f'{folder}/eval.txt' and 'ucm' in apply
  assert 'overwrite' not in apply and 'overwrite' not in train
  assert 'backbone' not in train and train['learning_rate'] == '1e-3'
  assert score['data_list'] == apply['data_list']  # not what was there before
  assert apply['save_dir'] == score['pred_dir'] == f'{folder}/results/test'
  assert score['gt_dir'].endswith('bsds500/groundTruth/test')


def test_contours_from_a_network_of_keras(bsds):
  bsds.run('bsds500/train_contours.sh', BACKBONE='VGG16',
           RESTORE_FROM='imagenet', BACKBONE_INPUT='caffe')
  train = bsds.calls()[0][1]
  assert train['backbone'] == 'VGG16' and train['restore_from'] == 'imagenet'
  assert train['backbone_input'] == 'caffe'
  assert train['learning_rate'] == '1e-4'


def test_a_contour_network_trained_anew_makes_all_anew(bsds):
  old = 'snapshots/bsds500/contours/results/test/old.png'
  bsds.add(old)
  bsds.run('bsds500/train_contours.sh')
  assert (bsds.root / old).exists()
  bsds.run('bsds500/train_contours.sh', OVERWRITE='1')
  assert 'overwrite' in bsds.calls()[3][1]
  assert not (bsds.root / old).exists()


def test_a_missing_split_is_named(bsds):
  result = bsds.run('bsds500/train_contours.sh', EVAL_SPLIT='mine')
  assert result.returncode == 2 and bsds.calls() == []
  assert result.stderr.startswith("error: BSDS500's mine is missing")
