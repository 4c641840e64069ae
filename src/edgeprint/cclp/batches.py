"""Which windows of a training set are labelled, and batches of them and others (papers/cclp section VI).

devices, left_out = learnable(table, inventory)
kept = held_back(table, devices, 0.1)        # for calibration: training sees table.select(~kept)
batches = Batches(values, choose_labelled(label, 0.08, random), numbers, random)
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import IterableDataset

from edgeprint.cclp.calibrate import MIN_ROWS
from edgeprint.errors import NotEnoughData
from edgeprint.feature_table import FeatureTable
from edgeprint.packets.inventory import Inventory
from edgeprint.params import CclpTrain

EPOCH = 50  # iterations between two reports, about
LABELLED = 2  # windows of a device that must be labelled at least


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


def held_back(table: FeatureTable, devices: list[str], share: float) -> NDArray[np.bool_]:
    """The last `share` of each device's windows of each capture [n], to calibrate a model of `devices` by.

    None where that is too little to calibrate anything.
    """
    streams = np.char.add(np.char.add(table.device.astype(str), "\n"), table.capture.astype(str))
    _, stream, size = np.unique(streams, return_inverse=True, return_counts=True)
    order = np.lexsort((table.start_ns, stream))
    place = np.empty(len(table), "i8")  # of a window in its stream
    place[order] = np.arange(len(table)) - np.repeat(np.cumsum(size) - size, size)
    chosen = place >= (size - np.rint(share * size))[stream]
    enough = np.isin(table.device[chosen].astype(str), devices).sum() >= MIN_ROWS
    return chosen & enough


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
    """Batches in `passes` passes: raw [n, d], labelled rows of every class first, and their labels [l].

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
        self.passes = max(1, round(numbers.iterations / EPOCH))

    def __len__(self) -> int:
        return math.ceil(self.numbers.iterations / self.passes)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        label = np.repeat(list(self.pools), [self._take(pool) for pool in self.pools.values()])
        free = min(self.numbers.unlabelled, len(self.unlabelled))
        for _ in range(len(self)):
            rows = [self.random.choice(pool, self._take(pool), False) for pool in self.pools.values()]
            rows.append(self.random.choice(self.unlabelled, free, False))
            yield self.values[np.concatenate(rows)], torch.from_numpy(label)

    def _take(self, pool: NDArray) -> int:
        return min(len(pool), self.numbers.labelled_per_class)
