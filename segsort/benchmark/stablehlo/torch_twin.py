"""Plain PyTorch twins of the exported programs: same weights, same results.

The formulation is the plain one that SPML and the 2019 release use: k-means
image by image in a loop, memberships as one-hot products, every similarity held
for the gradient. The networks are `resnet_*` with the PSP head.
"""

import statistics
import time

import numpy as np
import torch
import torch.nn.functional as F
import torch_network

CONCENTRATION, IGNORED = 10., 255
CLASSES, ITERATIONS, LABELLING_ITERATIONS = 21, 10, 10
MOMENTUM, WEIGHT_DECAY, RATE, HEAD_FACTOR = .9, 5e-4, 2e-3, 10.


def run(name, program, settings, files, repeats, make_argument):
  """Times the twin of a program.

  Args:
    name: of the program.
    program: its entry in the manifest, and
    settings: the sizes there.
    files: arrays by name.
    repeats: how often it is timed.
    make_argument: `run_stablehlo.make_argument`.

  Returns:
    A row as `run_stablehlo.run` makes it, with `found` in place of errors; None
    for what has no twin.
  """
  what, precision = name.rsplit('_', 1)
  if what not in _TWINS or settings['head'] != 'pspnet':
    return None
  device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
  torch.backends.cuda.matmul.allow_tf32 = precision == 'tf32'
  torch.backends.cudnn.allow_tf32 = precision == 'tf32'
  torch.backends.cudnn.benchmark = True
  tensors = {
      argument['name']: _to_torch(make_argument(argument, files), device)
      for argument in program['arguments']}
  half = torch.autocast(device.type, torch.bfloat16,
                        enabled=precision == 'bfloat16')
  if device.type == 'cuda':
    torch.cuda.reset_peak_memory_stats()
  step, found, times = _TWINS[what](tensors, settings, half), [], []
  for _ in range(repeats + 2):
    begin = time.perf_counter()
    results = step()
    if device.type == 'cuda':
      torch.cuda.synchronize()
    times.append(time.perf_counter() - begin)
    if len(found) < 2:
      found.append({key: value.detach().float().cpu().numpy()
                    for key, value in results.items()})
  seconds = statistics.median(times[2:])
  peak = (torch.cuda.max_memory_allocated() / 1e6
          if device.type == 'cuda' else None)
  return {'name': f'  PyTorch {torch.__version__} twin', 'of': name,
          'device': str(device), 'compile_s': 0., 'ms': seconds * 1e3,
          'images_per_s': program['images'] / seconds, 'peak_mb': peak,
          'found': found}


def _to_torch(array, device):
  array = np.asarray(array)
  if array.dtype == np.int32:  # as indices want it
    array = array.astype(np.int64)
  return torch.as_tensor(array, device=device)


