"""VOC's recipes as they are by default, and those of VOC at half size."""

import pytest

SORTED = ['train_segsort.py', 'extract_prototypes.py', 'inference.py',
          'eval_miou.py']


def test_voc12_has_what_was_found_unless_told_otherwise(project):
  result = project.run('voc12/train_segsort.sh', RECIPE='',
                       IS_INFERENCE_MSC_1='0', IS_INFERENCE_MSC_2='0')
  assert result.returncode == 0, result.stderr
  assert 'RECIPE=found' in result.stdout.splitlines()
  calls = project.calls()
  assert [name for name, _ in calls] == [
      'make_oversegmentation.py', *SORTED * 2]
  divide, train, extract, infer = (flags for _, flags in calls[:4])
  assert (train['num_banks'], train['softmax_weight']) == ('8', '1')
  assert train['num_clusters'] == '5' and extract['num_clusters'] == '8'
  assert infer['k_in_nearest_neighbors'] == '31'
  assert infer['vote_balance'] == '0.2'
  assert infer['classifier_weight'] == '1'
  assert infer['vote_concentration'] == '10'
  folder = str(project.root / 'dataset/voc12/data/VOC2012/regions')
  assert infer['regions_dir'] == divide['save_dir'] == folder
  assert 'regions_dir' not in extract
  assert {name: divide[name] for name in (
      'detector', 'threshold', 'max_regions', 'bit_depth')} == {
          'detector': 'hed', 'threshold': '0.6', 'max_regions': '400',
          'bit_depth': '16'}
  assert divide['data_list'] == infer['data_list']


@pytest.mark.parametrize('script, given', [
    ('voc12/train_segsort.sh', {'RECIPE': 'released'}),
    ('voc12/train_segsort.sh', {'RECIPE': '', 'SOFTMAX_WEIGHT': '0.0'}),
    ('voc12/train_softmax.sh', {'RECIPE': ''}),
    ('voc12/train_segsort_unsup.sh', {'RECIPE': ''}),
    ('voc12_half/train_segsort.sh', {'SOFTMAX_WEIGHT': '0'})])
def test_no_classifier_has_a_say_where_none_is(project, script, given):
  result = project.run(script, **given)
  assert result.returncode == 0, result.stderr
  infer = [flags for name, flags in project.calls() if name == 'inference.py']
  assert infer and not any('classifier_weight' in flags for flags in infer)


def test_a_say_without_a_classifier_is_refused_first(project):
  result = project.run(
      'voc12_half/train_segsort.sh', CLASSIFIER_WEIGHT='1', SOFTMAX_WEIGHT='0')
  assert result.returncode == 2 and project.calls() == []
  assert result.stderr == (
      'error: CLASSIFIER_WEIGHT=1 needs the classifier that SOFTMAX_WEIGHT '
      'trains; set SOFTMAX_WEIGHT=1 or CLASSIFIER_WEIGHT=0\n')


@pytest.mark.parametrize('given, expected', [
    ({'LACKS_HED': '1'}, ('gradient', '0.1')),
    ({'DETECTOR': 'gradient', 'LABEL_THRESHOLD': '.3'}, ('gradient', '.3')),
    ({'DETECTOR': 'keras', 'DETECTOR_PATH': 'x.keras'}, ('keras', None))])
def test_regions_to_label_by_any_detector(project, given, expected):
  result = project.run('voc12_half/train_softmax.sh', **given)
  assert result.returncode == 0, result.stderr
  flags, = [flags for name, flags in project.calls()
            if name == 'make_oversegmentation.py']
  assert (flags['detector'], flags.get('threshold')) == expected


def test_images_are_labelled_by_clusters_where_no_regions_are_named(project):
  for settings in ({'REGIONS_DIR': ''}, {'IS_INFERENCE_1': '0'},
                   {'IS_REGIONS': '0'}):
    project.record.unlink(missing_ok=True)
    result = project.run('voc12_half/train_segsort.sh', **settings)
    assert result.returncode == 0, result.stderr
    calls = dict(project.calls())
    assert 'make_oversegmentation.py' not in calls
    if 'REGIONS_DIR' in settings:
      assert 'regions_dir' not in calls['inference.py']


def test_another_recipe_is_refused(project):
  result = project.run('voc12/train_segsort.sh', RECIPE='lost')
  assert result.returncode == 2 and project.calls() == []
  assert result.stderr == (
      "error: RECIPE is 'lost'; it must be found or released\n")


def test_softmax_has_regions_and_a_balance_of_its_own(project):
  assert not project.run('voc12/train_softmax.sh', RECIPE='').returncode
  infer = [flags for name, flags in project.calls() if name == 'inference.py']
  assert all('regions_dir' in flags for flags in infer)
  assert {flags['vote_balance'] for flags in infer} == {'0.15'}


