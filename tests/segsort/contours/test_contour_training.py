"""The contour network: its loss by hand, what it learns, its command."""

import io
import json
import os
import re
import signal

import commands
import keras
import numpy as np
import pytest
import scipy.io

from network import contour_model
from segsort.checkpoints import checkpoint
from segsort.contours import contour_examples
from segsort.contours import contour_settings
from segsort.runs import files
from segsort.runs import settings as settings_lib


@pytest.fixture(name='bsds')
def _bsds(tmp_path, rng):
  """Five pictures of two halves; two of three people draw the line."""
  for number in range(5):
    size = (40, 56) if number % 2 else (56, 40)
    image = rng.integers(0, 40, (*size, 3), dtype=np.uint8)
    image[:, 18 + number:] += 180
    files.write_png(str(tmp_path / f'images/val/{number}.jpg'), image)
    people = np.empty((1, 3), object)
    for person in range(3):
      regions = np.ones(size, np.uint16)
      regions[:, 18 + number:] = 2
      lines = np.zeros(size, np.uint8)
      lines[:, 17 + number] = person < 2
      lines[20] |= person == 2
      people[0, person] = np.array(
          [[(regions, lines)]],
          [('Segmentation', object), ('Boundaries', object)])
    path = tmp_path / f'groundTruth/val/{number}.mat'
    path.parent.mkdir(parents=True, exist_ok=True)
    scipy.io.savemat(path, {'groundTruth': people})
  return tmp_path


def test_loss_by_hand():
  logits = np.zeros((1, 1, 4, 1), np.float32)
  logits[0, 0, 0] = np.log(3)  # probability 3/4
  targets = np.array([[[1, 0, 0, -1]]], np.float32)
  # The contour counts 2/3, the others 1/3 each, the fourth pixel nothing.
  expected = (np.log(4 / 3) * 2 + np.log(2) * 2) / 4
  assert float(contour_model.balanced_cross_entropy(
      logits, targets)) == pytest.approx(expected, rel=1e-5)
  assert float(contour_model.balanced_cross_entropy(
      logits, -np.ones_like(targets))) == 0


def test_every_output_is_trained_alike(rng):
  logits = rng.normal(size=(2, 3, 4, 2)).astype(np.float32)
  targets = rng.integers(0, 2, (2, 3, 4)).astype(np.float32)
  parts = [float(contour_model.balanced_cross_entropy(
      logits[..., i:i + 1], targets)) for i in (0, 1)]
  assert float(contour_model.balanced_cross_entropy(
      logits, targets)) == pytest.approx(sum(parts), rel=1e-5)


def test_under_a_million_parameters_and_any_size():
  model = contour_model.build_contour_model()
  assert 2e5 < model.count_params() < 1e6
  image = np.zeros((33, 46, 3), np.uint8)
  assert model(image[None].astype(np.float32)).shape == (1, 33, 46, 5)
  contours = contour_model.detect(model, image)
  assert contours.shape == (1, 33, 46) and 0 <= contours.min() < 1


def test_people_decide_by_share(bsds):
  image, targets = contour_examples.read_example(str(bsds), 'val/1')
  assert image.shape == (40, 56, 3)
  assert (targets[:20, 18] == 1).all()  # two of three
  assert targets[20, 3] == -1 and targets[3, 3] == 0


def test_crops_are_moved_together(bsds, rng):
  image = np.arange(6 * 7).reshape(6, 7, 1).repeat(3, -1).astype(np.uint8)
  target = (image[..., 0] % 3).astype(np.int8)
  settings = contour_settings.ContourTrainConfig(
      data_dir='', snapshot_dir='', batch_size=9,
      input_size=settings_lib.Size((4, 9)))
  images, targets = contour_examples.draw_batch(
      [(image, target)], settings, rng)
  inside = targets >= 0
  np.testing.assert_array_equal(images[..., 0][inside] % 3, targets[inside])
  assert set(inside.sum((1, 2))) == {4 * 7, 4 * 6}
  assert not images[~inside].any()


