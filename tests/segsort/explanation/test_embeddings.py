"""Embeddings as colours, the map of a run, and the figures of the README."""

import os
import shutil

import numpy as np
import pytest

import network
from segsort.data import reading
from segsort.errors import InputError
from segsort.explanation import embeddings
from segsort.explanation import figures
from segsort.explanation import flags
from segsort.explanation import page
from segsort.explanation import prototype_map
from segsort.explanation import retrieved
from segsort.inference import embedding
from segsort.inference import prototype_set


def _files(folder):
  return {path.relative_to(folder).as_posix(): path.read_bytes()
          for path in sorted(folder.rglob('*.png'))}


def test_pictures_and_map_of_a_run(run, explain_flags, tmp_path):
  config = explain_flags(tmp_path, flags.EmbeddingFlags)
  embeddings.visualize_embeddings(config)
  made = _files(tmp_path)
  assert set(made) == {'prototype_map.png', *(
      f'pca/<b>&"\'{number}<|b>.png' for number in range(3))}
  # Three pictures of 40x48, eight times as large, and their margins.
  assert reading.read_image(str(tmp_path / 'pca/<b>&"\'0<|b>.png')).shape == (
      320 + 20 + 12, 3 * (384 + 6) + 6, 3)
  assert reading.read_image(str(tmp_path / 'prototype_map.png')).shape == (
      1052, 1640, 3)
  # A second run writes what is lacking, and the same.
  (tmp_path / 'prototype_map.png').unlink()
  (tmp_path / 'pca/<b>&"\'1<|b>.png').write_bytes(b'half')
  embeddings.visualize_embeddings(config)
  assert _files(tmp_path) == made
  with pytest.raises(InputError, match='--max_prototypes'):
    embeddings.visualize_embeddings(explain_flags(
        tmp_path, flags.EmbeddingFlags, max_prototypes=5))


def test_a_colour_means_the_same_in_all_pictures(rng):
  features = rng.normal(size=(500, 4)).astype(np.float32)
  colours = embeddings.find_colours(features)
  first = rng.normal(size=(5, 6, 4)).astype(np.float32)
  second = first[::-1, :3] * 1
  # Of another shape: a number next to a half may be rounded the other way.
  np.testing.assert_allclose(
      colours.paint(first)[::-1, :3], colours.paint(second), atol=1.01)
  projected = first @ colours.components
  expected = (projected - colours.lowest) / colours.extent
  np.testing.assert_allclose(
      colours.paint(first), expected.clip(0, 1) * 255, atol=.51)  # rounded
  spread = colours.paint(features[None])[0].astype(int)
  assert (spread == 0).mean() < .05 and spread.min() == 0
  assert spread.max() == 255


def test_two_dimensions_have_no_blue(rng):
  painted = embeddings.find_colours(
      rng.normal(size=(50, 2)).astype(np.float32)).paint(
          rng.normal(size=(3, 4, 2)).astype(np.float32))
  assert painted.shape == (3, 4, 3) and not painted[..., 2].any()


@pytest.mark.parametrize('count, number, rows', (
    (5, 9, [0, 1, 2, 3, 4]), (9, 3, [0, 3, 6]), (7, 2, [0, 3])))
def test_prototypes_are_taken_evenly(count, number, rows):
  assert embeddings.take_evenly(count, number).tolist() == rows


def test_half_of_the_box_makes_a_thumbnail():
  segments = np.zeros(2, prototype_set.SEGMENT)
  segments['bottom'], segments['right'] = 4, 5
  segments['pixels'] = 10, 9
  assert embeddings.fills_its_box(segments).tolist() == [True, False]


def test_a_map_without_pictures_has_dots_only(
    run, explain_flags, tmp_path, monkeypatch, capsys):
  shutil.copytree(run.folder / 'results/prototypes', tmp_path / 'prototypes')
  (tmp_path / 'prototypes/prototype_segments.npy').unlink()
  drawn = []
  monkeypatch.setattr(
      prototype_map, 'draw', lambda places, labels, thumbnails, *_: (
          drawn.append((len(labels), thumbnails)), np.zeros((2, 2, 3), 'u1'))[
              1])
  embeddings.visualize_embeddings(explain_flags(
      tmp_path / 'out', flags.EmbeddingFlags, prototype_dir=str(tmp_path),
      max_images=1, max_prototypes=6))
  assert drawn == [(6, {})]
  assert 'without prototype_segments.npy' in capsys.readouterr().err
  embeddings.visualize_embeddings(explain_flags(
      tmp_path / 'moved', flags.EmbeddingFlags, max_images=1,
      prototype_data_dir=str(tmp_path)))
  assert not drawn[1][1] and 'thumbnails are left out' in (
      capsys.readouterr().err)


