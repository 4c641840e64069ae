"""From a Keras model to the bytes that a Pi runs, and the proof that both give the same numbers.

tflite = convert(keras_model)
runner = Runner(tflite)
parity(keras_model, runner, inputs), latency_ms(runner, inputs), len(tflite)
"""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeprint.errors import BadArtifact


def convert(keras_model: Any) -> bytes:
    """float32 TFLite of a Keras model with one input and one output; built-in operations only, no chatter."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(keras_model)
    with contextlib.redirect_stdout(io.StringIO()):
        return converter.convert()


class Runner:
    """A TFLite model as a function from inputs [n, ...] to outputs [n, k]: a row at a time, on one thread."""

    def __init__(self, tflite: bytes) -> None:
        """Raises BadArtifact where the bytes are no TFLite model."""
        from ai_edge_litert.interpreter import Interpreter

        try:
            self._interpreter = Interpreter(model_content=tflite, num_threads=1)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise BadArtifact(f"{len(tflite)} bytes are no TFLite model: {error}") from error
        (source,) = self._interpreter.get_input_details()
        (sink,) = self._interpreter.get_output_details()
        self._source, self._sink = source["index"], sink["index"]
        self.input_shape = tuple(int(size) for size in source["shape"][1:])
        self.output_shape = tuple(int(size) for size in sink["shape"][1:])

    def __call__(self, inputs: NDArray) -> NDArray[np.float32]:
        """Outputs [n, k]. Raises BadArtifact where the rows have another shape than the model's input."""
        rows = np.ascontiguousarray(inputs, "f4")
        if rows.shape[1:] != self.input_shape:
            raise BadArtifact(f"rows of shape {rows.shape[1:]} given, the model takes {self.input_shape}")
        outputs = np.empty((len(rows), *self.output_shape), "f4")
        for i, row in enumerate(rows):
            self._interpreter.set_tensor(self._source, row[None])
            self._interpreter.invoke()
            outputs[i] = self._interpreter.get_tensor(self._sink)[0]
        return outputs


def parity(keras_model: Any, runner: Runner, inputs: NDArray) -> float:
    """Largest absolute difference between the two over inputs [n, ...], fed one row at a time to both."""
    rows = np.asarray(inputs, "f4")
    source = np.concatenate([np.asarray(keras_model(row[None], training=False)) for row in rows])
    return float(np.abs(source - runner(rows)).max())


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
