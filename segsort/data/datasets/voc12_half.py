"""A part of PASCAL VOC 2012 at half size, for machines without a GPU.

    LIST_DIR/half_{train,val}.txt      the ids: 663 of VOC's train, the 321 of
                                       its val that begin with 2007
    HALF/VOC2012/JPEGImages/ID.jpg     written, by area interpolation
    HALF/VOC2012/segcls/ID.png         written, every second pixel, ids
    HALF/{train,val}.txt               lists of both

A score on these images is none on VOC's val.
"""

import io
import os

import cv2
import PIL.Image

from segsort.data import class_masks
from segsort.data import dataset_info
from segsort.data import reading
from segsort.data.datasets import dataset_layout
from segsort.errors import InputError
from segsort.runs import files
from segsort.runs import progress

NUM_IMAGES = {'train': 663, 'val': 321}
JPEG_QUALITY = 95


def prepare(half_dir, voc_dir, list_dir):
  """Writes the images, masks and lists of both splits.

  Images and masks that are there are left as they are.

  Args:
    half_dir: HALF.
    voc_dir: folder with JPEGImages/ and SegmentationClass/.
    list_dir: folder with the ids.

  Raises:
    InputError: ids, or files of VOC 2012, are missing or damaged.
  """
  for split, num_images in NUM_IMAGES.items():
    path = os.path.join(list_dir, f'half_{split}.txt')
    if not os.path.exists(path):
      raise InputError(
          f'there is no {path}, the ids of the part; it comes with the '
          'project: give its dataset/voc12 as --list_dir')
    ids = [line for _, line in dataset_layout.read_lines(path)]
    for image_id in progress.track(ids, desc=split, unit='image'):
      _write_pair(half_dir, voc_dir, image_id)
    dataset_layout.write_list(half_dir, split, [
        f'/VOC2012/JPEGImages/{image_id}.jpg /VOC2012/segcls/{image_id}.png'
        for image_id in ids])
    dataset_layout.note_size(split, len(ids), num_images)


def _write_pair(half_dir, voc_dir, image_id):
  """Writes an image and, last, its mask, which says that both are there."""
  output = os.path.join(half_dir, 'VOC2012/segcls', f'{image_id}.png')
  if files.is_whole_png(output):
    return
  image = reading.read_image(
      os.path.join(voc_dir, 'JPEGImages', f'{image_id}.jpg'))
  mask = class_masks.read(
      os.path.join(voc_dir, 'SegmentationClass', f'{image_id}.png'), 'voc12',
      len(dataset_info.VOC12_CLASSES), 255)
  if mask.shape != image.shape[:2]:
    raise InputError(
        f'image and mask of {image_id} in {voc_dir} differ in size, '
        f'{image.shape[:2]} and {mask.shape}; unpack VOC 2012 again')
  mask = mask[::2, ::2]
  image = cv2.resize(image, mask.shape[::-1], interpolation=cv2.INTER_AREA)
  data = io.BytesIO()
  PIL.Image.fromarray(image).save(
      data, 'JPEG', quality=JPEG_QUALITY, subsampling=0)
  files.write_bytes(os.path.join(
      half_dir, 'VOC2012/JPEGImages', f'{image_id}.jpg'), data.getvalue())
  files.write_png(output, mask, dataset_info.voc_palette())
