"""The embedding networks: images in, one vector per output pixel out.

Layers carry the names of the TF1 release's scopes, with dots for slashes, so
that its checkpoints load by name and any activation can be had by name:

    keras.Model(model.input, model.get_layer('resnet_v1_101.pool1').output)

Importing this package switches TensorFloat-32 off, see `allow_tensor_float_32`.
"""

import keras
import tensorflow as tf

from network import (
    components, deeplab, folding, keras_backbone, keras_graph, layers, pspnet,
    resnet, sliding, untouched)

# By name: functions of images, name and normalisation to features at stride 8.
_BUILD_BACKBONE = {
    **dict.fromkeys(resnet.ARCHITECTURES, resnet.build_resnet),
}
BACKBONES = tuple(_BUILD_BACKBONE)
_BUILD_HEAD = {
    'pspnet': pspnet.build_pspnet,
    'deeplab': deeplab.build_deeplab,
    'components': components.build_components,
}
HEADS = tuple(_BUILD_HEAD)

if keras.backend.backend() != 'tensorflow':
  raise ImportError(
      f'Keras runs on {keras.backend.backend()}, SegSort on TensorFlow: set '
      'KERAS_BACKEND=tensorflow before Keras is imported')
# ~/.keras/keras.json may name others, for other projects.
keras.config.set_image_data_format('channels_last')
keras.config.set_floatx('float32')


def allow_tensor_float_32(allowed):
  """Whether GPUs from Ampere on may multiply float32 in TensorFloat-32.

  Its 10 bits of mantissa move 2.4 % of the k-means labels. TensorFlow has one
  switch for the process, not one for convolutions alone, and has it on; an
  exported model is run by its own process, with the switch that has.

  Args:
    allowed: bool.
  """
  tf.config.experimental.enable_tensor_float_32_execution(allowed)


allow_tensor_float_32(False)


def build_embedding_model(
    backbone, head, embedding_dim, *, batch_norm_decay=0.9997,
    head_batch_norm_decay=0.99, synchronized=False):
  """Builds a network for images of any size.

  Args:
    backbone: one of BACKBONES, or a `keras_backbone.KerasBackbone`.
    head: one of HEADS.
    embedding_dim: D, channels of the embeddings.
    batch_norm_decay: of the backbone's moving statistics.
    head_batch_norm_decay: of the head's.
    synchronized: whether replicas share their batch statistics.

  Returns:
    A keras.Model: f32[B, H, W, 3], mean-subtracted RGB ->
    f32[B, ceil(H / 8), ceil(W / 8), D], raw: not yet of unit length. Float32
    under a mixed precision policy as well. Not 8 but its own stride with an
    `UntouchedBackbone`.

  Raises:
    NoRuleError: a layer of the backbone that cannot be rebuilt.
    ValueError: unknown backbone or head, features of another stride, or
      embedding_dim below 1.
  """
  if isinstance(backbone, str):
    _check('backbone', backbone, BACKBONES)
  _check('head', head, HEADS)
  if embedding_dim < 1:
    raise ValueError(f'embedding_dim is {embedding_dim}; it must be 1 or more')
  images = keras.Input((None, None, 3), name='images')
  normalise = layers.batch_norm(batch_norm_decay, synchronized)
  if isinstance(backbone, str):
    name = backbone
    features = _BUILD_BACKBONE[name](images, name, normalise)
  else:
    name, features = backbone.name, backbone.build(images, normalise)
  outputs = _BUILD_HEAD[head](
      features, embedding_dim, name,
      layers.batch_norm(head_batch_norm_decay, synchronized))
  embeddings = keras.layers.Activation(
      'linear', dtype='float32', name='embeddings')(outputs)
  model = keras.Model(images, embeddings, name=f'{name}_{head}')
  model.backbone_features = features  # where `split` cuts
  return model


def split(model):
  """Cuts a network between backbone and head, which keep its variables.

  Args:
    model: a model of `build_embedding_model`.

  Returns:
    Two keras.Models: images to features f32[B, h, w, C], and these to
    embeddings.
  """
  features = model.backbone_features
  return (keras.Model(model.input, features),
          keras.Model(features, model.output))


def take_channels(model, first, last):
  """Returns a model of `build_embedding_model` with some outputs alone.

  Args:
    model: the model.
    first: of the channels, and
    last: what comes after them.
  """
  part = keras.Model(model.input, model.output[..., first:last])
  part.backbone_features = model.backbone_features
  return part


def freeze_backbone(model):
  """Makes the layers below the head learn nothing, statistics included."""
  for layer in model.layers:
    if not any(map(is_head, keras_backbone.named(layer.name, layer.variables))):
      layer.trainable = False


def freeze_batch_norm(model, with_head=True):
  """Makes batch normalisation use its moving statistics, and learn nothing.

  Args:
    model: a model of `build_embedding_model`.
    with_head: the head's as well.
  """
  for layer in keras_graph.parts_of(model):
    if isinstance(layer, keras.layers.BatchNormalization) and (
        with_head or not any(
            map(is_head, keras_backbone.named(layer.name, layer.variables)))):
      layer.trainable = False


def view_of(model):
  """Returns the `untouched.View` of a model: its stride, the size it takes."""
  for layer in model.layers:
    if isinstance(layer, untouched.HalfCellShift):
      return untouched.View(layer.stride, layer.multiple, layer.size)
  return untouched.View(*[sliding.OUTPUT_STRIDE] * 2, is_untouched=False)


def fold_batch_norm(model):
  """Returns a network for inference alone, whose convolutions normalise.

  Args:
    model: a model of `build_embedding_model`; it stays as it is.

  Returns:
    A keras.Model with the outputs of `model` in evaluation mode, to rounding.
  """
  return folding.fold(model)


def named_variables(model):
  """Lists the variables of a model under their TF1 names.

  Args:
    model: a model of `build_embedding_model`.

  Returns:
    {'resnet_v1_101/conv1/weights': keras variable, ...}: weights and biases of
    convolutions; gamma, beta, moving_mean and moving_variance of BatchNorm;
    what other layers have by Keras' names; in the order of `model.layers`.
  """
  variables = {}
  for layer in model.layers:
    # Not `variables`, of which some are the state of random numbers.
    variables |= keras_backbone.named(layer.name, layer.weights)
  return variables


def is_head(name):
  """Tells whether a TF1 variable name belongs to either head."""
  return '/block5/' in name or '/fc1_c' in name


def is_weight(name):
  """Tells whether a TF1 variable name is a kernel, which L2 applies to."""
  return name.endswith('/weights')


def _check(what, value, known):
  if value not in known:
    raise ValueError(
        f'unknown {what} {value!r}; known: {", ".join(known)}')