@pytest.mark.parametrize('recipe', ['voc12', 'voc12_half'])
def test_without_labels_nothing_is_trained(project, recipe):
  result = project.run(f'{recipe}/train_segsort_unsup.sh', RECIPE='',
                       IS_INFERENCE_MSC_1='0')
  assert result.returncode == 0, result.stderr
  (_, divide), (name, fit), (_, extract), (_, infer), _ = project.calls()
  assert name == 'fit_embedding.py' and fit['embedding_dim'] == '128'
  assert fit['snapshot_dir'] == extract['restore_from']
  assert fit['snapshot_dir'].endswith('segsort_unsup/stage1')
  assert divide['data_list'].endswith('val.txt')  # none of train
  assert infer['vote_balance'] == '0.25'


def test_training_starts_from_the_components(project):
  result = project.run('voc12_half/train_segsort_unsup.sh', NUM_STEPS='100')
  assert result.returncode == 0, result.stderr
  calls = project.calls()
  # Regions to train on, and to label by.
  assert [name for name, _ in calls[:4]] == [
      *['make_oversegmentation.py'] * 2, 'fit_embedding.py',
      'train_segsort_unsup.py']
  fit, train = calls[2][1], calls[3][1]
  assert fit['snapshot_dir'].endswith('segsort_unsup/components')
  assert train['restore_from'] == fit['snapshot_dir']
  assert train['head'] == 'components' and train['num_steps'] == '100'
  assert 'not_restore_classifier' not in train
  project.record.unlink()
  project.add('snapshots/voc12_half/segsort_unsup/components/x.index')
  project.run('voc12_half/train_segsort_unsup.sh', NUM_STEPS='100')
  assert 'fit_embedding.py' not in dict(project.calls())


def test_training_can_start_from_a_random_head(project):
  project.run('voc12_half/train_segsort_unsup.sh', NUM_STEPS='100',
              HEAD='pspnet', EMBEDDING_DIM='32')
  calls = dict(project.calls())
  assert 'fit_embedding.py' not in calls
  train = calls['train_segsort_unsup.py']
  assert train['head'] == 'pspnet' and train['restore_from'] == 'imagenet'


def test_half_size_trains_heads_on_features_that_are_kept(project):
  result = project.run(
      'voc12_half/train_segsort.sh', BACKBONE='mine.keras', IS_REGIONS='0')
  assert result.returncode == 0, result.stderr
  train = project.calls()[0][1]
  assert {'freeze_backbone', 'no-random_scale'} <= train.keys()
  assert train['cache_features'].endswith('snapshots/voc12_half/features')
  assert 'restore_from' not in train  # a file has weights of its own
  assert train['data_list'] == str(
      project.root / 'dataset/voc12_half/train.txt')


def test_half_size_tells_how_to_get_its_data(project):
  (project.root / 'dataset/voc12_half/val.txt').unlink()
  result = project.run('voc12_half/train_softmax.sh')
  assert result.returncode == 2 and project.calls() == []
  assert 'prepare_voc12.py --data_dir DATAROOT --half_dir' in result.stderr


def test_a_reading_takes_the_prototypes_of_another(project):
  project.run('voc12_half/train_segsort.sh', IS_TRAIN_1='0', IS_PROTOTYPE_1='0',
              RESULTS_NAME='other', PROTOTYPES_NAME='results')
  flags = dict(project.calls())['inference.py']
  assert flags['prototype_dir'].endswith('stage1/results/train/prototypes')
  assert flags['save_dir'].endswith('stage1/other/val')


@pytest.mark.parametrize('lacks_hed, threshold, max_regions', [
    ('0', '0.2', '800'), ('1', '0.01', '400')])
def test_camvid_is_labelled_in_small_regions(
    project, lacks_hed, threshold, max_regions):
  result = project.run('camvid/train_segsort.sh', LACKS_HED=lacks_hed)
  assert result.returncode == 0, result.stderr
  calls = dict(project.calls())
  divide, infer = calls['make_oversegmentation.py'], calls['inference.py']
  assert divide['detector'] == ('gradient' if lacks_hed == '1' else 'hed')
  assert divide['threshold'] == threshold
  assert divide['max_regions'] == max_regions
  folder = str(project.root / 'dataset/camvid/data/CamVid/regions')
  assert infer['regions_dir'] == divide['save_dir'] == folder


@pytest.mark.parametrize('script, settings, balance', [
    ('segsort', {}, '0.25'), ('segsort', {'REGIONS_DIR': ''}, '0.5'),
    ('softmax', {}, '0.25'), ('softmax', {'REGIONS_DIR': ''}, '0.75'),
    ('softmax', {'VOTE_BALANCE': '0.1'}, '0.1')])
