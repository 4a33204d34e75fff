"""Pictures decoded inside of a graph, against Pillow."""

import numpy as np
import PIL.Image
import pytest

from segsort.inference import encoded_pictures

COLORS = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)


@pytest.mark.parametrize('picture', (
    PIL.Image.fromarray(COLORS), PIL.Image.fromarray(COLORS[..., 0]),
    PIL.Image.fromarray(COLORS).quantize(4),
    PIL.Image.fromarray(COLORS).quantize(200)), ids=range(4))
@pytest.mark.parametrize('ending', ('bmp', 'png', 'gif'))
def test_pictures_have_the_colours_of_their_palette(tmp_path, picture, ending):
  path = tmp_path / f'a.{ending}'
  picture.save(path)
  with PIL.Image.open(path) as saved:
    expected = np.array(saved.convert('RGB'))
  found = encoded_pictures.decode(path.read_bytes())
  np.testing.assert_array_equal(found, expected)
