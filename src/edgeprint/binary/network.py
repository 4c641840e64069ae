"""The network of the binary method (papers/binary-edge 3.2): convolutions, a dense layer, one sigmoid.

    model = Model("camera-a", build(75, 60, seed=7).get_weights(), 60, "max", schema)
    predict(model, samples)      # confidence [n] that samples [n, h, w] are camera-a's

At 75×60 a sample costs 587,888 multiply-accumulates; 21,737 parameters are 86,948 bytes of float32. On the
simulated home's first training rows, split by time (320 samples, 10 epochs, one seed), macro F1 was .42
without batch norm and pooling over time, .73 with the norm alone, .86 with both.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops
from numpy.typing import NDArray

from edgeprint.binary.features import normalise
from edgeprint.schema import FeatureSchema

CONVOLUTIONS = ((8, 5, (4, 2)), (16, 3, 2), (32, 3, 2), (32, 3, 2))  # filters, kernel, stride
MOMENTUM = 0.9  # of the batch norm: a training is a few hundred steps
DENSE = 32
CHUNK = 256  # samples of one forward pass


def build(height: int, width: int, *, seed: int, batch_size: int | None = None) -> keras.Model:
    """Spectrograms [n, h, w, 1], normalised, to confidences [n, 1]; weights drawn by the seed."""
    seeds = np.random.SeedSequence(seed).generate_state(len(CONVOLUTIONS) + 2).tolist()
    draws = iter([keras.initializers.GlorotUniform(state) for state in seeds])
    spectrogram = keras.Input((height, width, 1), batch_size=batch_size, name="spectrogram")
    x = spectrogram
    for filters, kernel, stride in CONVOLUTIONS:
        x = layers.Conv2D(filters, kernel, stride, "same", use_bias=False, kernel_initializer=next(draws))(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=MOMENTUM)(x))
    # [n, 3, 4, 32] at 75×60. What a device does at a frequency matters, not when: mean and peak over time.
    x = layers.Concatenate()([ops.mean(x, axis=2), ops.max(x, axis=2)])
    x = layers.Flatten()(x)
    x = layers.Dense(DENSE, activation="relu", kernel_initializer=next(draws))(x)
    confidence = layers.Dense(1, activation="sigmoid", kernel_initializer=next(draws))(x)
    return keras.Model(spectrogram, confidence, name="binary")


@cache
def weight_shapes(height: int, width: int) -> list[tuple[int, ...]]:
    """What `Model.weights` must be shaped like."""
    return [array.shape for array in build(height, width, seed=0).get_weights()]


def macs(network: keras.Model) -> int:
    """Multiply-accumulates of one sample: each kernel once for every place of its output."""
    total = 0
    for layer in network.layers:
        if hasattr(layer, "kernel"):
            places = layer.output.shape[1:-1]  # a dense layer has one
            total += math.prod(places) * math.prod(layer.kernel.shape)
    return total


@dataclass(frozen=True)
class Model:
    """One device's weights, in the order of `build(...).get_weights()`, and what its inputs are."""

    device: str
    weights: list[NDArray[np.float32]]
    width: int
    normalisation: str
    schema: FeatureSchema
    threshold: float = 0.5  # confident enough, section 4.3

    @property
    def height(self) -> int:
        return len(self.schema.columns)

    @property
    def inputs(self) -> tuple[FeatureSchema, int, str]:
        """What samples it takes: models that agree in this can be compared and continued."""
        return self.schema, self.width, self.normalisation


def predict(model: Model, samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Confidence [n] that samples [n, h, w], not yet normalised, come from the model's device."""
    run = _forward(model.height, model.width)
    parts = [np.zeros((0, 1), "f4")]
    for begin in range(0, len(samples), CHUNK):
        inputs = normalise(samples[begin : begin + CHUNK], model.normalisation)
        parts.append(run(model.weights, inputs[..., None]).numpy())
    return np.concatenate(parts)[:, 0]


@cache
def _forward(height: int, width: int) -> Callable[..., tf.Tensor]:
    """One traced function for all models of a shape: the weights are an argument, so nothing is shared."""
    network = build(height, width, seed=0)
    weights = [tf.TensorSpec(v.shape) for v in network.weights]
    place = {id(variable): i for i, variable in enumerate(network.weights)}
    learned = [place[id(variable)] for variable in network.trainable_variables]
    counted = [place[id(variable)] for variable in network.non_trainable_variables]

    @tf.function(input_signature=(weights, tf.TensorSpec((None, height, width, 1))))
    def forward(weights: list[tf.Tensor], inputs: tf.Tensor) -> tf.Tensor:
        own, moments = [weights[i] for i in learned], [weights[i] for i in counted]
        return network.stateless_call(own, moments, inputs, training=False)[0]

    return forward
