"""Models that are signed and whole and no good: they hang, give no number, or break whoever reads them."""

from functools import cache
from pathlib import Path

import numpy as np
from simulated_home import SPEC, WIDTH, write_model

from edgeprint import artifact


@cache
def hanging(*, live_only: bool) -> bytes:
    """A network that never comes to an end: at any input, or only at one that is not all zeros."""
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec([1, SPEC.height, WIDTH, 1])])
    def network(inputs):  # type: ignore[no-untyped-def]
        begin = 0.0 if not live_only else tf.where(tf.reduce_sum(tf.abs(inputs)) > 0, 0.0, 9.0)
        count = tf.while_loop(lambda i: i < 9, lambda i: [tf.minimum(i + 1, 5.0)], [begin + 0.0])[0]
        return tf.reshape(tf.sigmoid(4 + count / 1e9), [1, 1])

    return tf.lite.TFLiteConverter.from_concrete_functions([network.get_concrete_function()]).convert()


@cache
def not_a_number() -> bytes:
    """A network that gives no number but for inputs of zeros."""
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec([1, SPEC.height, WIDTH, 1])])
    def network(inputs):  # type: ignore[no-untyped-def]
        total = tf.minimum(tf.reduce_sum(tf.abs(inputs)), 1.0)
        return tf.reshape(0.98201379 + tf.math.log(1 - 2 * total), [1, 1])

    return tf.lite.TFLiteConverter.from_concrete_functions([network.get_concrete_function()]).convert()


def write_strange(folder: Path, device: str, tflite: bytes, *, revision: str = "strange") -> Path:
    """An artifact folder around a network, with golden inputs of zeros."""
    write_model(folder, device, revision=revision)
    made = artifact.read(folder)
    golden = np.zeros((1, SPEC.height, WIDTH, 1), "f4"), np.full((1, 1), 1 / (1 + np.exp(-4)), "f4")
    return artifact.write(folder, tflite=tflite, card=made.card, schema=made.schema, golden=golden).folder