@pytest.mark.slow
def test_figures_of_a_run(run, explain_flags, tmp_path, capsys):
  config = explain_flags(
      tmp_path, flags.FigureFlags, k_in_nearest_neighbors=4, max_images=2)
  figures.make_figures(config)
  assert sorted(os.listdir(tmp_path)) == ['pipeline.png', 'retrieval.png']
  assert 'figures of 2 pictures' in capsys.readouterr().out
  first = _files(tmp_path)
  figures.make_figures(config)
  assert _files(tmp_path) == first
  with pytest.raises(InputError, match="--show names 'c', which none of the 3"):
    figures.make_figures(explain_flags(
        tmp_path, flags.FigureFlags, show='<b>&"\'0<|b>,c'))


def test_figures_need_training_segments(run, explain_flags, tmp_path):
  shutil.copytree(run.folder / 'results/prototypes', tmp_path / 'prototypes')
  (tmp_path / 'prototypes/prototype_segments.npy').unlink()
  with pytest.raises(InputError, match='no training segments to draw'):
    figures.make_figures(explain_flags(
        tmp_path / 'out', flags.FigureFlags, prototype_dir=str(tmp_path)))


def _segment(cluster, label, pixels):
  return retrieved.Segment(
      cluster, '', (0, 0), pixels, ((label, 1),), ((0, 1.),))


def test_the_segment_that_is_shown_is_not_of_the_main_class():
  segments = [_segment(0, 2, 50), _segment(1, 2, 40), _segment(2, 1, 20),
              _segment(4, 0, 60)]
  assert figures.choose_segment(segments).cluster == 4
  assert figures.choose_segment(segments[:2]).cluster == 0
  np.testing.assert_array_equal(
      figures.paint_labels(np.array([[0, 4], [2, 1]]), segments),
      [[2, 0], [1, 2]])


def test_labels_are_painted_and_ignored_pixels_are_grey():
  classes = page.Classes(('a', 'b'), ('#010203', '#ff8000'))
  assert figures.color_labels(np.array([[0, 1, 255]]), classes).tolist() == [
      [[1, 2, 3], [255, 128, 0], [235, 235, 235]]]
  assert figures.color_labels(None, classes) is None


def test_a_segment_is_marked_and_all_else_darkened():
  image = np.full((40, 40, 3), 200, np.uint8)
  mask = np.zeros((40, 40), bool)
  mask[10:30, 10:30] = True
  marked = figures.mark(image, mask, (80, 120))
  assert marked.shape == (80, 80, 3)
  assert (marked[5, 5] == 110).all() and (marked[40, 40] == 200).all()
  assert marked[40, 20].tolist() == [255, 214, 10]


def test_small_files_keep_few_colours_exactly(tmp_path, rng):
  pixels = rng.integers(0, 2, (30, 40, 3), np.uint8) * 255
  figures.write_small(str(tmp_path / 'a.png'), pixels)
  np.testing.assert_array_equal(
      reading.read_image(str(tmp_path / 'a.png')), pixels)


def test_a_picture_shows_what_was_embedded(explain_flags, tmp_path, rng):
  config = explain_flags(tmp_path, flags.EmbeddingFlags)
  embedder = embedding.Embedder(
      embedding.restore_model(config), config.input_size,
      config.window_strides)
  image = rng.integers(0, 256, (400, 30, 3), np.uint8)  # long: as it is
  colours = embeddings.find_colours(rng.normal(size=(50, 8)).astype('f4'))
  drawn = embeddings.draw_picture(embedder, image, colours, config)
  np.testing.assert_array_equal(drawn[26:426, 6:36], image)
  np.testing.assert_array_equal(
      drawn[26:426, 42:72], colours.paint(embedder.embed(image)))


def test_segments_see_the_colours_that_the_prototypes_saw(rng, monkeypatch):
  """As the labels' do: clustered by the same cues."""
  seen = []
  cluster = embeddings.extraction.cluster_image
  monkeypatch.setattr(
      embeddings.extraction, 'cluster_image',
      lambda embedded, cues, *rest: seen.append(cues) or cluster(
          embedded, cues, *rest))
  config = flags.EmbeddingFlags(
      restore_from='', prototype_dir='', save_dir='', data_list='', data_dir='',
      image_dir='x', num_clusters=2, color_weight=1., input_size=(24, 32))
  model = network.build_embedding_model('resnet_small', 'pspnet', 4)
  embedder = embedding.Embedder(
      model, config.input_size, config.window_strides)
  image = rng.integers(0, 256, (24, 32, 3), np.uint8)
  embeddings.draw_picture(embedder, image, embeddings.find_colours(
      rng.normal(size=(50, 4)).astype('f4')), config)
  np.testing.assert_allclose(seen[0][..., 2:], image / 255, rtol=1e-6)
