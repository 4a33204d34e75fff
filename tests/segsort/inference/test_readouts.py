"""Read-outs of an embedding, and where its weights came from."""

import json

import closeness
import commands
import embedding_twins
import numpy as np
import pytest
import small_runs

from segsort.data import image_list
from segsort.data import reading
from segsort.errors import InputError
from segsort.evaluation import run_origin
from segsort.evaluation.confusion_matrix import ConfusionMatrix
from segsort.inference import embedding
from segsort.inference import inference_settings
from segsort.inference import readouts
from segsort.runs import files
from segsort.runs import run_record


def test_sampled_pixels_go_by_a_file(tiny_dataset, tmp_path):
  data_dir, data_list = tiny_dataset
  config = small_runs.restored_config(
      readouts.EvalEmbeddingsConfig, tiny_dataset, '', tmp_path / 'out',
      eval_list=data_list, samples_per_image=20, embedding_dim=4)
  (tmp_path / 'out').mkdir()
  embedder = embedding.Embedder(
      embedding_twins.eighth_pixels, (32, 32), (20, 20))
  examples = image_list.read_list(data_list, data_dir, ('image', 'mask'))
  _, pixels, classes = readouts.learn_from(embedder, examples, config)
  assert isinstance(pixels, np.memmap)
  assert not list((tmp_path / 'out').iterdir())
  rng = np.random.default_rng(config.random_seed)
  expected, truths = [], []
  for example in examples:
    truth = reading.read_mask(example.mask)
    rows, columns = rng.permutation(np.argwhere(truth != 255))[:20].T
    expected.append(np.asarray(embedder.embed(
        reading.read_image(example.image)))[rows, columns])
    truths.append(truth[rows, columns])
  np.testing.assert_array_equal(pixels, np.concatenate(expected))
  np.testing.assert_array_equal(classes, np.concatenate(truths))


def test_clusters_are_named_one_to_one_for_the_most_pixels():
  matrix = ConfusionMatrix(3)
  # Class 0 would like cluster 1 best, but class 1 needs it more.
  matrix.counts[:] = [[4, 5, 0], [0, 9, 1], [1, 0, 6]]
  matched = readouts.match_clusters(matrix)
  np.testing.assert_array_equal(
      matched.counts, [[4, 5, 0], [0, 9, 1], [1, 0, 6]])
  matrix.counts[:] = matrix.counts[:, [2, 0, 1]]
  np.testing.assert_array_equal(
      readouts.match_clusters(matrix).counts, matched.counts)


def test_the_nearest_centre(rng):
  vectors, centres = rng.random((4, 5, 3)), rng.random((6, 3))
  expected = np.linalg.norm(vectors[..., None, :] - centres, axis=-1)
  np.testing.assert_array_equal(
      readouts.nearest_centre(vectors, centres),
      closeness.leaders(-expected, 1)[..., 0])


@pytest.mark.slow
def test_the_command_scores_an_unsupervised_run(tiny_dataset, tmp_path):
  data = {'data_dir': tiny_dataset[0], 'data_list': tiny_dataset[1]}
  run = tmp_path / 'run'
  commands.succeed(
      'train_segsort_unsup', **data, **commands.SMALL_NETWORK, num_classes=2,
      snapshot_dir=run, batch_size=2, input_size=32, num_steps=2, num_banks=1,
      batch_norm_decay=.9)
  assert len(small_runs.logged(run)) == 1
  out = commands.succeed(
      'eval_embeddings', **data, eval_list=tiny_dataset[1], restore_from=run,
      save_dir=run / 'results/val', input_size=32, samples_per_image=50,
      k_in_nearest_neighbors=3)
  scores = json.loads((run / 'results/val/readouts.json').read_text())
  for key, name in (('knn', 'k-NN retrieval'), ('linear', 'linear probe'),
                    ('clusters', 'k-means, Hungarian matching')):
    mean = 100 * scores[key]['mean_iou']
    assert f'{name}: mean IOU {mean:.4f}%' in out and 0 < mean <= 100
  assert scores['initialisation'] == run_origin.SCRATCH
  assert f'initialisation: {run_origin.SCRATCH}' in out


def test_nothing_to_score_is_said_before_any_embedding(tiny_dataset):
  data_dir, data_list = tiny_dataset[:2]
  for i in range(4):
    path = f'{data_dir}/segcls/im{i}.png'
    files.write_png(path, np.full_like(reading.read_labels(path), 255))
  config = readouts.EvalEmbeddingsConfig(
      data_list=data_list, data_dir=data_dir, eval_list=data_list,
      num_classes=2, restore_from='', save_dir='')
  with pytest.raises(InputError, match=f'no pixel of {data_list} is annotated'):
    readouts.sample_list(
        None, image_list.read_list(data_list, data_dir, ('image', 'mask')),
        config)


def test_a_single_sample_is_the_centre():
  vector = np.float32([[.1, .2, .3]])
  np.testing.assert_array_equal(readouts.fit_clusters(vector, 5, None), vector)


def test_the_first_weights_are_followed_to(tmp_path):
  def write(folder, restore_from):
    files.write_json(str(tmp_path / folder / 'config.json'),
                     {'settings': {'restore_from': str(restore_from)}})
  write('one', '/weights/resnet_v1_101.ckpt')
  write('two', tmp_path / 'one/model.ckpt-5')
  write('two/results/val', tmp_path / 'two')
  found = run_origin.of_predictions(str(tmp_path / 'two/results/val/gray'))
  assert found == 'from /weights/resnet_v1_101.ckpt'
  write('one', '')
  assert run_origin.of_predictions(
      str(tmp_path / 'two/results/val/gray')) == run_origin.SCRATCH
  assert run_origin.of_predictions(str(tmp_path / 'elsewhere/gray')) == ''
  assert run_origin.describe('/nowhere/model.ckpt-1') == ''


def test_results_of_another_command_keep_their_record(tiny_dataset, tmp_path):
  data_dir, data_list = tiny_dataset
  labelling = small_runs.restored_config(
      inference_settings.InferenceConfig, tiny_dataset, '', tmp_path,
      prototype_dir='')
  run_record.write_run(str(tmp_path), labelling)
  before = files.read_bytes(tmp_path / 'config.json')
  config = readouts.EvalEmbeddingsConfig(
      data_list=data_list, data_dir=data_dir, eval_list=data_list,
      num_classes=2, restore_from='', save_dir=str(tmp_path))
  with pytest.raises(InputError, match='has results of InferenceConfig, whose'):
    readouts.evaluate_embeddings(config)
  assert files.read_bytes(tmp_path / 'config.json') == before
