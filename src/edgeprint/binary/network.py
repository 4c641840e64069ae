"""The network of the binary method (papers/binary-edge 3.2): convolutions, a dense layer, one sigmoid.

    model = Model("camera-a", build(75, 60, seed=7).get_weights(), 60, "max", schema)
    predict(model, samples)      # confidence [n] that samples [n, h, w] are camera-a's
    predict_all(models, samples) # of every model in every sample [n, k]

At 75×60 a sample costs 587,888 multiply-accumulates; 21,737 parameters are 86,948 bytes of float32. On the
simulated home's first training rows, split by time (320 samples, 10 epochs, one seed), macro F1 was .42
without batch norm and pooling over time, .73 with the norm alone, .86 with both.

Keras defines the network and its TFLite; training and predicting run `forward`, the same network on weights
that are arguments: one traced function serves all models of a shape, side by side.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops
from numpy.typing import NDArray

from edgeprint.binary.features import normalise
from edgeprint.cores import each, one_thread_an_operation
from edgeprint.schema import FeatureSchema

one_thread_an_operation()

CONVOLUTIONS = ((8, 5, (4, 2)), (16, 3, 2), (32, 3, 2), (32, 3, 2))  # filters, kernel, stride
MOMENTUM = 0.9  # of the batch norm: a training is a few hundred steps
EPSILON = 1e-3  # of the batch norm
A_CONVOLUTION = 5  # weights: kernel, scale, offset, moving mean and variance
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
        x = layers.ReLU()(layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON)(x))
    # [n, 3, 4, 32] at 75×60. What a device does at a frequency matters, not when: mean and peak over time.
    x = layers.Concatenate()([ops.mean(x, axis=2), ops.max(x, axis=2)])
    x = layers.Flatten()(x)
    x = layers.Dense(DENSE, activation="relu", kernel_initializer=next(draws))(x)
    confidence = layers.Dense(1, activation="sigmoid", kernel_initializer=next(draws))(x)
    return keras.Model(spectrogram, confidence, name="binary")


def forward(
    weights: Sequence[tf.Tensor], inputs: tf.Tensor, *, training: bool
) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """`build`'s network with its weights, in its order, on inputs [n, h, w, 1].

    Returns logits [n, 1] and each convolution's moving mean and variance, moved where `training`. Keras takes
    the batch norm as ten operations, this as one; the variance that is moved is the unbiased one.
    """
    x, moments = inputs, []
    for i, (_, _, stride) in enumerate(CONVOLUTIONS):
        kernel, scale, offset, mean, variance = weights[A_CONVOLUTION * i : A_CONVOLUTION * (i + 1)]
        x = tf.nn.conv2d(x, kernel, stride, "SAME")
        x, *moved = tf.compat.v1.nn.fused_batch_norm(
            x,
            scale,
            offset,
            mean,
            variance,
            EPSILON,
            is_training=training,
            exponential_avg_factor=1 - MOMENTUM if training else 1.0,
        )
        x = tf.nn.relu(x)
        moments += moved
    x = tf.concat([tf.reduce_mean(x, 2), tf.reduce_max(x, 2)], -1)
    hidden, hidden_bias, output, output_bias = weights[A_CONVOLUTION * len(CONVOLUTIONS) :]
    x = tf.reshape(x, (-1, hidden.shape[0]))
    return tf.nn.relu(x @ hidden + hidden_bias) @ output + output_bias, moments


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
    return predict_all([model], samples)[:, 0]


def predict_all(models: Sequence[Model], samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each model's confidence [n, k] in samples [n, h, w], not yet normalised; all models of one shape."""
    parts = [np.zeros((0, len(models)), "f4")] if models else [np.zeros((len(samples), 0), "f4")]
    weights = [[tf.constant(array) for array in model.weights] for model in models]
    for begin in range(0, len(samples) if models else 0, CHUNK):
        chunk = samples[begin : begin + CHUNK]
        inputs = {how: tf.constant(normalise(chunk, how)) for how in {m.normalisation for m in models}}
        run = _confidence(models[0].height, models[0].width)

        def confidence(k: int, run: Run = run, inputs: dict = inputs) -> NDArray[np.float32]:
            return run(weights[k], inputs[models[k].normalisation]).numpy()

        parts.append(np.stack(each(confidence, range(len(models))), axis=1))
    return np.concatenate(parts)


Run = Callable[[list[tf.Tensor], tf.Tensor], tf.Tensor]


@cache
def _confidence(height: int, width: int) -> Run:
    """One traced function for all models of a shape: weights and inputs [n, h, w] to confidences [n]."""
    weights = [tf.TensorSpec(shape) for shape in weight_shapes(height, width)]

    @tf.function(input_signature=(weights, tf.TensorSpec((None, height, width))))
    def confidence(weights: list[tf.Tensor], inputs: tf.Tensor) -> tf.Tensor:
        return tf.sigmoid(forward(weights, inputs[..., None], training=False)[0])[:, 0]

    return confidence
