"""From a Keras model to the bytes that a Pi runs, and the proof that both give the same numbers.

exports = convert_all(keras_model, representative)       # {"float32": ..., "dynamic-range": ..., "int8": ...}
runner = Runner(exports["int8"])
parity(answers(keras_model, inputs), runner, inputs), latency_ms(runner, inputs), len(exports["int8"])

All three take and give float32. dynamic-range keeps weights in 8 bits and finds the ranges of activations as
it runs; int8 computes in 8 bits throughout, with the ranges that `representative` inputs gave. An operation
without an 8-bit form, as the sign of raw features, stays in float32.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeprint.litert import Runner

FLOAT32, DYNAMIC_RANGE, INT8 = KINDS = ("float32", "dynamic-range", "int8")


def convert(keras_model: Any) -> bytes:
    """float32 TFLite of a Keras model with one input and one output; built-in operations only, no chatter."""
    frozen = _frozen(keras_model)
    with _quietly():
        return _converter(frozen).convert()


def convert_all(keras_model: Any, representative: NDArray[np.float32]) -> dict[str, bytes]:
    """Each of KINDS, from one frozen graph; `representative` [m, ...] are inputs as training saw them."""
    import tensorflow as tf

    frozen, rows = _frozen(keras_model), np.asarray(representative, "f4")
    with _quietly():
        whole, weights, ranges = (_converter(frozen) for _ in KINDS)
        for converter in (weights, ranges):
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        ranges.representative_dataset = lambda: ([row[None]] for row in rows)
        kept_in_float = tf.lite.OpsSet.TFLITE_BUILTINS
        ranges.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8, kept_in_float]
        return {kind: c.convert() for kind, c in zip(KINDS, (whole, weights, ranges), strict=True)}


def number_anew() -> None:
    """Keras begins again to number its layers, whose names an export carries.

    Called before a network is built for export, so that its bytes do not tell what the process built before.
    Nor shall the weights of what is trained next: TensorFlow takes its threads when it first computes.
    """
    import keras

    from edgeprint.cores import one_thread_an_operation

    one_thread_an_operation()
    keras.backend.clear_session(free_memory=False)


def _frozen(keras_model: Any) -> Any:
    """The model as one graph with its weights as constants: converted in a sixth of a Keras model's time."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    (source,) = keras_model.inputs
    graph = tf.function(lambda x: keras_model(x, training=False))
    return convert_variables_to_constants_v2(
        graph.get_concrete_function(tf.TensorSpec(source.shape, source.dtype))
    )


def _converter(frozen: Any) -> Any:
    import tensorflow as tf

    return tf.lite.TFLiteConverter.from_concrete_functions([frozen])


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Hold back what the converter says in Python and C++; where it fails, it raises with a reason."""
    absl = logging.getLogger("absl")
    level, stderr = absl.level, os.dup(2)
    with (
        tempfile.TemporaryFile() as held,
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        absl.setLevel(logging.ERROR)
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            absl.setLevel(level)


def answers(keras_model: Any, inputs: NDArray) -> NDArray[np.float32]:
    """Outputs [n, k] of the Keras model itself, a row at a time as a Runner does it."""
    import tensorflow as tf

    graph = tf.function(lambda row: keras_model(row, training=False))
    return np.concatenate([graph(tf.constant(row[None])).numpy() for row in np.asarray(inputs, "f4")])


def parity(expected: NDArray, runner: Runner, inputs: NDArray) -> float:
    """Largest absolute difference from the `expected` outputs [n, k] over inputs [n, ...]."""
    return float(np.abs(expected - runner(inputs)).max())


def latency_ms(
    runner: Runner, inputs: NDArray, repeats: int = 200, clock: Callable[[], float] = time.perf_counter
) -> float:
    """95th percentile of one inference in milliseconds, on this machine, after ten to warm up."""
    rows = np.asarray(inputs, "f4")
    seconds = np.empty(repeats)
    for i in range(-10, repeats):
        row = rows[i % len(rows)][None]
        begin = clock()
        runner(row)
        if i >= 0:
            seconds[i] = clock() - begin
    return float(np.percentile(seconds, 95) * 1e3)
