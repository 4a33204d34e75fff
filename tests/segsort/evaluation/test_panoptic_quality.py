"""Panoptic quality of made-up scenes with known instances."""

import json

import numpy as np
import pytest

from segsort.data import panoptic
from segsort.errors import InputError
from segsort.evaluation import panoptic_evaluation
from segsort.evaluation.panoptic_quality import PanopticQuality, Segments
from segsort.runs import files


def _segments(ids):
  """Segments whose class is id // 1000."""
  ids = np.asarray(ids, np.int32)
  return Segments(ids, {number: number // 1000
                        for number in np.unique(ids).tolist() if number})


def _quality(truth, prediction, num_classes=3, crowds=frozenset()):
  quality = PanopticQuality(num_classes)
  quality.update(_segments(truth), _segments(prediction), crowds)
  return quality


def _scene(*boxes, size=(20, 30)):
  """Ids: 1 everywhere, but (id, top, bottom, left, right) in boxes."""
  ids = np.ones(size, np.int32)
  for number, top, bottom, left, right in boxes:
    ids[top:bottom, left:right] = number
  return ids


def test_a_perfect_result():
  scene = _scene((1001, 0, 5, 0, 5), (1002, 8, 12, 8, 12), (2001, 0, 3, 9, 20))
  for scores in _quality(scene, scene).scores():
    np.testing.assert_array_equal(scores, [1, 1, 1])


def test_a_scene_by_hand():
  """One found with IoU 3/4, one missed, one made up; the ids do not matter."""
  truth = _scene((1001, 0, 4, 0, 10), (1002, 10, 14, 0, 10))
  prediction = _scene((1007, 0, 3, 0, 10), (1001, 10, 14, 20, 30))
  quality = _quality(truth, prediction)
  assert quality.matched.tolist() == [1, 1, 0]
  assert quality.surplus.tolist() == quality.missed.tolist() == [0, 1, 0]
  background = (600 - 80 - 40) / (600 - 30 - 40 + 40 - 30)  # 480 of 560 - 20
  union = np.sum((truth == 1) | (prediction == 1))
  both = np.sum((truth == 1) & (prediction == 1))
  background = both / union
  pq, sq, rq = quality.scores()
  np.testing.assert_allclose(sq[:2], [background, .75])
  np.testing.assert_allclose(rq[:2], [1, 1 / 2])
  np.testing.assert_allclose(pq[:2], [background, .375])
  assert np.isnan([pq[2], sq[2], rq[2]]).all()  # in neither


def test_one_half_is_no_match():
  truth = _scene((1001, 0, 4, 0, 10))
  for bottom, matched in ((2, 0), (3, 1)):  # IoU 1/2 and 3/4
    quality = _quality(truth, _scene((1001, 0, bottom, 0, 10)))
    assert quality.matched[1] == matched
    assert quality.missed[1] == quality.surplus[1] == 1 - matched


def test_another_class_is_no_match():
  quality = _quality(_scene((1001, 0, 4, 0, 10)), _scene((2001, 0, 4, 0, 10)))
  assert quality.matched.tolist() == [1, 0, 0]
  assert quality.missed.tolist() == [0, 1, 0]
  assert quality.surplus.tolist() == [0, 0, 1]


def test_two_objects_taken_for_one():
  truth = _scene((1001, 0, 4, 0, 10), (1002, 0, 4, 10, 14))
  quality = _quality(truth, _scene((1001, 0, 4, 0, 14)))
  assert (quality.matched[1], quality.missed[1], quality.surplus[1]) == (
      1, 1, 0)
  np.testing.assert_allclose(quality.iou[1], 10 / 14)


