"""Twins in Keras of a torch network's layers, with the same weights and the same rounding, for TFLite.

x = standardise(network.standardise, keras.Input((219,), batch_size=1))
x = weighted(layers.Conv1D(32, 3), x, weight.permute(2, 1, 0), bias)
y = dense(network.output, x, "softmax")
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from edgeprint.standardise import LIMIT, Standardise


def weighted(layer: Any, x: Any, *weights: Tensor | None) -> Any:
    """Apply a Keras layer to a Keras tensor, which builds it, then give it the weights in Keras' order."""
    y = layer(x)
    layer.set_weights([weight.detach().numpy() for weight in weights if weight is not None])
    return y


def dense(linear: nn.Linear, x: Any, activation: str) -> Any:
    """The linear layer, followed by the activation."""
    from keras import layers

    return weighted(layers.Dense(linear.out_features, activation), x, linear.weight.T, linear.bias)


def standardise(layer: Standardise, raw: Any) -> Any:
    """The input standardisation on a Keras tensor [..., d], of operations that TFLite has built in."""
    from keras import ops

    logged = ops.sign(raw) * ops.log(1.0 + ops.abs(raw))
    standard = (logged - layer.mean.numpy()) / layer.deviation.numpy()
    return ops.minimum(ops.maximum(standard, -LIMIT), LIMIT)
