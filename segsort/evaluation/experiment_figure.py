"""A table of experiments as a picture: a dot a run, means with intervals."""

import io

import numpy as np

from segsort.runs import files


def draw_table(path, records, scores, interval):
  """Draws a PNG, if the package matplotlib is installed (extra `figures`).

  Args:
    path: of the PNG.
    records: of `experiment_table.read_records`.
    scores: {heading: key}, a column of the picture each.
    interval: `experiment_table.interval`.

  Returns:
    Whether it was drawn.
  """
  try:
    import matplotlib.figure
  except ImportError:
    return False
  rows = list(dict.fromkeys(record['row'] for record in records))
  figure = matplotlib.figure.Figure(
      (3.6 * len(scores) + 1.5, .34 * len(rows) + 1), layout='constrained')
  axes = figure.subplots(1, len(scores), sharey=True, squeeze=False)[0]
  for axis, (heading, key) in zip(axes, scores.items()):
    for place, row in enumerate(rows):
      values = [100 * record[key] for record in records
                if record['row'] == row and key in record]
      if not values:
        continue
      mean, half = interval(values)
      axis.errorbar(mean, place, xerr=np.nan_to_num(half), fmt='|', ms=12,
                    color='tab:blue', capsize=3)
      axis.plot(values, [place] * len(values), '.', color='tab:orange')
    axis.set_xlabel(f'{heading}, %')
    axis.grid(axis='x', alpha=.3)
  axes[0].set_yticks(range(len(rows)), rows)
  axes[0].invert_yaxis()
  drawn = io.BytesIO()
  figure.savefig(drawn, format='png', dpi=110)
  files.write_bytes(path, drawn.getvalue())
  return True
