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