def test_camvid_weighs_classes_by_what_is_labelled(
    project, script, settings, balance):
  result = project.run(f'camvid/train_{script}.sh', **settings)
  assert result.returncode == 0, result.stderr
  assert dict(project.calls())['inference.py']['vote_balance'] == balance


def test_wrong_label_regions_stop_a_run_before_it_trains(project):
  result = project.run(
      'camvid/train_segsort.sh', FAILING='make_oversegmentation.py')
  assert result.returncode == 3
  assert [name for name, _ in project.calls()] == ['make_oversegmentation.py']
  assert ('their settings are REGIONS_DIR, DETECTOR, LABEL_HED, '
          'LABEL_THRESHOLD and LABEL_MAX_REGIONS\n') in result.stderr


@pytest.mark.parametrize('given, is_anew', [('1', True), ('0', False)])
def test_label_regions_are_made_anew_where_that_is_asked_for(
    project, given, is_anew):
  project.run('camvid/train_segsort.sh', OVERWRITE_REGIONS=given)
  flags = dict(project.calls())['make_oversegmentation.py']
  assert ('overwrite' in flags) == is_anew


def test_label_regions_of_an_untrained_network_are_made_anew(project):
  """No regions were trained on: none is exchanged under a run."""
  project.add('snapshots/voc12_half/segsort_unsup/stage1/model.ckpt-0.index')
  result = project.run('voc12_half/train_segsort_unsup.sh',
                       OVERWRITE_REGIONS='1')
  assert result.returncode == 0, result.stderr
  assert 'overwrite' in dict(project.calls())['make_oversegmentation.py']


def test_no_regions_are_made_where_nothing_is_labelled(project):
  result = project.run('camvid/train_segsort.sh', IS_INFERENCE_1='0')
  assert result.returncode == 0, result.stderr
  assert [name for name, _ in project.calls()][:2] == SORTED[:2]


def test_min_pixels_are_of_the_regions_to_train_on(project):
  project.run('voc12_half/train_segsort_unsup.sh', NUM_STEPS='9',
              MIN_PIXELS='7')
  assert [flags.get('min_pixels') for name, flags in project.calls()
          if name == 'make_oversegmentation.py'] == ['7', '1']


def test_of_several_workers_the_first_makes_label_regions(project):
  for index, number in ('1', 0), ('0', 1):
    result = project.run(
        'voc12/train_segsort_multiworker.sh', RECIPE='', WORKERS='a:1,b:1',
        WORKER_INDEX=index)
    assert result.returncode == 0, result.stderr
    called = [name for name, _ in project.calls()]
    assert called[:2] == ['train_segsort.py'] * 2  # for which others wait
    assert called.count('make_oversegmentation.py') == number
    project.record.unlink()


@pytest.mark.parametrize('settings, expected', [
    ({}, ('0.2', '800')), ({'LABEL_MAX_REGIONS': '9'}, ('0.2', '9')),
    ({'LABEL_HED': '--threshold 0.3'}, ('0.3', None)),
    ({'LABEL_HED': '--threshold 0.3', 'LABEL_THRESHOLD': '0.4'},
     ('0.4', None))])
def test_label_regions_take_flags_then_single_settings(
    project, settings, expected):
  result = project.run('camvid/train_segsort.sh', **settings)
  assert result.returncode == 0, result.stderr
  flags = dict(project.calls())['make_oversegmentation.py']
  assert (flags.get('threshold'), flags.get('max_regions')) == expected


@pytest.mark.parametrize('backbone, layer, weights', [
    ('resnet_small', None, None), ('MobileNetV2', 'stride16', 'imagenet'),
    ('mine.keras', None, None)])
def test_camvid_from_imagenet(project, backbone, layer, weights):
  result = project.run('camvid/train_softmax.sh', BACKBONE=backbone)
  assert result.returncode == 0, result.stderr
  train = dict(project.calls())['train_softmax.py']
  is_small = backbone == 'resnet_small'
  assert train['num_steps'] == ('3500' if is_small else '1000')
  assert train.get('backbone_features') == layer
  assert train.get('restore_from') == weights


def test_camvid_takes_the_features_that_are_named(project):
  weights = project.root / 'mine.weights.h5'
  weights.touch()
  result = project.run(
      'camvid/train_segsort.sh', BACKBONE='MobileNetV2', NUM_STEPS='7',
      BACKBONE_FEATURES='block_15_add', RESTORE_FROM=str(weights))
  assert result.returncode == 0, result.stderr
  train = dict(project.calls())['train_segsort.py']
  assert train['backbone_features'] == 'block_15_add'
  assert train['restore_from'] == str(weights)
  assert train['num_steps'] == '7'
