"""PASCAL VOC 2012 and SBD, from their archives to masks and lists.

    DATAROOT/VOC2012/JPEGImages/ID.jpg        as unpacked, or a link to it
    DATAROOT/VOC2012/segcls/ID.png            written, class ids as grey levels
    DATAROOT/sbd/dataset/clsimg/ID.png        written, class ids as grey levels
    LIST_DIR/{train,val,trainval,train+,test}.txt

`train+` is VOC's train, then SBD's train and val without any image of VOC's
train and val. The lines of `test` have no mask: its annotation is not public.
"""

import dataclasses
import hashlib
import os

import numpy as np
import scipy.io

from segsort.data import class_masks
from segsort.data import dataset_info
from segsort.data.datasets import dataset_layout
from segsort.data.datasets import voc12_half
from segsort.data.datasets.dataset_layout import MaskJob
from segsort.errors import InputError
from segsort.runs import settings as settings_lib

GET_DATA = 'DATAROOT={} bash bashscripts/voc12/prepare_data.sh'

SPLIT_DIR = 'ImageSets/Segmentation'

# Images of each list, and SHA-256 of their sorted ids, one a line.
EXPECTED = {
    'train': (
        1464,
        'aa623bd2c8ce4443a8aaae51c524c0eb165e8e44caf6aa9e3ad33d7b75a3ef20'),
    'val': (
        1449,
        'cdc1326d12f69ce5153aa5da04a4d8783e146868d42d19f82f44e74b97ac907d'),
    'trainval': (
        2913,
        'f8dae64f9e08d8b06ef41286dcd4c516e7d98c8e6ec6d965bc6d29cb11a4de51'),
    'train+': (
        10582,
        'd1326bd532648d73bc4b1bd275434eba81930982dc7401a65a8cecb26c028e24'),
    'test': (
        1456,
        '5e8fe0c14b2e6633fb2e3a0f5db65fb6b8f5217b574478bb21127a48fd33010f'),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class VocConfig(settings_lib.Settings):
  """Where VOC 2012 and SBD are, and where masks and lists go."""

  data_dir: str = settings_lib.setting(
      text='DATAROOT: masks are written here, and list lines start from here')
  list_dir: str = settings_lib.setting('dataset/voc12', 'folder for the lists')
  voc_dir: str = settings_lib.setting(
      '', 'folder with JPEGImages/ and ImageSets/; if empty, VOC2012 '
      'or VOCdevkit/VOC2012 in --data_dir')
  sbd_dir: str = settings_lib.setting(
      '', 'folder with dataset/cls/; if empty, sbd or benchmark_RELEASE in '
      '--data_dir')
  half_dir: str = settings_lib.setting(
      '', 'writes nothing but a part of VOC 2012 at half size, into this '
      'folder: the ids half_train.txt and half_val.txt in --list_dir')


def prepare(config):
  """Writes the masks and the five lists of PASCAL VOC 2012 with SBD.

  With --half_dir, a part of VOC 2012 at half size instead.

  Args:
    config: a VocConfig.

  Raises:
    InputError: VOC 2012 is not there, or a file of it or of SBD is damaged.
  """
  voc_dir = _find(config, 'voc_dir', ('VOC2012', 'VOCdevkit/VOC2012'),
                  SPLIT_DIR)
  if not voc_dir:
    raise InputError(
        f'there is no VOC 2012 in {config.data_dir} (looked for VOC2012/ and '
        f'VOCdevkit/VOC2012/ with {SPLIT_DIR}/); `'
        f'{GET_DATA.format(config.data_dir)}` fetches it')
  if config.half_dir:
    voc12_half.prepare(config.half_dir, voc_dir, config.list_dir)
    return
  images = os.path.join(config.data_dir, 'VOC2012', 'JPEGImages')
  dataset_layout.link_folder(os.path.join(voc_dir, 'JPEGImages'), images)
  ids = {split: _read_split(voc_dir, split)
         for split in ('train', 'val', 'test')}
  if ids['train'] is None and ids['val'] is None:
    raise InputError(
        f'neither train.txt nor val.txt is in {voc_dir}/{SPLIT_DIR}; '
        f'`{GET_DATA.format(config.data_dir)}` fetches them')
  _convert_voc(config.data_dir, voc_dir, (ids['train'] or []) + (
      ids['val'] or []))
  _write_voc_lists(config, ids)
  _prepare_sbd(config, ids)


def _find(config, flag, names, content):
  """Returns the folder that holds `content`, or None.

  Args:
    config: a VocConfig.
    flag: the setting that names the folder.
    names: where to look in --data_dir if the setting is empty.
    content: a subfolder that tells the right folder.

  Raises:
    InputError: the folder was named, and does not hold it.
  """
  given = getattr(config, flag)
  for folder in [given] if given else [
      os.path.join(config.data_dir, name) for name in names]:
    if os.path.isdir(os.path.join(folder, content)):
      return folder
  if given:
    raise InputError(f'--{flag} {given} has no folder {content}/')
  return None


def _read_split(voc_dir, split):
  """Returns the ids of a split in file order, or None without its file."""
  path = os.path.join(voc_dir, SPLIT_DIR, f'{split}.txt')
  if not os.path.exists(path):
    print(f'no {path}: {split}.txt is not written')
    return None
  return _read_ids(path)


def _read_ids(path):
  return [line for _, line in dataset_layout.read_lines(path)]


def _job(data_dir, image_id, source, output):
  return MaskJob(
      source=source, output=os.path.join(data_dir, output),
      image=os.path.join(data_dir, 'VOC2012/JPEGImages', f'{image_id}.jpg'))


# Masks are grey, not palette, PNGs: what the 2019 release keeps in folders of
# these names, so that one DATAROOT serves both.


def _convert_voc(data_dir, voc_dir, image_ids):
  """Writes VOC2012/segcls/."""
  dataset_layout.convert_masks(
      [_job(data_dir, image_id,
            os.path.join(voc_dir, 'SegmentationClass', f'{image_id}.png'),
            f'VOC2012/segcls/{image_id}.png') for image_id in image_ids],
      _read_mask, desc='VOC masks',
      num_classes=dataset_info.get('voc12').num_classes)


def _read_mask(path):
  """Reads a mask of VOC's, i32[H, W]."""
  return class_masks.read(path, 'voc12', len(dataset_info.VOC12_CLASSES),
                          255).astype(np.int32)


def _voc_line(image_id):
  return (f'/VOC2012/JPEGImages/{image_id}.jpg '
          f'/VOC2012/segcls/{image_id}.png')


def _write_voc_lists(config, ids):
  """Writes the lists train, val, trainval and test as far as VOC has them."""
  for split in ('train', 'val'):
    if ids[split] is not None:
      _write_list(config, split, ids[split], map(_voc_line, ids[split]))
  if None not in (ids['train'], ids['val']):
    both = ids['train'] + ids['val']
    _write_list(config, 'trainval', both, map(_voc_line, both))
  if ids['test'] is not None:
    _write_list(config, 'test', ids['test'], (
        f'/VOC2012/JPEGImages/{image_id}.jpg' for image_id in ids['test']))


def _write_list(config, split, image_ids, lines):
  """Writes one list, and says where it is not that of VOC 2012."""
  dataset_layout.write_list(config.list_dir, split, list(lines))
  count, digest = EXPECTED[split]
  text = '\n'.join(sorted(image_ids)) + '\n'
  if hashlib.sha256(text.encode()).hexdigest() != digest:
    print(f'note: {split}.txt is not the published list of {count} images: '
          'a sample, or damaged?')


def _prepare_sbd(config, ids):
  """Writes sbd/dataset/clsimg/ and train+.txt, or says what is missing."""
  sbd_dir = _find(config, 'sbd_dir', ('sbd', 'benchmark_RELEASE'),
                  'dataset/cls')
  if not sbd_dir or ids['train'] is None or ids['val'] is None:
    missing = ('VOC train.txt or val.txt' if sbd_dir else
               'SBD (sbd/ or benchmark_RELEASE/ with dataset/cls/)')
    print(f'no {missing} in {config.data_dir}: train+.txt is not written; '
          f'`{GET_DATA.format(config.data_dir)}` fetches it')
    return
  voc_ids = {*ids['train'], *ids['val']}
  sbd_ids = [
      image_id for split in ('train', 'val')
      for image_id in _read_ids(
          os.path.join(sbd_dir, 'dataset', f'{split}.txt'))
      if image_id not in voc_ids]
  dataset_layout.convert_masks(
      [_job(config.data_dir, image_id,
            os.path.join(sbd_dir, 'dataset/cls', f'{image_id}.mat'),
            f'sbd/dataset/clsimg/{image_id}.png') for image_id in sbd_ids],
      read_sbd_mask, desc='SBD masks',
      num_classes=dataset_info.get('voc12').num_classes)
  _write_list(config, 'train+', ids['train'] + sbd_ids, [
      *map(_voc_line, ids['train']),
      *(f'/VOC2012/JPEGImages/{image_id}.jpg /sbd/dataset/clsimg/'
        f'{image_id}.png' for image_id in sbd_ids)])


def read_sbd_mask(path):
  """Reads `GTcls.Segmentation` of one of SBD's class files.

  Args:
    path: dataset/cls/ID.mat.

  Returns:
    i32[H, W].

  Raises:
    InputError: missing, corrupt, or another kind of file.
  """
  try:
    mask = scipy.io.loadmat(path)['GTcls'][0, 0]['Segmentation']
    mask = np.asarray(mask, np.int32)
  except FileNotFoundError as error:
    raise InputError(
        f'cannot read the mask {path}: no such file; unpack SBD '
        'again') from error
  except Exception as error:  # scipy raises nearly anything on damaged files
    raise InputError(
        f'cannot read the mask {path}: it is corrupt or holds no '
        f'GTcls.Segmentation ({type(error).__name__}); unpack SBD '
        'again') from error
  if mask.ndim != 2:
    raise InputError(f'the mask {path} is not a picture: {mask.shape}')
  return mask