def test_training_learns_and_serves_the_detector(bsds, tmp_path):
  out = commands.succeed(
      'train_contours', data_dir=bsds, train_splits='val', eval_split='val',
      snapshot_dir=tmp_path / 'run', num_steps=15, batch_size=2, input_size=32,
      learning_rate=.01)
  assert '4 images to learn from, 1 to score' in out
  losses = json.loads((tmp_path / 'run/log.json').read_text())
  assert len(losses) == 15 and np.mean(losses[-3:]) < .8 * np.mean(losses[:3])
  assert (tmp_path / 'run/eval.txt').read_text() == 'images/val/4.jpg\n'
  commands.succeed(
      'make_oversegmentation', '--ucm', data_list=tmp_path / 'run/eval.txt',
      data_dir=bsds, save_dir=tmp_path / 'ucm', detector='keras',
      detector_path=tmp_path / 'run/contours.keras')
  out = commands.succeed('eval_regions', '--boundaries', pred_dir=tmp_path
                         / 'ucm', gt_dir=bsds / 'groundTruth/val',
                         threshold_max=.98, save_json=tmp_path / 's.json')
  assert '1 images, contour maps' in out and 'boundary F: ODS' in out
  scores = json.loads((tmp_path / 's.json').read_text())
  assert 0 < scores['covering']['ods'] < scores['covering']['best'] + 1e-9
  model = keras.models.load_model(tmp_path / 'run/contours.keras')
  assert model.output_shape[-1] == contour_model.NUM_OUTPUTS


@pytest.mark.slow
def test_a_stopped_training_ends_with_the_same_bits(
    bsds, tmp_path, monkeypatch):
  flags = {'data_dir': bsds, 'train_splits': 'val', 'eval_split': 'val',
           'num_steps': 6, 'batch_size': 2, 'input_size': 32,
           'save_pred_every': 2}
  _, _, err = commands.run(
      'train_contours', snapshot_dir=tmp_path / 'whole', **flags)
  drawn = []

  def draw(*arguments):
    drawn.append(1)
    if len(drawn) == 3:
      os.kill(os.getpid(), signal.SIGTERM)
    return draw_batch(*arguments)

  draw_batch = contour_examples.draw_batch
  monkeypatch.setattr(contour_examples, 'draw_batch', draw)
  flags['snapshot_dir'] = tmp_path / 'stopped'
  status, out, _ = commands.run('train_contours', **flags)
  assert status == 128 + signal.SIGTERM and 'stopped by SIGTERM after' in out
  assert checkpoint.steps_in(str(tmp_path / 'stopped')) == [2, 3]
  (tmp_path / 'stopped/model.ckpt-3.data-00000-of-00001').write_bytes(b'cut')
  assert 'resumed from ' in commands.succeed('train_contours', **flags)
  assert len(drawn) == 3 + 4
  one, other = (json.loads((tmp_path / name / 'log.json').read_text())
                for name in ('whole', 'stopped'))
  np.testing.assert_array_equal(np.float32(one), np.float32(other))
  assert re.search(r'^training: 6/6 \[.*, loss=(.*)\]$', err, re.M)[1] == (
      f'{one[-1]:.4f}') and '\r' not in err
  one, other = (keras.models.load_model(tmp_path / name / 'contours.keras')
                for name in ('whole', 'stopped'))
  for first, second in zip(one.weights, other.weights, strict=True):
    np.testing.assert_array_equal(first, second)


def test_a_finished_training_is_not_replaced(bsds, tmp_path):
  flags = {'data_dir': bsds, 'train_splits': 'val', 'eval_split': 'val',
           'num_steps': 2, 'batch_size': 1, 'input_size': 16,
           'snapshot_dir': tmp_path / 'run'}
  commands.succeed('train_contours', **flags)
  network = (tmp_path / 'run/contours.keras').read_bytes()
  assert 'is finished; --overwrite' in commands.succeed(
      'train_contours', **flags)
  assert 'was trained with --random_seed 1, not 7: repeat' in commands.fail(
      'train_contours', **flags, random_seed=7)
  (bsds / 'groundTruth/val/0.mat').rename(tmp_path / '0.mat')
  (bsds / 'groundTruth/val/0.mat').write_text('damaged')
  assert 'trained with other images or contours than' in commands.fail(
      'train_contours', **flags)
  commands.fail('train_contours', '--overwrite', **flags)
  (tmp_path / '0.mat').rename(bsds / 'groundTruth/val/0.mat')
  assert (tmp_path / 'run/contours.keras').read_bytes() == network
  record = (tmp_path / 'run/config.json').read_text()
  for text in ('{}', '{"settings": {"backbone": "resnet_small"}}', ''):
    (tmp_path / 'run/config.json').write_text(text)
    assert '--overwrite' in commands.fail('train_contours', **flags)
  (tmp_path / 'run/config.json').unlink()
  assert 'no config.json of a training of contours' in commands.fail(
      'train_contours', **flags)
  (tmp_path / 'run/config.json').write_text(record)
  commands.succeed('train_contours', '--overwrite', **flags, random_seed=7)
  assert (tmp_path / 'run/contours.keras').read_bytes() != network


