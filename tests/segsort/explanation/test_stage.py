"""The pages against the labels that inference writes, and against loops."""

import dataclasses
import html.parser
import json
import os
import re
import shutil

import numpy as np
import PIL.Image
import pytest

from segsort.data import reading
from segsort.errors import InputError
from segsort.explanation import retrieved
from segsort.explanation import sources
from segsort.explanation import stage
from segsort.inference import embedding
from segsort.inference import inference
from segsort.inference import inference_settings
from segsort.inference import labeller as labeller_lib
from segsort.inference import prototype_set
from segsort.runs import files


class _Reader(html.parser.HTMLParser):
  """The tags and texts of a page."""

  def __init__(self, path):
    super().__init__()
    self.tags, self.text, self.path = [], '', path
    self.feed(path.read_text(encoding='utf-8'))

  def handle_starttag(self, tag, attributes):
    self.tags.append((tag, dict(attributes)))

  def handle_data(self, data):
    self.text += data

  def all(self, tag):
    return [attributes for found, attributes in self.tags if found == tag]

  @property
  def data(self):
    found = re.search(r'<script type="application/json" id="data">(.*?)</scrip',
                      self.path.read_text(encoding='utf-8'))
    return json.loads(found.group(1))


@pytest.fixture(scope='module', name='pages')
def _pages(run, explain_flags):
  """Pages of the training pictures themselves."""
  folder = run.folder / 'why'
  stage.explain(explain_flags(folder))
  return folder


def _files(folder):
  return {path.relative_to(folder).as_posix(): path.read_bytes()
          for path in sorted(folder.rglob('*')) if path.is_file()}


def test_everything_that_a_page_names_is_there_and_nothing_is_outside(pages):
  names = set(_files(pages))
  assert {name for name in names if '/' not in name} == {
      'config.json', 'index.html', 'page.css', 'page.js'}
  used = {'config.json', 'index.html'}
  for path in pages.rglob('*.html'):
    reader = _Reader(path)
    assert 'http' not in path.read_text()
    for tag, attribute in (('a', 'href'), ('img', 'src'), ('script', 'src'),
                           ('link', 'href')):
      used |= {os.path.relpath(path.parent / each[attribute], pages)
               for each in reader.all(tag) if attribute in each}
    if path.parent.name == 'images':
      used |= {f'crops/{row}.jpg' for row, prototype in
               reader.data['prototypes'].items() if 'outline' in prototype}
  assert used == names


def test_names_reach_the_page_as_text_only(pages, run):
  index = _Reader(pages / 'index.html')
  assert {tag for tag, _ in index.tags} <= {
      'html', 'head', 'meta', 'title', 'link', 'body', 'header', 'h1', 'p',
      'main', 'ul', 'li', 'a', 'img', 'span'}
  for number in range(3):
    name = f'<b>&"\'{number}<|b>'
    assert name in index.text
    page = _Reader(pages / f'images/{number + 1:05d}.html')
    assert name in page.text and not page.all('b') and not page.all('i')
    assert page.all('img')[0]['alt'].startswith(name)
    assert page.data['names'] == run.names
    used = {each['votes'][0][0] for each in page.data['segments']}
    labels = ' '.join(path['aria-label'] for path in page.all('path'))
    assert all(run.names[label] in labels for label in used)


def _votes(neighbours, labels):
  counts = np.bincount([labels[row] for row, _ in neighbours])
  return sorted(([label, count] for label, count in enumerate(counts.tolist())
                 if count), key=lambda vote: -vote[1])


def test_segments_have_the_labels_that_inference_writes(
    pages, run, explain_flags, tmp_path):
  inference.infer(_inference_config(explain_flags(tmp_path / 'labels')))
  labels = np.load(run.folder / 'results/prototypes/prototype_labels.npy')
  for number in range(3):
    page = _Reader(pages / f'images/{number + 1:05d}.html')
    written = reading.read_mask(
        str(tmp_path / f'labels/gray/<b>&"\'{number}<|b>.png'))
    shares = np.zeros(3)
    for segment in page.data['segments']:
      shares[segment['votes'][0][0]] += segment['share']
      assert segment['votes'] == _votes(segment['neighbours'], labels)
      cosines = [cosine for _, cosine in segment['neighbours']]
      assert len(cosines) == 5 and cosines == sorted(cosines, reverse=True)
      assert max(cosines) <= 1.0001
    np.testing.assert_allclose(
        shares, [(written == label).mean() for label in range(3)])
    # A picture that prototypes are of: some segment finds itself, nearly.
    assert max(segment['neighbours'][0][1]
               for segment in page.data['segments']) > .99


