"""How the 2019 release scored, behind `--tf1_compat` of eval_miou.py."""

import numpy as np

# True label that `evaluation_truth` gives to whatever the release leaves out.
EVALUATION_IGNORE_LABEL = -1

# The release prints these names for every data set.
EVALUATION_CLASSES = (
    'Background', 'Aero', 'Bike', 'Bird', 'Boat', 'Bottle', 'Bus', 'Car',
    'Cat', 'Chair', 'Cow', 'Table', 'Dog', 'Horse', 'MBike', 'Person',
    'Plant', 'Sheep', 'Sofa', 'Train', 'TV')


def evaluation_truth(truth, num_classes):
  """Marks the pixels that the release scores: all with a label below C.

  It knows no ignore label; 255 is left out for being no class, and so is, in
  silence, any true class beyond `num_classes`. Ours raises for the latter.

  Args:
    truth: i32[H, W].
    num_classes: C.

  Returns:
    i32[H, W], EVALUATION_IGNORE_LABEL where the release does not look.
  """
  return np.where(truth < num_classes, truth, EVALUATION_IGNORE_LABEL)


def evaluation_confusion(matrix):
  """The release's library confusion matrix, `confusion_matrix`.

  It counts with histograms, whose last bin is closed on both sides: a
  prediction equal to C lands in the last class, and larger ones (255) vanish
  from the row sums.

  Args:
    matrix: ConfusionMatrix of C + 1 classes, so that predictions equal to C
      keep a column of their own, over truths from `evaluation_truth`.

  Returns:
    i64[C, C], rows are the truth.
  """
  confusion = matrix.counts[:-1, :-1].copy()
  confusion[:, -1] += matrix.counts[:-1, -1]
  return confusion


def evaluation_figures(matrix):
  """The release's scores, in full precision and under its names.

  Predictions equal to C count as predicted pixels of the last class, though
  never as hits. A class without pixels counts 0 in the mean. The `pixel
  accuracy` divides the hits by the pixels predicted as some class, not by all
  scored pixels: a prediction of 255 is not held against it.

  Args:
    matrix: as for `evaluation_confusion`.

  Returns:
    Dictionary of lists of C numbers, pixels that are true (`tp_fn`),
    predicted (`tp_fp`) and both (`tp`) of each class and `iou_percent`, and of
    the numbers `mean_iou_percent` and `mean_pixel_acc_fraction`.
  """
  tp_fn = matrix.true_pixels[:-1].astype(np.float64)
  tp_fp = evaluation_confusion(matrix).sum(axis=0).astype(np.float64)
  tp = np.diag(matrix.counts)[:-1].astype(np.float64)
  iou = tp / (tp_fn + tp_fp - tp + 1e-12) * 100
  return {
      'tp_fn': tp_fn.tolist(), 'tp_fp': tp_fp.tolist(), 'tp': tp.tolist(),
      'iou_percent': iou.tolist(),
      'mean_iou_percent': float(iou.sum() / len(iou)),
      'mean_pixel_acc_fraction': float(tp.sum() / (tp_fp.sum() + 1e-12))}


def evaluation_lines(matrix):
  """The release's report; its pixel accuracy is a fraction printed with `%`.

  Args:
    matrix: as for `evaluation_confusion`.

  Returns:
    List of lines. Classes beyond its 21 names, where it crashed, have none.
  """
  figures = evaluation_figures(matrix)
  names = [*EVALUATION_CLASSES] + [''] * len(figures['tp'])
  lines = [
      f'class {name:10s}: {label:02d}, acc: {value:4.4f}%'
      for label, (name, value) in enumerate(zip(names, figures['iou_percent']))]
  return lines + [
      f'mean IOU: {figures["mean_iou_percent"]:4.4f}%',
      f'mean Pixel Acc: {figures["mean_pixel_acc_fraction"]:4.4f}%']
