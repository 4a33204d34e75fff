"""Tables of experiments that are kept, and the documents that show them.

    bashscripts/experiments/NAME.csv    a table as it was last kept
    <!-- table: NAME -->                in a document: what follows is made of
    <!-- end of the table -->           NAME.csv, up to here

The table called `results` is made of several CSVs, see RESULTS.
"""

import csv
import dataclasses
import os
import re

from segsort.errors import InputError
from segsort.evaluation import experiment_figure
from segsort.evaluation import experiment_table
from segsort.runs import files
from segsort.runs import settings as settings_lib
from segsort.runs.settings import setting

TABLES_DIR, FIGURES_DIR = 'bashscripts/experiments', 'dataset/figures'
DOCUMENTS = 'README.md', f'{TABLES_DIR}/README.md'
# Rows of `results`: data set, the table of its recipes, its rows of them with
# what their names end in, and the table without labels or ''.
RESULTS = (('VOC 2012, 321 images at half size', 'voc12_half', '',
            'voc12_half_unsup'),
           ('demo, 8 classes', 'demo', '', 'demo_unsup'),
           ('CamVid, 11 classes', 'camvid_recipes', '_hed', 'camvid_unsup'),
           ('CamVid, from ImageNet', 'camvid_imagenet', '_3500_hed', ''))
HEADINGS = ('data set', 'mean IOU: softmax', 'segment sorting',
            'without labels', 'boundary F: softmax', 'segment sorting',
            'tables')
_MARKED = re.compile(
    r'(<!-- table: (\w+) -->\n).*?(<!-- end of the table -->\n)', re.S)


@dataclasses.dataclass(frozen=True, kw_only=True)
class KeepConfig(settings_lib.Settings):
  """A table that is to be kept, and where."""

  experiment_dir: str = setting(
      text='folder of the table, as bashscripts/experiments.sh made it; its '
      'name is the table\'s')
  project_dir: str = setting(
      '.', 'folder of the project, whose CSV, picture, documents are renewed')


def keep(config):
  """Keeps a table: its CSV, its picture, and what documents show of it.

  Args:
    config: a KeepConfig.

  Raises:
    InputError: no run of the table is there, or a document or a CSV is not.
  """
  name = os.path.basename(os.path.abspath(config.experiment_dir))
  records = experiment_table.read_records(config.experiment_dir)
  if not records:
    raise InputError(
        f'no run is recorded in {config.experiment_dir}; run '
        f'`bash bashscripts/experiments.sh {name}`')
  tables_dir, figures_dir, *documents = (
      os.path.join(config.project_dir, path)
      for path in (TABLES_DIR, FIGURES_DIR, *DOCUMENTS))
  texts = {path: _read(path) for path in documents}
  files.write_text(os.path.join(tables_dir, f'{name}.csv'),
                   experiment_table.as_csv(records))
  for path, text in texts.items():
    files.write_text(path, renew(text, tables_dir))
  picture = os.path.join(figures_dir, f'{name}.png')
  if not experiment_figure.draw_table(
      picture, records, experiment_table.shown_scores(records),
      experiment_table.interval):
    print(f'note: {picture} is as it was; pip install matplotlib to draw it')


def _read(path):
  try:
    with open(path, encoding='utf-8') as file:
      return file.read()
  except (OSError, ValueError) as error:
    raise InputError(
        f'cannot read the document {path}: {error}; is --project_dir the '
        'folder of the project?') from error


def renew(text, tables_dir):
  """Returns a document's text with its tables as the kept CSVs give them."""
  def table(match):
    name = match[2]
    made = (results(tables_dir) if name == 'results' else
            experiment_table.as_markdown(read_csv(tables_dir, name)))
    return f'{match[1]}{made}{match[3]}'
  return _MARKED.sub(table, text)


def read_csv(tables_dir, name):
  """Returns the records of a CSV, as `experiment_table.read_records` does.

  Raises:
    InputError: it is missing or not such a table.
  """
  path = os.path.join(tables_dir, f'{name}.csv')
  scores = experiment_table.SCORES.values()
  kinds = {'number': int, 'seed': int,
           **dict.fromkeys((*scores, 'training_seconds'), float)}
  try:
    with open(path, encoding='utf-8', newline='') as file:
      return [{key: kinds.get(key, str)(value) if value else None
               for key, value in row.items() if value or key not in scores}
              for row in csv.DictReader(file)]
  except (OSError, ValueError) as error:
    raise InputError(
        f'cannot read {path} as a table of experiments: {error}') from error


def results(tables_dir):
  """Returns RESULTS as Markdown, with what made them."""
  lines, used = [HEADINGS, ['---'] * len(HEADINGS)], []
  for title, name, ending, unsupervised in RESULTS:
    records = read_csv(tables_dir, name)
    others = read_csv(tables_dir, unsupervised) if unsupervised else []
    used += records + others
    rows = f'softmax{ending}', f'segsort{ending}'
    cells = [
        *(experiment_table.figure(records, row, 'mean_iou') for row in rows),
        experiment_table.figure(others, 'unsup', 'mean_iou'),
        *(experiment_table.figure(records, row, 'mean_boundary_f')
          for row in rows)]
    cells = [cell.replace(' ', '') for cell in cells]  # seven columns
    tables = ', '.join(f'`{table}`' for table in (name, unsupervised) if table)
    lines.append([title, *cells, tables])
  return experiment_table.join(lines) + experiment_table.origin(used)
