"""Train the CCLP network on a few labelled windows and many unlabelled ones (papers/cclp sections V, VI).

model = train(training, validation, inventory, params.cclp, seed=7)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from edgeprint.cclp.batches import Batches, choose_labelled, held_back, learnable
from edgeprint.cclp.calibrate import Calibration
from edgeprint.cclp.evaluate import NON_IOT, decide, truth
from edgeprint.cclp.loss import cclp_loss
from edgeprint.cclp.network import CclpNetwork, Model, predict
from edgeprint.feature_table import FeatureTable
from edgeprint.lightning_fit import ReportingModule, fit, seeded
from edgeprint.packets.inventory import Inventory
from edgeprint.params import Cclp, CclpTrain
from edgeprint.scores import OnEpoch, Scores, silent


def losses(network: CclpNetwork, z: Tensor, label: Tensor, numbers: CclpTrain) -> tuple[Tensor, Tensor]:
    """Label losses of both heads on the first rows of z, and the CCLP loss of all rows; scalars.

    A label past the last device is non-IoT: it has no device loss, and its one-hot row is all zeros.
    """
    classes = network.device.out_features
    device, iot = network.heads(z[: len(label)])
    is_iot = label < classes
    heads = F.cross_entropy(iot, is_iot.long())
    if is_iot.any():
        heads = heads + F.cross_entropy(device[is_iot], label[is_iot])
    one_hot = F.one_hot(label, classes + 1)[:, :classes]
    return heads, cclp_loss(z, one_hot, steps=numbers.steps) if numbers.weight else heads.new_zeros(())


class Training(ReportingModule):
    """Adam on label losses + w · CCLP + L2; the rate falls to a third every `decay_every` steps.

    The weight w grows from 0 to its value over the first `ramp` steps (beyond the paper).
    """

    def __init__(
        self, network: CclpNetwork, numbers: CclpTrain, report: Callable[[int, float], None]
    ) -> None:
        super().__init__(report)
        self.network, self.numbers = network, numbers

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        raw, label = batch
        heads, clusters = losses(self.network, self.network.embed(raw), label, self.numbers)
        grown = min(1.0, self.global_step / self.numbers.ramp)
        return heads + grown * self.numbers.weight * clusters

    def configure_optimizers(self) -> Any:
        numbers = self.numbers
        adam = torch.optim.Adam(self.network.parameters(), lr=numbers.learning_rate, weight_decay=numbers.l2)
        decay = torch.optim.lr_scheduler.StepLR(adam, numbers.decay_every, gamma=1 / 3)
        return {"optimizer": adam, "lr_scheduler": {"scheduler": decay, "interval": "step"}}


def train(
    training: FeatureTable,
    validation: FeatureTable,
    inventory: Inventory,
    params: Cclp,
    *,
    seed: int,
    on_epoch: OnEpoch = silent,
    initial: Model | None = None,
    checkpoint: Path | None = None,
) -> Model:
    """A model of the IoT devices that have windows enough; the others are in its `left_out`.

    Continues from `initial`'s weights and standardisation where it knows the same devices by the same schema.
    `on_epoch` gets loss, val_loss and val_macro_f1 every EPOCH iterations. The last windows of each capture
    are held back from `training` to calibrate the model by. With `checkpoint`, a killed training goes on from
    that file (see lightning_fit). Raises NotEnoughData.
    """
    devices, left_out = learnable(training, inventory)
    kept = held_back(training, devices, params.unknown.calibration)
    training, unseen = training.select(~kept), training.select(kept)
    label = truth(training, devices, inventory)
    values, label = training.values[label >= 0], label[label >= 0]
    numbers, random = params.train, np.random.default_rng(seed)
    batches = Batches(values, choose_labelled(label, numbers.label_fraction, random), numbers, random)
    with seeded(seed):
        network = CclpNetwork(
            values.shape[1],
            len(devices),
            embedding=numbers.embedding,
            dropout=numbers.dropout,
            input_dropout=numbers.input_dropout,
        )
        network.standardise.fit(values)
        model = Model(network, devices, training.schema, left_out)
        if initial is not None and (initial.devices, initial.schema) == (devices, training.schema):
            network.load_state_dict(initial.network.state_dict())
        if label.max() < len(devices):
            network.know_only_iot()
        report = Report(model, validation, truth(validation, devices, inventory), params, on_epoch)
        module = Training(network, numbers, report)
        fit(module, batches, epochs=batches.passes, checkpoint=checkpoint)
    return replace(model, calibration=calibration(model, unseen, inventory, params.unknown.keep))


def calibration(model: Model, unseen: FeatureTable, inventory: Inventory, keep: float) -> Calibration:
    """From windows that training did not see."""
    label = truth(unseen, model.devices, inventory)
    known = (label >= 0) & (label < len(model.devices))
    if not known.any():
        return Calibration()
    return Calibration.fit(predict(model, unseen.values[known])[:, :-1], label[known], keep=keep)


class Report:
    """Scores the model on the validation windows after each epoch and hands the figures on."""

    def __init__(
        self,
        model: Model,
        validation: FeatureTable,
        label: NDArray[np.int64],
        params: Cclp,
        on_epoch: OnEpoch,
    ) -> None:
        self.model, self.params, self.on_epoch = model, params, on_epoch
        self.values, self.label = validation.values[label >= 0], label[label >= 0]

    def __call__(self, epoch: int, loss: float) -> None:
        metrics = {"loss": loss}
        if len(self.label):
            probabilities = predict(self.model, self.values)
            labels = [*self.model.devices, NON_IOT]
            scores = Scores.count(labels, self.label, decide(probabilities, self.params.threshold))
            metrics |= {"val_loss": surprise(probabilities, self.label), "val_macro_f1": scores.macro_f1}
            self.model.network.train()
        self.on_epoch(epoch, metrics)


def surprise(probabilities: NDArray[np.float32], label: NDArray[np.int64]) -> float:
    """The two label losses, as in training, from probabilities [n, C + 1] and labels [n]."""
    devices, iot = probabilities[:, :-1], probabilities[:, -1].astype("f8")
    is_iot = label < devices.shape[1]
    total = -np.log(np.where(is_iot, iot, 1 - iot) + 1e-9).mean()
    if is_iot.any():
        total -= np.log(devices[is_iot, label[is_iot]] + 1e-9).mean()
    return float(total)