def test_pixels_without_truth_count_for_nothing():
  truth = _scene((1001, 0, 4, 0, 10), (0, 4, 20, 0, 30))
  # As large again outside, where nobody knows; a guess mostly there.
  quality = _quality(truth, _scene((1001, 0, 8, 0, 10), (2001, 2, 8, 20, 30)))
  assert quality.matched[1] == 1 and quality.iou[1] == 1
  assert quality.surplus.tolist() == [0, 0, 0]
  # Not mostly there.
  quality = _quality(truth, _scene((2001, 1, 6, 20, 30)))
  assert quality.surplus.tolist() == [0, 0, 1]


def test_crowds_need_not_be_found():
  truth = _scene((1001, 0, 10, 0, 10))
  guess = _scene((1001, 0, 4, 0, 4), (2001, 5, 9, 0, 4))
  assert _quality(truth, guess).missed[1] == 1
  quality = _quality(truth, guess, crowds={1001})
  assert quality.missed[1] == quality.matched[1] == 0
  assert quality.surplus.tolist() == [0, 0, 1]  # a crowd of another class


def _twin(truth, prediction):
  """PQ of each class by the paper's formula, with loops and sets."""
  def masks(ids, label):
    return [ids == number for number in np.unique(ids)
            if number and number // 1000 == label]
  scores = []
  for label in range(3):
    true, guessed = masks(truth, label), masks(prediction, label)
    pairs = []
    for one in true:
      for other in guessed:
        known = other & (truth != 0)
        iou = (one & known).sum() / (one | known).sum()
        if iou > .5:
          pairs.append(iou)
    surplus = sum(
        (other & (truth == 0)).sum() <= other.sum() / 2 and not any(
            (one & other).sum() / (one | other & (truth != 0)).sum() > .5
            for one in true) for other in guessed)
    tried = len(pairs) + surplus / 2 + (len(true) - len(pairs)) / 2
    scores.append(sum(pairs) / tried if tried else np.nan)
  return scores


@pytest.mark.parametrize('seed', range(6))
def test_pq_against_the_formula(seed):
  rng = np.random.default_rng(seed)
  blocks = rng.choice([0, 1, 1001, 1002, 1003, 2001, 2002], (4, 6))
  truth = np.kron(blocks, np.ones((6, 6), int))
  prediction = np.roll(truth, rng.integers(0, 3), rng.integers(0, 2))
  prediction[rng.random(truth.shape) < .15] = 1
  prediction[:4, :7] = 1009
  np.testing.assert_allclose(
      _quality(truth, prediction).scores()[0], _twin(truth, prediction))


def test_pictures_add_up():
  first = _scene((1001, 0, 4, 0, 10)), _scene((1001, 0, 3, 0, 10))
  quality = PanopticQuality(2)
  for truth, prediction in (first, first[::-1], (first[0], _scene())):
    quality.update(_segments(truth), _segments(prediction))
  assert (quality.matched[1], quality.missed[1]) == (2, 1)
  np.testing.assert_allclose(quality.scores()[0][1], 1.5 / 2.5)


def test_what_does_not_fit_is_refused():
  with pytest.raises(InputError, match='predict at full size'):
    _quality(_scene(), _scene(size=(20, 31)))
  with pytest.raises(InputError, match='holds the class 3'):
    _quality(_scene((3001, 0, 2, 0, 2)), _scene())


def _write(folder, name, ids, crowds=()):
  """Writes one picture and its JSON as COCO has them."""
  files.write_png(str(folder / f'{name}.png'), panoptic.encode(ids))
  infos = panoptic.segments_info(ids)
  for info in infos:
    info['iscrowd'] = int(info['id'] in crowds)
  return {'image_id': 7, 'file_name': f'{name}.png', 'segments_info': infos}


def _write_json(path, annotations):
  path.write_text(json.dumps({
      'images': [], 'annotations': annotations, 'categories': [
          {'id': label, 'name': str(label), 'isthing': int(label > 0)}
          for label in range(3)]}))


@pytest.fixture(name='folders')
def _folders(tmp_path):
  """Predictions, and the truth in both forms."""
  truth = _scene((1001, 0, 4, 0, 10), (1002, 10, 14, 0, 10))
  prediction = _scene((1001, 0, 3, 0, 10), (1002, 10, 14, 20, 30))
  _write_json(tmp_path / 'panoptic.json', [
      _write(tmp_path / 'panoptic', 'a', prediction)])
  _write_json(tmp_path / 'truth.json', [_write(tmp_path / 'truth', 'a', truth)])
  files.write_png(str(tmp_path / 'masks/a.png'), (truth // 1000).astype('u1'))
  return tmp_path


def _config(folders, **settings):
  return panoptic_evaluation.EvalPanopticConfig(
      pred_dir=str(folders), dataset='demo', num_classes=3, **settings)


@pytest.mark.parametrize('kind', ('json', 'masks'))
def test_folders_are_scored(folders, kind, capsys):
  settings = {'gt_dir': str(folders / 'masks')}
  if kind == 'json':
    settings = {'gt_dir': str(folders / 'truth'),
                'gt_json': str(folders / 'truth.json')}
  quality = panoptic_evaluation.evaluate_panoptic(_config(
      folders, save_json=str(folders / 'scores.json'), **settings))
  assert quality.matched.tolist() == [1, 1, 0]
  out = capsys.readouterr().out.splitlines()
  assert 'PQ 37.50%, SQ 75.00%, RQ 50.00%, matched 1, surplus 1, miss' in out[1]
  assert ': 02, absent' in out[2]
  assert out[4] == 'mean of things (1 classes): PQ 37.50%, SQ 75.00%, RQ 50.00%'
  scores = json.loads((folders / 'scores.json').read_text())
  assert scores['means']['things']['pq'] == .375
  assert scores['classes']['checked-hexagon']['pq'] is None
  assert scores['means']['all']['num_classes'] == 2


def test_crowds_of_the_json_are_left_out(folders):
  truth = _scene((1001, 0, 4, 0, 10), (1002, 10, 14, 0, 10))
  _write_json(folders / 'truth.json', [
      _write(folders / 'truth', 'a', truth, {1002})])
  quality = panoptic_evaluation.evaluate_panoptic(_config(
      folders, gt_dir=str(folders / 'truth'),
      gt_json=str(folders / 'truth.json')))
  assert quality.missed.tolist() == [0, 0, 0]


def test_bad_folders_end_in_one_line(folders):
  config = _config(folders, gt_dir=str(folders / 'truth'),
                   gt_json=str(folders / 'truth.json'))
  files.write_png(str(folders / 'truth/a.png'),
                  panoptic.encode(_scene((2009, 0, 2, 0, 2))))
  with pytest.raises(InputError, match='do not belong together'):
    panoptic_evaluation.evaluate_panoptic(config)
  files.write_png(str(folders / 'truth/a.png'), np.zeros((4, 4), np.uint8))
  with pytest.raises(InputError, match='is no panoptic picture'):
    panoptic_evaluation.evaluate_panoptic(config)
  (folders / 'truth/a.png').write_bytes(b'')
  with pytest.raises(InputError, match='cannot read the panoptic picture'):
    panoptic_evaluation.evaluate_panoptic(config)
  _write_json(folders / 'panoptic.json', [])
  with pytest.raises(InputError, match='1 of 1 pictures in .*the first a; lab'):
    panoptic_evaluation.evaluate_panoptic(config)
  (folders / 'panoptic.json').write_text('[]')
  with pytest.raises(InputError, match='--output panoptic writes it'):
    panoptic_evaluation.evaluate_panoptic(config)


def test_a_mask_of_other_classes_is_refused(folders):
  files.write_png(str(folders / 'masks/a.png'),
                  np.full((20, 30), 5, np.uint8))
  with pytest.raises(InputError, match='holds the label 5, but there are 3'):
    panoptic_evaluation.evaluate_panoptic(
        _config(folders, gt_dir=str(folders / 'masks')))