def test_regions_are_explained_as_they_are_labelled(
    run, explain_flags, tmp_path):
  for number, size in enumerate([(40, 48), (48, 33), (30, 60)]):
    files.write_png(
        str(tmp_path / f'regions/<b>&"\'{number}<|b>.png'),
        (np.indices(size).sum(0) // 20).astype(np.uint8) * 2)  # with gaps
  config = explain_flags(
      tmp_path / 'why', regions_dir=str(tmp_path / 'regions'))
  config.check()
  stage.explain(config)
  inference.infer(_inference_config(dataclasses.replace(
      config, save_dir=str(tmp_path / 'labels'))))
  for number in range(3):
    data = _Reader(tmp_path / f'why/images/{number + 1:05d}.html').data
    mask = reading.read_mask(
        str(tmp_path / f'labels/gray/<b>&"\'{number}<|b>.png'))
    regions = np.indices(mask.shape).sum(0) // 20
    assert len(data['segments']) == regions.max() + 1
    for segment in data['segments']:
      column, row = (int(place) for place in segment['centre'])
      assert segment['votes'][0][0] == mask[row, column]
  with pytest.raises(InputError, match='--regions_dir and --image_dir do not'):
    explain_flags(tmp_path, image_dir='photos', regions_dir='regions').check()


def _inference_config(config):
  names = set(inference_settings.InferenceConfig.__dataclass_fields__)
  return inference_settings.InferenceConfig(**{
      name: value for name, value in vars(config).items() if name in names})


def test_truth_is_told_where_it_is_known(pages, run, explain_flags, tmp_path):
  page = _Reader(pages / 'images/00001.html')
  wrong = [path for path in page.all('path') if 'wrong' in path['class']]
  assert [segment['truth'][0] != segment['votes'][0][0]
          for segment in page.data['segments']].count(True) == len(wrong)
  stage.explain(explain_flags(
      tmp_path / 'why', image_dir=str(run.folder / 'photos')))
  page = _Reader(tmp_path / 'why/images/00001.html')
  assert all(segment['truth'] is None for segment in page.data['segments'])
  assert 'wrong' not in page.text


def test_a_second_run_changes_nothing_and_mends_what_is_lost(
    pages, explain_flags):
  before = _files(pages)
  crop = next(name for name in before if name.startswith('crops/'))
  (pages / crop).write_bytes(before[crop][:len(before[crop]) // 2])
  (pages / 'images/00002.html').unlink()
  stage.explain(explain_flags(pages))
  assert _files(pages) == before


def test_other_settings_are_refused_then_replace_all(
    run, explain_flags, tmp_path):
  stage.explain(explain_flags(tmp_path, max_images=2))
  with pytest.raises(InputError, match='--max_images 2, not 1; .*overwrite'):
    stage.explain(explain_flags(tmp_path, max_images=1))
  stage.explain(explain_flags(tmp_path, max_images=1, overwrite=True))
  assert [path.name for path in (tmp_path / 'images').iterdir()] == [
      '00001.html']


def test_files_of_others_are_not_replaced(run, explain_flags, tmp_path):
  (tmp_path / 'pictures').mkdir()
  PIL.Image.new('RGB', (20, 9)).save(tmp_path / 'pictures/00001.jpg')
  before = _files(tmp_path)
  for overwrite in False, True:
    with pytest.raises(InputError, match='has pictures already, which is not'):
      stage.explain(explain_flags(
          tmp_path, image_dir=str(tmp_path / 'pictures'), overwrite=overwrite))
  assert _files(tmp_path) == before


@pytest.mark.parametrize('outlines', ('segments', 'boxes'))
def test_absent_sources_leave_crops_out_with_a_note(
    run, explain_flags, tmp_path, capsys, outlines):
  elsewhere = tmp_path / 'moved'
  shutil.copytree(run.folder / 'JPEGImages', elsewhere / 'JPEGImages')
  gone = sorted((elsewhere / 'JPEGImages').iterdir())[0]
  gone.unlink()
  stage.explain(explain_flags(
      tmp_path / 'why', prototype_data_dir=str(elsewhere), outlines=outlines))
  assert '1 pictures of training segments are absent' in capsys.readouterr().err
  page = _Reader(tmp_path / 'why/images/00001.html')
  assert '1 pictures of training segments are absent' in page.text
  for prototype in page.data['prototypes'].values():
    there = prototype['picture'] != f'JPEGImages/{gone.name}'
    assert ('outline' in prototype) == there
    assert not prototype.get('exact')  # the masks are not there either


def test_prototypes_of_the_release_are_explained_without_pictures(
    run, explain_flags, tmp_path):
  folder = tmp_path / 'prototypes'
  folder.mkdir()
  for name in prototype_set.FEATURES, prototype_set.LABELS:
    shutil.copy(run.folder / 'results/prototypes' / name, folder)
  stage.explain(explain_flags(tmp_path / 'why', prototype_dir=str(folder)))
  page = _Reader(tmp_path / 'why/images/00001.html')
  assert 'without prototype_segments.npy' in page.text
  assert page.data['segments'] and not (tmp_path / 'why/crops').exists()


def _damage_length(folder):
  path = folder / prototype_set.SEGMENTS
  np.save(path, np.load(path)[:-1])
  return 'segments and'


def _damage_label(folder):
  path = folder / prototype_set.SEGMENTS
  segments = np.load(path)
  segments['label'][2] += 1
  np.save(path, segments)
  return 'prototype 2 has the label'


def _damage_images(folder):
  path = folder / prototype_set.IMAGES
  path.write_text(path.read_text().splitlines()[0] + '\n')
  return 'prototype_images.jsonl lists 1'


@pytest.mark.parametrize(
    'damage', (_damage_length, _damage_label, _damage_images))
def test_a_sidecar_of_other_prototypes_is_refused(
    run, explain_flags, tmp_path, damage):
  shutil.copytree(run.folder / 'results/prototypes', tmp_path / 'prototypes')
  said = damage(tmp_path / 'prototypes')
  with pytest.raises(InputError, match='does not belong') as error:
    stage.explain(explain_flags(
        tmp_path / 'why', prototype_dir=str(tmp_path)))
  assert said in str(error.value) and '\n' not in str(error.value)
  assert not (tmp_path / 'why').exists()


def test_a_class_list_of_another_length_is_refused(
    run, explain_flags, tmp_path):
  names = tmp_path / 'names.txt'
  for written, said in ((b'one\ntwo\n', 'names 2 classes, but there are 3'),
                        (b'\xff\n', 'not text in UTF-8')):
    names.write_bytes(written)
    with pytest.raises(InputError, match=said):
      stage.explain(explain_flags(tmp_path / 'why', class_names=str(names)))


def test_unreadable_pictures_are_passed_over_unless_there_are_no_others(
    run, explain_flags, tmp_path, capsys):
  photos = tmp_path / 'photos'
  photos.mkdir()
  (photos / 'b.jpg').write_bytes(b'\xff\xd8 no picture')
  with pytest.raises(InputError, match='none of the 1 pictures'):
    stage.explain(explain_flags(tmp_path / 'why', image_dir=str(photos)))
  PIL.Image.new('RGB', (20, 9)).save(photos / 'c.png')
  stage.explain(explain_flags(tmp_path / 'why', image_dir=str(photos)))
  assert 'not explained: ' in capsys.readouterr().err
  assert os.listdir(tmp_path / 'why/images') == ['00002.html']


def test_weighted_votes_and_colours_explain_the_labels_of_inference(
    run, explain_flags, tmp_path):
  config = explain_flags(
      tmp_path / 'pages', vote_balance=.5, vote_concentration=2.,
      color_weight=1.)
  model = embedding.restore_model(config)
  loaded = sources.load(config, model)
  labeller = labeller_lib.Labeller(
      embedding.Embedder(model, config.input_size, config.window_strides),
      loaded.features, loaded.labels, config)
  example = inference.find_examples(config)[0]
  image, _ = stage.read(example, config)
  labels, (clusters, *_) = labeller.predict(image), labeller.retrieve(image)
  segments = retrieved.find_segments(labeller, image, loaded.features)
  assert len(segments) > 3
  for segment in segments:
    assert (labels[clusters == segment.cluster] == segment.label).all()
    shares = [votes for _, votes in segment.votes]
    assert sum(shares) == pytest.approx(5, abs=.2)
  assert 'the 5 nearest vote, weighted.' in stage.facts(loaded, config)[0]
