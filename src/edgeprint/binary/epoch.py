"""One epoch of one device's network as one call of TensorFlow (papers/binary-edge 3.1.3, 3.2).

    state = State.begin(model.weights)
    state, loss = epoch(75, 60, centred=False)(state, columns, rows, label, numbers...)
    model.weights = state.weights(75, 60)

Windows are cut from the columns and normalised inside the call: no sample goes through Python, and a GPU
keeps the columns and gets an epoch at a time. All that training changes is an argument and comes back, so one
traced function serves all devices, side by side, without a lock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edgeprint.binary.network import A_CONVOLUTION, CONVOLUTIONS, forward, weight_shapes

RATES = 0.9, 0.999  # of Adam's two means
SMALLEST = 1e-7  # of Adam's denominator
NORMED = A_CONVOLUTION * len(CONVOLUTIONS)


def _is_learned(place: int) -> bool:
    """Whether Adam changes the weight at this place; the batch norms' moments are counted instead."""
    return place >= NORMED or place % A_CONVOLUTION < 3


class State(NamedTuple):
    """What a step changes: learned weights [p], Adam's two means [p], the norms' moments [q], steps taken.

    Weights are laid end to end: Adam is then a handful of operations, not a handful for each of them.
    """

    learned: tf.Tensor
    mean: tf.Tensor
    square: tf.Tensor
    moments: tf.Tensor
    steps: tf.Tensor

    @classmethod
    def begin(cls, weights: Sequence[NDArray[np.float32]]) -> State:
        """A fresh optimiser on weights in the order of `build`."""
        learned, moments = (
            np.concatenate([w.ravel() for i, w in enumerate(weights) if _is_learned(i) == wanted])
            for wanted in (True, False)
        )
        zeros = np.zeros_like(learned)
        return cls.of([learned, zeros, zeros, moments, np.float32(0)])

    @classmethod
    def of(cls, arrays: Sequence[NDArray[np.float32] | np.float32]) -> State:
        return cls(*(tf.constant(array, tf.float32) for array in arrays))

    def weights(self, height: int, width: int) -> list[NDArray[np.float32]]:
        """In the order and shapes of `build`."""
        return [w.numpy() for w in _woven(self.learned, self.moments, height, width)]


def _woven(learned: tf.Tensor, moments: tf.Tensor, height: int, width: int) -> list[tf.Tensor]:
    shapes = weight_shapes(height, width)
    pieces = {}
    for flat, wanted in ((learned, True), (moments, False)):
        places = [i for i in range(len(shapes)) if _is_learned(i) == wanted]
        for i, piece in zip(places, tf.split(flat, [int(np.prod(shapes[i])) for i in places]), strict=True):
            pieces[i] = tf.reshape(piece, shapes[i])
    return [pieces[i] for i in range(len(shapes))]


def adam(state: State, gradient: tf.Tensor, moments: tf.Tensor, learning_rate: tf.Tensor) -> State:
    """A step of Adam as Keras takes it."""
    steps = state.steps + 1
    first, second = RATES
    mean = state.mean + (gradient - state.mean) * (1 - first)
    square = state.square + (tf.square(gradient) - state.square) * (1 - second)
    rate = learning_rate * tf.sqrt(1 - second**steps) / (1 - first**steps)
    return State(state.learned - rate * mean / (tf.sqrt(square) + SMALLEST), mean, square, moments, steps)


def windows(columns: tf.Tensor, rows: tf.Tensor, *, centred: bool) -> tf.Tensor:
    """`features.normalise(features.samples(...))` [b, h, w] by the rows [b, w] of columns [k, h] past their
    logarithm.
    """
    x = tf.transpose(tf.gather(columns, rows), (0, 2, 1))
    highest = tf.reduce_max(x, (1, 2), keepdims=True)
    x = x / tf.where(highest > 0, highest, 1.0)
    return 2 * x - 1 if centred else x


Epoch = Callable[..., tuple[State, tf.Tensor]]


@cache
def epoch(height: int, width: int, *, centred: bool) -> Epoch:
    """A traced function of state, columns [k, h], each window's rows in them [n, w] and labels [n] in the
    order of the epoch, batch size, the weight of the device's own samples and the learning rate; returns the
    state and the mean loss.

    The last batch may be smaller. Tracing takes about a second, once a shape.
    """
    learned, moments = _counts(height, width)
    flat, scalar = tf.TensorSpec((learned,)), tf.TensorSpec(())
    signature = (
        State(flat, flat, flat, tf.TensorSpec((moments,)), scalar),
        tf.TensorSpec((None, height)),
        tf.TensorSpec((None, width), tf.int32),
        tf.TensorSpec((None,)),
        tf.TensorSpec((), tf.int32),
        scalar,
        scalar,
    )

    def step(
        state: State, inputs: tf.Tensor, label: tf.Tensor, weight: tf.Tensor, learning_rate: tf.Tensor
    ) -> tuple[State, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(state.learned)
            weights = _woven(state.learned, state.moments, height, width)
            logit, moved = forward(weights, inputs[..., None], training=True)
            surprise = tf.nn.sigmoid_cross_entropy_with_logits(label, logit[:, 0])
            loss = tf.reduce_mean(surprise * (1 + (weight - 1) * label))
        gradient = tape.gradient(loss, state.learned)
        return adam(state, gradient, tf.concat(moved, 0), learning_rate), loss

    @tf.function(input_signature=signature)
    def run(
        state: State,
        columns: tf.Tensor,
        rows: tf.Tensor,
        label: tf.Tensor,
        batch: tf.Tensor,
        weight: tf.Tensor,
        learning_rate: tf.Tensor,
    ) -> tuple[State, tf.Tensor]:
        begin, batches, total = 0, 0.0, 0.0
        while begin < tf.size(label):
            chosen = slice(begin, begin + batch)
            inputs = windows(columns, rows[chosen], centred=centred)
            state, loss = step(state, inputs, label[chosen], weight, learning_rate)
            begin, batches, total = begin + batch, batches + 1.0, total + loss
        return state, total / batches

    return run


def _counts(height: int, width: int) -> tuple[int, int]:
    """How many numbers are learned, and how many are moments."""
    sizes = np.array([np.prod(shape) for shape in weight_shapes(height, width)], int)
    learned = np.array([_is_learned(i) for i in range(len(sizes))])
    return int(sizes[learned].sum()), int(sizes[~learned].sum())
