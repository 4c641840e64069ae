"""Train the CCLP network from a few labelled windows and many unlabelled ones (papers/cclp sections V and VI).

model = train(training, validation, inventory, params.cclp, seed=7)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import lightning
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import IterableDataset

from edgeprint.cclp.evaluate import NON_IOT, decide, truth
from edgeprint.cclp.loss import cclp_loss
from edgeprint.cclp.network import CclpNetwork, Model, predict
from edgeprint.errors import NotEnoughData
from edgeprint.feature_table import FeatureTable
from edgeprint.lightning_fit import fit, seeded
from edgeprint.packets.inventory import Inventory
from edgeprint.params import Cclp, CclpTrain
from edgeprint.scores import Scores

EPOCH = 50  # iterations between two reports
LABELLED = 2  # windows of a device that must be labelled at least

OnEpoch = Callable[[int, dict[str, float]], None]


def learnable(
    table: FeatureTable, inventory: Inventory, needed: int = LABELLED
) -> tuple[list[str], dict[str, int]]:
    """IoT devices with at least `needed` windows, and the windows of those with fewer.

    Raises NotEnoughData when fewer than two devices are left.
    """
    count = {name: int((table.device == name).sum()) for name in inventory.iot}
    devices = [name for name, windows in count.items() if windows >= needed]
    left_out = {name: windows for name, windows in count.items() if windows < needed}
    if len(devices) < 2:
        found = ", ".join(f"{name} {windows}" for name, windows in count.items()) or "no IoT device"
        raise NotEnoughData(f"CCLP needs two IoT devices with {needed} windows each, found: {found}")
    return devices, left_out


def choose_labelled(
    label: NDArray[np.int64], fraction: float, random: np.random.Generator
) -> dict[int, NDArray[np.int64]]:
    """Rows of each class whose label training may see: `fraction` of them at random, two at least."""
    chosen = {}
    for one in np.unique(label[label >= 0]):
        rows = random.permutation(np.flatnonzero(label == one))
        chosen[int(one)] = rows[: max(LABELLED, round(fraction * len(rows)))]
    return chosen


class Batches(IterableDataset):
    """Per pass EPOCH batches (raw [n, d], label [l]): labelled rows of every class first, then unlabelled ones.

    Classes with fewer labelled rows than `upsample_to` are repeated up to it (section VI).
    """

    def __init__(
        self,
        values: NDArray[np.float32],
        labelled: dict[int, NDArray[np.int64]],
        numbers: CclpTrain,
        random: np.random.Generator,
    ) -> None:
        self.values = torch.from_numpy(values)
        self.pools = {
            one: np.resize(rows, max(len(rows), numbers.upsample_to)) for one, rows in labelled.items()
        }
        seen = np.concatenate(list(labelled.values()))
        self.unlabelled = np.setdiff1d(np.arange(len(values)), seen)
        self.numbers, self.random = numbers, random

    def __len__(self) -> int:
        return min(EPOCH, self.numbers.iterations)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        label = np.repeat(list(self.pools), [self._take(pool) for pool in self.pools.values()])
        free = min(self.numbers.unlabelled, len(self.unlabelled))
        for _ in range(len(self)):
            rows = [self.random.choice(pool, self._take(pool), False) for pool in self.pools.values()]
            rows.append(self.random.choice(self.unlabelled, free, False))
            yield self.values[np.concatenate(rows)], torch.from_numpy(label)

    def _take(self, pool: NDArray) -> int:
        return min(len(pool), self.numbers.labelled_per_class)


def losses(
    network: CclpNetwork, z: Tensor, label: Tensor, numbers: CclpTrain
) -> tuple[Tensor, Tensor]:
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


class Training(lightning.LightningModule):
    """Adam on label losses + w · CCLP + L2; the rate falls by a third every `decay_every` steps."""

    def __init__(
        self, network: CclpNetwork, numbers: CclpTrain, report: Callable[[int, float], None]
    ) -> None:
        super().__init__()
        self.network, self.numbers, self.report = network, numbers, report
        self.passed: list[Tensor] = []

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        raw, label = batch
        heads, clusters = losses(self.network, self.network.embed(raw), label, self.numbers)
        loss = heads + self.numbers.weight * clusters
        self.passed.append(loss.detach())
        return loss

    def on_train_epoch_end(self) -> None:
        mean = float(torch.stack(self.passed).mean())
        self.passed.clear()
        self.report(self.current_epoch, mean)

    def configure_optimizers(self) -> dict:
        numbers = self.numbers
        adam = torch.optim.Adam(
            self.network.parameters(), lr=numbers.learning_rate, weight_decay=numbers.l2
        )
        decay = torch.optim.lr_scheduler.StepLR(adam, numbers.decay_every, gamma=1 / 3)
        return {"optimizer": adam, "lr_scheduler": {"scheduler": decay, "interval": "step"}}
