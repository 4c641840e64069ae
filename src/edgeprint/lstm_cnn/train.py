"""Train the LSTM-CNN across devices: what one half of each category teaches must hold for the other half.

model = train(training, validation, inventory, params.lstm_cnn, seed=7)
model.split                  # "never-seen devices", or "seen devices, later time"
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import IterableDataset

from edgeprint.errors import NotEnoughData
from edgeprint.feature_table import FeatureTable
from edgeprint.lightning_fit import ReportingModule, fit, seeded
from edgeprint.lstm_cnn.evaluate import Samples, labelled_windows, may_judge, of
from edgeprint.lstm_cnn.network import SEEN, UNSEEN, LstmCnnNetwork, Model, predict
from edgeprint.packets.inventory import Inventory
from edgeprint.params import LstmCnn, LstmCnnTrain
from edgeprint.scores import OnEpoch, Scores, silent

MINIMUM = 4  # windows of a device, to learn from it
STEPS = 16  # of a pass at least: a small training set gets smaller batches


def held_out_devices(inventory: Inventory, share: float) -> set[str]:
    """Devices to keep from training: about `share` of each IoT category of two or more, the last by name.

    Empty when fewer than two categories have two devices: then nothing can be judged across devices.
    """
    categories = defaultdict(list)
    for name in inventory.iot:
        categories[inventory[name].category].append(name)
    several = [names for names in categories.values() if len(names) > 1]
    if len(several) < 2:
        return set()
    return {
        name for names in several for name in names[-min(len(names) - 1, max(1, round(share * len(names)))) :]
    }


def learnable(
    table: FeatureTable, inventory: Inventory, numbers: LstmCnnTrain
) -> tuple[Inventory, dict[str, int]]:
    """The IoT devices with MINIMUM windows, and the windows of those with fewer.

    Raises NotEnoughData when fewer than two categories are left.
    """
    labels = sorted({inventory[name].category for name in inventory.iot})
    device, _, _ = labelled_windows(table, labels, inventory, numbers)
    count = {name: int((device == name).sum()) for name in inventory.iot}
    kept = Inventory({name: inventory[name] for name in count if count[name] >= MINIMUM})
    if len({device.category for device in kept.devices.values()}) < 2:
        found = ", ".join(f"{name} {windows}" for name, windows in count.items()) or "no IoT device"
        raise NotEnoughData(
            f"LSTM-CNN needs devices of two categories with {MINIMUM} windows of {numbers.window} segments "
            f"each, found: {found}"
        )
    return kept, {name: windows for name, windows in count.items() if windows < MINIMUM}


def equal_weights(device: NDArray[np.object_], label: NDArray[np.int64]) -> NDArray[np.float32]:
    """Weights [m], mean 1: every category weighs the same, and so do the devices of a category."""
    weight = np.empty(len(label))
    for category in np.unique(label):
        names = set(device[label == category])
        for name in names:
            rows = (device == name) & (label == category)
            weight[rows] = 1 / (len(names) * rows.sum())
    return (weight / weight.mean()).astype("f4")


class Batches(IterableDataset):
    """All windows once a pass, shuffled: raw [b, t, d], label [b], weight [b]."""

    def __init__(
        self, arrays: tuple[NDArray, NDArray, NDArray], size: int, random: np.random.Generator
    ) -> None:
        self.tensors = [torch.from_numpy(array) for array in arrays]
        self.size, self.random = size, random

    def __len__(self) -> int:
        return -(-len(self.tensors[0]) // self.size)

    def __iter__(self) -> Iterator[list[Tensor]]:
        order = torch.from_numpy(self.random.permutation(len(self.tensors[0])))
        for rows in order.split(self.size):
            yield [tensor[rows] for tensor in self.tensors]


class Training(ReportingModule):
    """Adam on the weighted cross entropy + L2."""

    def __init__(
        self, network: LstmCnnNetwork, numbers: LstmCnnTrain, report: Callable[[int, float], None]
    ) -> None:
        super().__init__(report)
        self.network, self.numbers = network, numbers

    def training_step(self, batch: list[Tensor], _: int) -> Tensor:
        raw, label, weight = batch
        return (weight * F.cross_entropy(self.network(raw), label, reduction="none")).mean()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        numbers = self.numbers
        return torch.optim.Adam(self.parameters(), lr=numbers.learning_rate, weight_decay=numbers.l2)


class Report:
    """Scores the model after each epoch on the validation windows that may judge it, and tells on_epoch."""

    def __init__(self, model: Model, samples: Samples, on_epoch: OnEpoch) -> None:
        device, x, label = samples
        rows = may_judge(model, device)
        self.model, self.on_epoch = model, on_epoch
        self.x, self.label = x[rows], label[rows]

    def __call__(self, epoch: int, loss: float) -> None:
        metrics = {"loss": loss}
        if len(self.label):
            probabilities = predict(self.model, self.x)
            scores = Scores.count(self.model.labels, self.label, probabilities.argmax(1))
            own = probabilities[np.arange(len(self.label)), self.label]
            metrics |= {"val_loss": float(-np.log(own + 1e-9).mean()), "val_macro_f1": scores.macro_f1}
            self.model.network.train()
        self.on_epoch(epoch, metrics)


def learn(
    network: LstmCnnNetwork,
    samples: Samples,
    numbers: LstmCnnTrain,
    report: Callable[[int, float], None],
    *,
    seed: int,
    checkpoint: Path | None = None,
) -> None:
    """Train on windows of raw features, equal in weight by category and device, within a `seeded` block.

    Raises NotEnoughData for fewer windows than a pass has batches.
    """
    device, x, label = samples
    if len(x) < STEPS:
        raise NotEnoughData(
            f"LSTM-CNN needs {STEPS} windows to train on, found {len(x)}, of {', '.join(sorted(set(device)))}"
        )
    size = min(numbers.batch, -(-len(x) // STEPS))
    batches = Batches((x, label, equal_weights(device, label)), size, np.random.default_rng(seed))
    fit(Training(network, numbers, report), batches, epochs=numbers.epochs, checkpoint=checkpoint)


def train(
    training: FeatureTable,
    validation: FeatureTable,
    inventory: Inventory,
    params: LstmCnn,
    *,
    seed: int,
    on_epoch: OnEpoch = silent,
    initial: Model | None = None,
    checkpoint: Path | None = None,
) -> Model:
    """A model of the categories of IoT devices, trained without the devices that it holds out.

    Continues from `initial`'s weights and standardisation where it has the same categories, schema and
    held-out devices. `on_epoch` gets loss, val_loss and val_macro_f1 every epoch.
    With `checkpoint`, a killed training goes on from that file (see lightning_fit). Raises NotEnoughData.
    """
    numbers = params.train
    kept, left_out = learnable(training, inventory, numbers)
    held_out = held_out_devices(kept, numbers.held_out)
    labels = sorted({device.category for device in kept.devices.values()})
    device, x, label = labelled_windows(training, labels, kept, numbers)
    seen = ~of(device, held_out)
    device, x, label = device[seen], x[seen], label[seen]
    with seeded(seed):
        network = LstmCnnNetwork(
            x.shape[2],
            numbers.window,
            len(labels),
            units=numbers.units,
            input_dropout=numbers.input_dropout,
            dropout=numbers.dropout,
        )
        network.standardise.fit(x)
        model = Model(
            network, labels, training.schema, sorted(held_out), UNSEEN if held_out else SEEN, left_out
        )
        if initial is not None and _same_task(initial, model):
            network.load_state_dict(initial.network.state_dict())
        report = Report(model, labelled_windows(validation, labels, inventory, numbers), on_epoch)
        learn(network, (device, x, label), numbers, report, seed=seed, checkpoint=checkpoint)
    return model


def _same_task(one: Model, other: Model) -> bool:
    """Whether weights of one model may go on in the other without having seen what is held out there."""
    return (
        all(getattr(one, name) == getattr(other, name) for name in ("labels", "schema", "held_out"))
        and one.network.window == other.network.window
    )
