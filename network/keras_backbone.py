"""Networks of keras.applications, and other Keras models, as backbones.

Their input becomes this project's, mean-subtracted RGB, their stride 8 where
there are rules for it; layers keep Keras' names below the network's own:
`MobileNetV2.block_1_expand`.
"""

import dataclasses

import keras

from network import dilation
from network import keras_graph
from network import untouched

# What networks of keras.applications want of RGB of 0 to 255:
# (value - mean) / scale, and whether blue comes first.
_IMAGENET_MEAN = (123.675, 116.28, 103.53)
_IMAGENET_SCALE = (58.395, 57.12, 57.375)
INPUTS = {
    'tf': ((127.5,) * 3, (127.5,) * 3, False),
    'torch': (_IMAGENET_MEAN, _IMAGENET_SCALE, False),
    'caffe': ((123.68, 116.779, 103.939), (1.,) * 3, True),
}
# By name in keras.applications: the features, the last ones before channels are
# multiplied for the classifier, and the input.
APPLICATIONS = {
    'MobileNetV2': ('block_16_project_BN', 'tf'),
    'EfficientNetB0': ('block7a_project_bn', 'torch'),
    'EfficientNetV2B0': ('block6h_add', 'torch'),
    'EfficientNetV2B1': ('block6i_add', 'torch'),
    'EfficientNetV2B2': ('block6j_add', 'torch'),
    'EfficientNetV2B3': ('block6l_add', 'torch'),
    'ResNet50': ('conv5_block3_out', 'caffe'),
    'ResNet101': ('conv5_block3_out', 'caffe'),
    'ResNet50V2': ('post_relu', 'tf'),
    'VGG16': ('block5_conv3', 'caffe'),
    'MobileNet': ('conv_pw_13_relu', 'tf'),
    'MobileNetV3Large': ('expanded_conv_14_add', 'tf'),
    'MobileNetV3Small': ('expanded_conv_10_add', 'tf'),
    'DenseNet121': ('relu', 'torch'),
    'ConvNeXtTiny': ('layer_normalization', 'torch'),
}
# The last features of those before the stride of 32.
STRIDE_16 = {
    'MobileNetV2': 'block_12_add',
    'EfficientNetB0': 'block5c_add',
    'EfficientNetV2B0': 'block5e_add',
    'EfficientNetV2B1': 'block5f_add',
    'EfficientNetV2B2': 'block5f_add',
    'EfficientNetV2B3': 'block5g_add',
    'ResNet50': 'conv4_block6_out',
    'ResNet101': 'conv4_block23_out',
    'ResNet50V2': 'conv4_block6_preact_relu',
    'VGG16': 'block5_conv3',
    'MobileNet': 'conv_pw_11_relu',
    'MobileNetV3Large': 'expanded_conv_11_add',
    'MobileNetV3Small': 'expanded_conv_7_add',
    'DenseNet121': 'pool4_relu',
    'ConvNeXtTiny': 'convnext_tiny_downsampling_layernorm_2',
}
_TF1_NAMES = {'kernel': 'weights', 'bias': 'biases'}