def test_masks_of_one_person_are_scored_too(tmp_path, rng):
  for name in 'ab':
    mask = rng.integers(0, 3, (9, 8)).astype(np.uint8)
    files.write_png(str(tmp_path / f'pred/{name}.png'), mask)
    files.write_png(str(tmp_path / f'gt/{name}.png'), 2 - mask)
  out = commands.succeed('eval_regions', '--boundaries', num_workers=1,
                         pred_dir=tmp_path / 'pred', gt_dir=tmp_path / 'gt')
  for line in ('2 images, masks', 'segmentation covering: 1.0000',
               'probabilistic Rand index: 1.0000', 'boundary F: 1.0000',
               'variation of information (bits): 0.0000'):
    assert line in out.splitlines()


def test_missing_and_damaged_files(bsds, tmp_path):
  run = {'data_dir': bsds, 'snapshot_dir': tmp_path / 'run'}
  assert 'no images in' in commands.fail('train_contours', **run)
  (bsds / 'groundTruth/val/0.mat').write_text('nothing')
  assert 'cannot read the truth' in commands.fail(
      'train_contours', **run, train_splits='val')
  flags = {'pred_dir': tmp_path / 'ucm', 'num_workers': 1,
           'gt_dir': bsds / 'groundTruth/val'}
  assert 'no contour map ID.npz and no mask' in commands.fail(
      'eval_regions', **flags)
  files.write_bytes(str(tmp_path / 'ucm/9.npz'), b'nothing')
  assert 'has no truth' in commands.fail('eval_regions', **flags)
  (tmp_path / 'ucm/9.npz').rename(tmp_path / 'ucm/1.npz')
  assert 'cannot read the contour map' in commands.fail(
      'eval_regions', **flags)
  for damaged in (b'', _array_file()):
    (tmp_path / 'ucm/1.npz').write_bytes(damaged)
    assert 'cannot read the contour map' in commands.fail(
        'eval_regions', **flags)
  np.savez(tmp_path / 'ucm/1.npz', ucm2=np.zeros((4, 5)))
  assert 'a contour map is on the doubled grid' in commands.fail(
      'eval_regions', **flags)
  np.savez(tmp_path / 'ucm/1.npz', ucm2=np.zeros((5, 5)))
  assert 'its truth' in commands.fail('eval_regions', **flags)
  scipy.io.savemat(damaged := io.BytesIO(), {'groundTruth': np.arange(999.)},
                   do_compression=True)
  flipped = bytearray(damaged.getvalue())
  flipped[len(flipped) // 2] ^= 255
  for people in (bytes(flipped), b'MATLAB 7.3 MAT-file'.ljust(124) + b'\0\2IM',
                 _nobody_s_truth()):
    (bsds / 'groundTruth/val/1.mat').write_bytes(people)
    assert 'cannot read the truth' in commands.fail('eval_regions', **flags)


def _array_file():
  """The bytes of a .npy, as if it had been renamed."""
  data = io.BytesIO()
  np.save(data, np.zeros((5, 5)))
  return data.getvalue()


def _nobody_s_truth():
  """The bytes of a .mat without a person."""
  data = io.BytesIO()
  scipy.io.savemat(data, {'groundTruth': np.zeros((1, 0), object)})
  return data.getvalue()


def test_only_the_images_of_a_list_are_scored(tmp_path, rng):
  for name in 'abc':
    mask = rng.integers(0, 3, (9, 8)).astype(np.uint8)
    files.write_png(str(tmp_path / f'pred/{name}.png'), mask)
    if name != 'c':
      files.write_png(str(tmp_path / f'gt/{name}.png'), mask)
  flags = {'pred_dir': tmp_path / 'pred', 'gt_dir': tmp_path / 'gt',
           'num_workers': 1, 'data_list': tmp_path / 'list.txt'}
  (tmp_path / 'list.txt').write_text('images/b.jpg\nimages/a.jpg\n')
  for folder in (tmp_path / 'pred', f'{tmp_path}//pred/', f'{tmp_path}/./pred'):
    assert '2 images, masks' in commands.succeed(
        'eval_regions', **{**flags, 'pred_dir': folder})
  (tmp_path / 'place').mkdir()
  assert 'place: it is a folder' in commands.fail(
      'eval_regions', **flags, save_json=tmp_path / 'place')
  (tmp_path / 'list.txt').write_text('images/b.jpg\nimages/d.jpg\n')
  message = commands.fail('eval_regions', **flags)
  assert f'list.txt:2: there is no {tmp_path}/pred/d.png' in message


@pytest.mark.parametrize('flags', (
    {'threshold_step': 2}, {'threshold_max': 'inf'}, {'threshold_max': 1.5},
    {'threshold_max': .01}, {'threshold_step': 'nan'}))
def test_thresholds_that_are_none(tmp_path, flags):
  assert '--threshold_' in commands.fail(
      'eval_regions', pred_dir=tmp_path, gt_dir=tmp_path, **flags)
