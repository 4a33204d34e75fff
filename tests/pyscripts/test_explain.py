"""The commands around explanations, as typed, from weights to scores."""

import commands
import pytest

import network
from segsort.checkpoints import checkpoint

pytestmark = pytest.mark.slow


@pytest.fixture(name='typed')
def _typed(tiny_dataset, tmp_path):
  """What all commands share, of an untrained network and its prototypes."""
  checkpoint.save(str(tmp_path / 'run/model.ckpt-1'), network.named_variables(
      network.build_embedding_model('resnet_small', 'pspnet', 8)))
  flags = {**commands.SMALL_NETWORK, 'num_classes': 2, 'input_size': '32,40',
           'data_dir': tiny_dataset[0], 'data_list': tiny_dataset[1],
           'restore_from': tmp_path / 'run'}
  commands.succeed('extract_prototypes', **flags, save_dir=tmp_path / 'train')
  return {**flags, 'prototype_dir': tmp_path / 'train'}


def test_pages_pictures_and_figures(typed, tmp_path):
  out = commands.succeed('explain', **typed, save_dir=tmp_path / 'why',
                         k_in_nearest_neighbors=3)
  assert '4 pictures explained by' in out and f'{tmp_path}/why/index' in out
  assert (tmp_path / 'why/images/00004.html').exists()
  out = commands.succeed('visualize_embeddings', **typed,
                         save_dir=tmp_path / 'embeddings', max_images=1)
  assert '1 pictures of embeddings' in out
  assert (tmp_path / 'embeddings/prototype_map.png').exists()
  commands.succeed('make_figures', **typed, save_dir=tmp_path / 'figures',
                   show='im2,im0')
  assert (tmp_path / 'figures/retrieval.png').exists()


@pytest.mark.parametrize('script', (
    'explain', 'visualize_embeddings', 'make_figures'))
def test_bad_input_ends_in_one_line(typed, tmp_path, script):
  flags = {**typed, 'save_dir': tmp_path / 'out'}
  (tmp_path / 'names.txt').write_text('one\n')
  for wrong, said in (
      ({'class_names': tmp_path / 'names.txt'}, 'names 1 classes, but there'),
      ({'class_names': tmp_path / 'gone.txt'}, 'cannot read the class list'),
      ({'prototype_dir': tmp_path}, 'cannot read the prototypes'),
      ({'embedding_dim': 7}, ''),
      ({'max_images': -1}, '--max_images is -1; it must be 0 or more'),
      ({'image_dir': tmp_path}, '--image_dir is given, and')):
    assert said in commands.fail(script, **{**flags, **wrong})
  assert not (tmp_path / 'out').exists()


def test_panoptic_results_are_scored(typed, tmp_path):
  commands.succeed('inference', **typed, output='panoptic',
                   save_dir=tmp_path / 'val', k_in_nearest_neighbors=3)
  out = commands.succeed(
      'eval_panoptic', pred_dir=tmp_path / 'val', num_classes=2,
      gt_dir=f'{tmp_path}/segcls')
  assert 'class background' in out and 'mean of all (2 classes): PQ ' in out
  assert '--stuff is' in commands.fail(
      'eval_panoptic', pred_dir=tmp_path / 'val', num_classes=2,
      gt_dir=f'{tmp_path}/segcls', stuff='2')
  assert 'cannot read' in commands.fail(
      'eval_panoptic', pred_dir=tmp_path, gt_dir=f'{tmp_path}/segcls')
