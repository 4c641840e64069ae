"""Train one device's network against the other devices (papers/binary-edge 3.1.3, 4.2).

model = train("camera-a", training, validation, inventory, params.binary, seed=7)
model = train("camera-a", *next_interval, inventory, params.binary, seed=7, initial=model)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from threading import Lock

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edgeprint.binary.evaluate import confidences
from edgeprint.binary.features import normalise
from edgeprint.binary.network import Model, build
from edgeprint.binary.samples import Drawn, Streams
from edgeprint.errors import NotEnoughData
from edgeprint.feature_table import FeatureTable
from edgeprint.packets.inventory import Inventory
from edgeprint.params import Binary
from edgeprint.schema import FeatureSchema
from edgeprint.scores import Scores

OnEpoch = Callable[[int, dict[str, float]], None]
TRAINED_TO_VALIDATED = 4  # 80:20, section 4.2


class Trainer:
    """One network, optimiser and traced step for all devices of a shape: tracing costs as much as training.

    Whoever trains holds the lock, and begins from own weights with a fresh optimiser.
    """

    def __init__(self, height: int, width: int) -> None:
        self.lock = Lock()
        self.network = build(height, width, seed=0)
        self._adam = keras.optimizers.Adam()
        self._adam.build(self.network.trainable_variables)
        self._fresh = [variable.numpy() for variable in self._adam.variables]
        self._cross_entropy = keras.losses.BinaryCrossentropy()
        inputs, label, weight = (tf.TensorSpec(s) for s in ((None, height, width, 1), (None, 1), ()))
        self.step = tf.function(self._step, input_signature=(inputs, label, weight))

    def begin(self, weights: list[NDArray[np.float32]], learning_rate: float) -> None:
        self.network.set_weights(weights)
        for variable, value in zip(self._adam.variables, self._fresh, strict=True):
            variable.assign(value)
        self._adam.learning_rate = learning_rate

    def _step(self, inputs: tf.Tensor, label: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
        """One step of Adam; the device's own samples weigh `weight`, the others 1. Returns the loss."""
        with tf.GradientTape() as tape:
            confidence = self.network(inputs, training=True)
            loss = self._cross_entropy(label, confidence, sample_weight=1 + (weight - 1) * label)
        variables = self.network.trainable_variables
        self._adam.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss


_trainer = cache(Trainer)


def silent(epoch: int, metrics: dict[str, float]) -> None:
    """Report nothing."""


def train(
    device: str,
    training: FeatureTable,
    validation: FeatureTable,
    inventory: Inventory,
    params: Binary,
    *,
    seed: int,
    on_epoch: OnEpoch = silent,
    initial: Model | None = None,
    checkpoint: Path | None = None,
) -> Model:
    """A model of the device from one interval, continuing from `initial` where that takes the same inputs.

    `on_epoch` gets loss, and val_loss and val_macro_f1 (the device against the others) where the validation
    rows are enough for a sample of each. Raises UnknownDevice and NotEnoughData.
    """
    numbers, random = params.train, np.random.default_rng(seed)
    streams = Streams.of(training, numbers.width)
    drawn = Drawn.draw(streams, inventory[device].name, numbers.samples, numbers.negatives, random)
    held_out = _held_out(validation, device, len(drawn.starts), params, random)
    model = _begin(device, training.schema, params, seed, initial)
    trainer = _trainer(model.height, model.width)
    with trainer.lock:
        trainer.begin(model.weights, numbers.learning_rate)
        for epoch in range(numbers.epochs):
            losses = []
            for samples, label in drawn.batches(numbers.batch, random):
                inputs = normalise(samples, model.normalisation)[..., None]
                losses.append(trainer.step(inputs, label[:, None], float(numbers.negatives)))
            model = replace(model, weights=trainer.network.get_weights())
            metrics = validate(model, held_out, numbers.negatives) if held_out else {}
            on_epoch(epoch, {"loss": float(np.mean(losses)), **metrics})
    return model


def _begin(device: str, schema: FeatureSchema, params: Binary, seed: int, initial: Model | None) -> Model:
    numbers = params.train
    model = Model(device, [], numbers.width, numbers.normalisation, schema, params.threshold)
    if initial is not None and initial.inputs == model.inputs:
        return replace(model, weights=initial.weights)
    return replace(model, weights=build(model.height, model.width, seed=seed).get_weights())


def _held_out(
    validation: FeatureTable, device: str, trained: int, params: Binary, random: np.random.Generator
) -> Drawn | None:
    numbers = params.train
    most = max(1, trained // (1 + numbers.negatives) // TRAINED_TO_VALIDATED)
    try:
        streams = Streams.of(validation, numbers.width)
        return Drawn.draw(streams, device, most, numbers.negatives, random)
    except NotEnoughData:  # the last fifth of a short interval
        return None


def validate(model: Model, drawn: Drawn, weight: float) -> dict[str, float]:
    """val_loss, weighted as in training, and val_macro_f1 over the device and the others."""
    confidence = confidences([model], drawn.streams, drawn.starts)[:, 0].astype("f8")
    own = drawn.label == 1
    surprise = -np.log(np.where(own, confidence, 1 - confidence) + 1e-7)
    labels = ["other", model.device]
    scores = Scores.count(labels, own.astype("i8"), (confidence >= model.threshold).astype("i8"))
    return {
        "val_loss": float((surprise * np.where(own, weight, 1)).mean()),
        "val_macro_f1": scores.macro_f1,
    }
