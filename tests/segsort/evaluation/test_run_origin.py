"""What folders say of the runs that filled them."""

from segsort.data import dataset_flags
from segsort.evaluation import run_origin
from segsort.runs import files


def test_classes_of_another_name_are_told(tmp_path, capsys):
  def told(dataset, num_classes=0):
    run_origin.warn_of_other_classes(
        str(tmp_path), dataset_flags.ClassSettings(
            dataset=dataset, num_classes=num_classes))
    return capsys.readouterr().err

  assert not told('voc12')  # of before there was a config.json
  path = str(tmp_path / 'own.json')
  files.write_json(path, {'classes': [{'name': 'background'}, {'name': 'b'}]})
  files.write_json(
      tmp_path / 'config.json', {'settings': {'dataset': path}})
  assert not told(path)
  assert not told('voc12', 1)  # the first has the same name
  assert f'was made with --dataset {path}, whose classes are not' in told(
      'voc12')
  files.write_json(
      tmp_path / 'config.json', {'settings': {'dataset': 'gone.json'}})
  assert not told('voc12')


def test_the_weights_that_came_first_are_found(tmp_path):
  def run(name, **settings):
    files.write_json(tmp_path / name / 'config.json', {'settings': settings})
    return str(tmp_path / name)

  random = run('random', restore_from='', backbone='resnet_small')
  assert run_origin.describe(random) == 'from scratch, random weights'
  assert run_origin.describe(run('later', restore_from=random)) == (
      'from scratch, random weights')
  assert run_origin.describe(
      run('released', restore_from='x/resnet.ckpt')) == 'from x/resnet.ckpt'
  # A file of Keras has weights of its own, which no flag names.
  own = run('own', restore_from='', backbone='mine.keras')
  assert run_origin.describe(run('after', restore_from=own)) == (
      'from mine.keras, whose weights are taken')
  assert run_origin.describe(
      run('other', restore_from='w.weights.h5', backbone='mine.keras')) == (
          'from w.weights.h5')