@dataclasses.dataclass(frozen=True)
class KerasBackbone:
  """A Keras network from which features are taken.

  Attributes:
    name: scope of its layers' names.
    source: functional or sequential keras.Model of images, of any weights.
    features: the layer, by its name among `keras_graph.names_of(source)`.
    input: (mean, scale, whether blue comes first), the former two by channel,
      of what the network wants of mean-subtracted RGB.
    has_preprocessing: whether its own layers that scale images are left out.
  """
  name: str
  source: keras.Model
  features: str
  input: tuple
  has_preprocessing: bool = False

  def build(self, images, normalise):
    """Extracts features.

    Args:
      images: [B, H, W, 3], mean-subtracted RGB.
      normalise: a function from `layers.batch_norm`.

    Returns:
      [B, ceil(H / 8), ceil(W / 8), C].

    Raises:
      NoRuleError: a layer that cannot be rebuilt at stride 8.
      ValueError: features of a smaller stride.
    """
    return dilation.rebuild(
        self.source, self.features, self.name, self._rescale(images), normalise,
        self.has_preprocessing)

  def stages(self, images, normalise):
    """Extracts what the network has at each stride, for networks with rules.

    Args:
      images: [B, H, W, 3], mean-subtracted RGB.
      normalise: a function from `layers.batch_norm`.

    Returns:
      A list of ([B, h, w, C], its `sliding.Place`), from stride 1 to that of
      the features; those beyond 8 are dilated.

    Raises:
      NoRuleError: a layer that cannot be rebuilt at stride 8.
    """
    return dilation.rebuild_stages(
        self.source, self.features, self.name, self._rescale(images), normalise,
        self.has_preprocessing)

  def _rescale(self, images):
    """Returns [B, H, W, 3], mean-subtracted RGB as the network wants it."""
    mean, scale, blue_first = self.input
    # Half precision would not hold the levels of a picture.
    images = keras.layers.Rescaling(
        [1 / value for value in scale],
        [-shift / value for shift, value in zip(mean, scale)],
        dtype='float32', name=f'{self.name}.input')(images)
    return images[..., ::-1] if blue_first else images

  def weights(self):
    """Returns {name in a checkpoint: variable} of the source's own weights."""
    return {
        name: value for layer_name, layer in
        keras_graph.names_of(self.source).items()
        for name, value in named(
            f'{self.name}.{layer_name}', layer.weights).items()}


@dataclasses.dataclass(frozen=True)
class UntouchedBackbone(KerasBackbone):
  """A Keras network that is taken as it is.

  Attributes:
    view: `untouched.View` of it.
  """
  view: untouched.View = None

  @classmethod
  def of(cls, backbone):
    """Takes a `KerasBackbone` as it is.

    Raises:
      ValueError: features that are no map, or of no stride that can be read.
    """
    return cls(**vars(backbone), view=untouched.look(
        backbone.source, backbone.features))

  def build(self, images, normalise):
    """As `KerasBackbone.build`, [B, ceil(H / stride), ceil(W / stride), C]."""
    return untouched.take(
        self.source, self.features, self.name, self._rescale(images), normalise,
        self.has_preprocessing, self.view)


def named(name, variables):
  """Names the variables of a layer as checkpoints do.

  Args:
    name: of the layer.
    variables: of the layer or of its like, or anything with their names.

  Returns:
    {name in a checkpoint: variable}.
  """
  scope, named_ones, counts = name.replace('.', '/'), {}, {}
  for index, variable in enumerate(variables):
    last = _TF1_NAMES.get(variable.name, variable.name)
    if last.startswith('variable'):  # Keras numbers those without a name
      last = f'variable_{index}'
    # Layers inside of a layer have several of one name.
    number = counts.get(last, 0)
    counts[last] = number + 1
    again = f'{number}/' if number else ''
    named_ones[f'{scope}/{again}{last}'] = variable
  return named_ones


def make_application(name, mean, weights=None):
  """Builds one of keras.applications, without classifier.

  Args:
    name: one of APPLICATIONS.
    mean: (red, green, blue) that was subtracted from images.
    weights: None for random ones, 'imagenet' for those that Keras downloads.

  Returns:
    A `KerasBackbone`.
  """
  features, kind = APPLICATIONS[name]
  side = 224 if weights else None  # else Keras warns that weights are of 224
  source = getattr(keras.applications, name)(
      include_top=False, weights=weights, input_shape=(side, side, 3))
  return KerasBackbone(
      name, source, features, after_mean(INPUTS[kind], mean), True)


def after_mean(wanted, mean):
  """Returns a `KerasBackbone.input` for images less their mean.

  Args:
    wanted: the same, for images of 0 to 255.
    mean: (red, green, blue) that was subtracted.
  """
  center, scale, blue_first = wanted
  return (tuple(one - other for one, other in zip(center, mean)), scale,
          blue_first)