def _nearest(maps, size):
  """Keeps [B, h, w(, C)] of [B, H, W(, C)]: source index floor(i in / out)."""
  for axis, length in zip((1, 2), size):
    place = torch.arange(length, device=maps.device) * maps.shape[axis]
    maps = maps.index_select(axis, place // length)
  return maps


def _unit_length(vectors):
  return vectors * torch.rsqrt(
      torch.clamp((vectors * vectors).sum(-1, keepdim=True), min=1e-12))


def kmeans(features, labels, number, iterations):
  """Spherical k-means of one image with one-hot memberships: i64[P]."""
  for _ in range(iterations):
    members = F.one_hot(labels, number).to(features.dtype)
    centers = _unit_length(members.T @ features)
    similarities = features @ centers.T
    similarities = similarities.masked_fill(members.sum(0) == 0, -4.)
    labels = similarities.argmax(1)
  return labels


def segsort_loss(raw, tensors, settings):
  """The supervised loss of [B, h, w, D], image by image."""
  size, number = raw.shape[1:3], settings['num_clusters'] ** 2
  labels, grid, locations = (
      _nearest(tensors[name], size)
      for name in ('labels', 'grid_labels', 'locations'))
  pixels, clusters, classes = [], [], []
  for image in range(len(raw)):
    embeddings = _unit_length(raw[image].reshape(-1, raw.shape[-1]))
    features = _unit_length(torch.cat(
        [embeddings, locations[image].reshape(-1, 2)], 1)).detach()
    valid = labels[image].reshape(-1) != IGNORED
    found = kmeans(features[valid], grid[image].reshape(-1)[valid], number,
                   ITERATIONS)
    pixels.append(embeddings[valid])
    clusters.append(found + image * number)
    classes.append(labels[image].reshape(-1)[valid])
  pixels, clusters, classes = map(torch.cat, (pixels, clusters, classes))
  pairs, segments = torch.unique(
      clusters * CLASSES + classes, return_inverse=True)
  members = F.one_hot(segments, len(pairs)).to(pixels.dtype)
  prototypes = torch.cat([
      _unit_length(members.T @ pixels),
      _unit_length(tensors['memory_bank/prototypes'].reshape(
          -1, pixels.shape[1]))])
  of_prototypes = torch.cat(
      [pairs % CLASSES, tensors['memory_bank/labels'].reshape(-1)])
  weights = torch.exp(CONCENTRATION * (pixels @ prototypes.T))
  same = (F.one_hot(classes, CLASSES).float()
          @ F.one_hot(of_prototypes, CLASSES).float().T)
  own = F.one_hot(segments, len(of_prototypes)).float()
  others = (weights * (same - own)).sum(1)
  alone = (same - own).sum(1) == 0
  numerator = torch.where(alone, (weights * own).sum(1), others)
  different = (weights * (1 - same)).sum(1)
  return -torch.log(numerator / (numerator + different)).mean()


def _loss_twin(tensors, settings, unused_half):
  def step():
    raw = tensors['raw'].requires_grad_()
    loss = segsort_loss(raw, tensors, settings)
    gradient, = torch.autograd.grad(loss, raw)
    return {'loss': loss, 'gradient_norm': gradient.norm()}
  return step


def _embed(network, images, half):
  with half:
    raw = network(images.permute(0, 3, 1, 2))  # channels last already
  return raw.float().permute(0, 2, 3, 1)


def _train_twin(tensors, settings, half):
  network = torch_network.Network(tensors, settings, training=True)
  weights = {name: value for name, value in network.weights.items()
             if value.requires_grad}
  speeds = {name: torch.zeros_like(value) for name, value in weights.items()}

  def step():
    loss = segsort_loss(_embed(network, tensors['image'], half), tensors,
                        settings)
    gradients = torch.autograd.grad(loss, list(weights.values()))
    penalty, squares = 0., 0.
    with torch.no_grad():
      for (name, value), gradient in zip(weights.items(), gradients):
        if name.endswith('/weights'):
          penalty = penalty + WEIGHT_DECAY * (value * value).sum() / 2
          gradient = gradient + WEIGHT_DECAY * value
        squares = squares + (gradient * gradient).sum()
        speeds[name].mul_(MOMENTUM).add_(gradient)
        head = '/block5/' in name
        value.sub_(speeds[name], alpha=RATE * (HEAD_FACTOR if head else 1.))
    return {'total_loss': loss + penalty, 'weight_penalty': penalty,
            'gradient_norm': torch.sqrt(squares)}
  return step


def _inference_twin(tensors, settings, half):
  network = torch_network.Network(tensors, settings, training=False)
  prototypes = _unit_length(tensors['prototypes'])
  number, size = settings['num_clusters'], settings['window']
  cell = -(-size // number)
  rows = torch.arange(size, device=prototypes.device)
  grid = (rows[:, None] // cell + -(-size // cell) * (rows[None] // cell))
  locations = torch.stack(torch.meshgrid(
      rows / size, rows / size, indexing='ij'), -1).reshape(-1, 2)

  @torch.no_grad()
  def step():
    raw = _embed(network, tensors['image'], half).permute(0, 3, 1, 2)
    pixels = torch_network.resize(raw, (size, size)).permute(0, 2, 3, 1)
    pixels = _unit_length(pixels.reshape(-1, pixels.shape[-1]))
    features = _unit_length(torch.cat([pixels, locations.float()], 1))
    clusters = kmeans(features, grid.reshape(-1), number**2,
                      LABELLING_ITERATIONS)
    means = _unit_length(
        F.one_hot(clusters, number**2).to(pixels.dtype).T @ pixels)
    nearest = (means @ prototypes.T).topk(settings['neighbours']).indices
    votes = F.one_hot(
        tensors['prototype_labels'][nearest], CLASSES).sum(1)
    return {'labels': votes.argmax(1)[clusters].reshape(size, size)}
  return step


_TWINS = {'loss': _loss_twin, 'train_step': _train_twin,
          'inference': _inference_twin}
