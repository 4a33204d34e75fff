"""What a training run tells: TensorBoard events and log.jsonl."""

import contextlib
import glob
import json
import os
import time

import numpy as np
import tensorflow as tf

from segsort.data import dataset_info
from segsort.data import visualization
from segsort.errors import InputError, first_line
from segsort.runs import files

NUM_PICTURES = 2  # images of a batch that are shown


def _write_summary(name, tensor, plugin, data_class):
  """Writes what tf.summary.scalar or image would.

  Those two need the package tensorboard, which TensorFlow no longer brings
  along and which only looking at the events takes.
  """
  metadata = tf.compat.v1.SummaryMetadata(data_class=data_class)
  metadata.plugin_data.plugin_name = plugin
  tf.summary.write(name, tensor, metadata=metadata)


def _as_image_summary(pictures):
  """Width, height and PNGs of u8[B, H, W, 3], as TensorBoard reads them."""
  height, width = pictures.shape[1:3]
  return tf.constant([str(width).encode(), str(height).encode(), *(
      tf.io.encode_png(picture).numpy() for picture in pictures)])


def _cut_events(folder, step):
  """Takes events of later steps out, which a run that goes on makes again.

  Args:
    folder: of the run.
    step: updates done; 0 removes all events.
  """
  for path in glob.glob(os.path.join(glob.escape(folder), 'events.out.*')):
    # TensorBoard would read what a kill left half written as well.
    if not step or path.endswith('.partial'):
      os.remove(path)
    elif any(number > step for number, _ in _events(path)):
      partial = f'{path}.{os.getpid()}.partial'
      with tf.io.TFRecordWriter(partial) as writer:
        for number, record in _events(path):
          if number <= step:
            writer.write(record)
      os.replace(partial, path)


def _events(path):
  """Yields (step, record) of an events file, up to where a kill tore it."""
  records = iter(tf.data.TFRecordDataset(path))
  with contextlib.suppress(StopIteration, tf.errors.DataLossError):
    while True:
      record = next(records).numpy()
      yield tf.compat.v1.Event.FromString(record).step, record


def _rows_until(step, path):
  """The lines of a log up to a step, '' of none; a torn last line goes."""
  if not step or not os.path.exists(path):
    return ''
  kept = []
  with open(path, encoding='utf-8') as file:
    for line in file:
      with contextlib.suppress(ValueError, KeyError, TypeError):
        if json.loads(line)['step'] <= step:
          kept.append(line)
  return ''.join(kept)


@contextlib.contextmanager
def _writing(folder):
  """Explains what goes wrong while events or log.jsonl are written."""
  try:
    yield
  except (OSError, tf.errors.OpError) as error:
    raise InputError(
        f'cannot write to {folder}: {first_line(error)}; free the disk, mend '
        'the permissions or name another --snapshot_dir') from error


class RunLog:
  """Means of the metrics since the last write, and pictures of the last batch.

  A context manager, which closes the events file.
  """

  def __init__(self, config, first=0, writes=True):
    """Opens the events file in `config.snapshot_dir`.

    Args:
      config: a `training_settings.TrainConfig`.
      first: updates done before; what log.jsonl tells of later ones, which
        are made again, goes.
      writes: False for a process that leaves it to another.
    """
    self._config = config
    self._begin_means()
    self._writer = self._file = None
    if not writes:
      return
    with _writing(config.snapshot_dir):
      _cut_events(config.snapshot_dir, 0 if config.overwrite else first)
      self._writer = tf.summary.create_file_writer(config.snapshot_dir)
      path = os.path.join(config.snapshot_dir, 'log.jsonl')
      files.write_text(path, _rows_until(first, path))
      self._file = open(path, 'a', encoding='utf-8')

  def __enter__(self):
    return self

  def __exit__(self, kind, *unused):
    if not self._writer:
      return
    # Where the loop failed, its error is the one to tell.
    with contextlib.suppress(InputError) if kind else (
        contextlib.nullcontext()):
      self.close()

  def close(self):
    """Writes what is left, if this process writes."""
    for stream in (self._writer, self._file):
      if stream:
        with _writing(self._config.snapshot_dir):
          stream.close()

  def _begin_means(self):
    # Not time.time(): somebody may set the clock of a machine meanwhile.
    self._rows, self._since = [], time.perf_counter()

  def add(self, metrics):
    """Takes one step's dict of floats."""
    self._rows.append(metrics)
    self._last = metrics
    images = (len(self._rows) * self._config.batch_size
              * self._config.iter_size)
    self._images_per_second = images / (time.perf_counter() - self._since)

  def latest(self):
    """Returns {name: text} for a progress bar.

    The loss is that of the last step alone; the images a second are since the
    last write before it, as log.jsonl has them.
    """
    return {'loss': f"{self._last[f'{self._config.LOSS}_loss']:.4f}",
            'images/s': f'{self._images_per_second:.2f}'}

  def write(self, step, batch, results):
    """Writes the means since the last call, and pictures.

    Args:
      step: updates done.
      batch: a batch of inputs.
      results: the step's results for it, see `train_step.supervised_loss`.
    """
    if not self._writer:
      self._begin_means()
      return
    means = {name: float(np.mean([row[name] for row in self._rows]))
             for name in self._rows[0]}
    means['images_per_second'] = self._images_per_second
    shown = self._pictures(batch, results)
    with _writing(self._config.snapshot_dir), self._writer.as_default(step):
      self._file.write(json.dumps({'step': step, **means}) + '\n')
      self._file.flush()
      for name, value in means.items():
        _write_summary(name, tf.constant(value, tf.float32), 'scalars', 1)
      for name, pictures in shown.items():
        _write_summary(name, _as_image_summary(pictures), 'images', 3)
    self._begin_means()

  def _pictures(self, batch, results):
    """Input, labels, segments and embedding, u8[B, H, W, 3] each."""
    palette = dataset_info.get(self._config.dataset).palette
    # Results are one replica's, of all parts; its own of this part come first.
    own = len(results['labels']) // self._config.iter_size
    shown = [
        visualization.training_pictures(
            *(tensor[i].numpy() for tensor in (
                batch['image'], results['labels'], results['segment_labels'],
                results['embeddings'])), palette)
        for i in range(min(NUM_PICTURES, own))]
    return {name: np.stack([pictures[name] for pictures in shown])
            for name in shown[0]}
