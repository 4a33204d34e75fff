"""What fills the arguments of exported programs: files, seeds, numbers."""

import numpy as np

import network
from network.segsort import clustering

CLASSES_IN_BATCH = 6
BLOCKS = 4  # of one class along each side of an image


def draw_batch(config, sizes):
  """A batch of blocks as tensors by name, and as files what is no noise."""
  rng = np.random.default_rng(0)
  size, images = sizes.crop, sizes.batch_size
  cell = np.arange(size) * BLOCKS // size
  classes = rng.integers(0, CLASSES_IN_BATCH, (images, BLOCKS, BLOCKS))
  labels = classes[:, cell[:, None], cell] * 3 % config.classes
  labels[:, :, -2:] = 255
  grid = clustering.grid_labels(size, size, *(config.num_clusters,) * 2)
  locations = clustering.location_features(size, size)
  batch = {'labels': labels.astype(np.int32),
           'grid_labels': np.repeat(grid[None], images, 0),
           'locations': np.repeat(locations[None], images, 0)}
  files = {name: ['file', name] for name in batch}
  return batch, files


def draw_regions(labels, size, dim):
  """Returns f32[B, size, size, D]: a direction for each label, under noise."""
  rng = np.random.default_rng(3)
  labels = labels[:, ::labels.shape[1] // size, ::labels.shape[2] // size]
  labels = labels[:, :size, :size] % 64
  directions = rng.normal(size=(64, dim))
  raw = directions[labels] + rng.normal(0, 1., (*labels.shape, dim))
  return raw.astype(np.float32)


def bank_fills(bank):
  """How a memory bank's variables are filled, and their files."""
  shape = bank.labels.shape
  labels = np.random.default_rng(1).integers(0, CLASSES_IN_BATCH, shape) * 3
  return ({'memory_bank/prototypes': ['normal', 1., 7],
           'memory_bank/labels': ['file', 'bank_labels']},
          {'bank_labels': labels.astype(np.int32)})


def draw_blocks(rng, size):
  """Returns f32[1, size, size, 3]: blocks of colour, mean-subtracted."""
  blocks = rng.integers(-100, 130, (-(-size // 48), -(-size // 48), 3))
  image = np.kron(blocks, np.ones((48, 48, 1)))[:size, :size]
  return image[None].astype(np.float32)


def weight_fills(state):
  """How a network's variables, momenta and the step are filled, by name."""
  fills = {}
  for seed, (name, variable) in enumerate(sorted(state.tensors().items()), 100):
    if network.is_weight(name):
      # As He's initialisation: signals neither fade nor grow.
      fan_in = np.prod(variable.shape[:-1])
      fills[name] = ['normal', float(np.sqrt(2 / fan_in)), seed]
    else:
      fills[name] = float(name.endswith(('gamma', 'moving_variance')))
  return fills
