"""SegSort's runtime: data, devices, time and files around `network/`."""

import os

# Keras reads it when it is first imported; ~/.keras/keras.json and the
# environment may name a backend for other projects.
os.environ['KERAS_BACKEND'] = 'tensorflow'
