"""What a study trains on and what it judges by: other devices, later time, or windows at random.

source = Source(table, inventory, params.lstm_cnn.train)
division = source.divided(UNSEEN, seed=7)
division.training, division.testing          # device [m], windows [m, t, d], category index [m]
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from edgeprint.errors import NotEnoughData
from edgeprint.feature_table import FeatureTable
from edgeprint.lstm_cnn.evaluate import Samples, labelled_windows, of
from edgeprint.lstm_cnn.network import UNSEEN
from edgeprint.lstm_cnn.train import MINIMUM
from edgeprint.packets.inventory import Inventory
from edgeprint.params import LstmCnnTrain
from edgeprint.study import later

BY_TIME = "by time"
AT_RANDOM = "overlapping windows at random"
SPLITS = (UNSEEN, BY_TIME, AT_RANDOM)
MOST = 100  # windows of a device on either side, so that none drowns the others


@dataclass(frozen=True)
class Division:
    """Categories, and windows to learn and to judge; both sides hold every category."""

    labels: list[str]
    training: Samples
    testing: Samples


def categories(
    table: FeatureTable, inventory: Inventory, numbers: LstmCnnTrain, wanted: Collection[str] | None = None
) -> dict[str, list[str]]:
    """Category to IoT devices of 2 × MINIMUM windows, of the `wanted` categories with two such devices.

    Raises NotEnoughData when fewer than two categories are left.
    """
    labels = sorted({inventory[name].category for name in inventory.iot})
    device, _, _ = labelled_windows(table, labels, inventory, numbers)
    found, count = defaultdict(list), {name: int((device == name).sum()) for name in inventory.iot}
    for name in inventory.iot:
        if count[name] >= 2 * MINIMUM and (wanted is None or inventory[name].category in wanted):
            found[inventory[name].category].append(name)
    several = {category: names for category, names in sorted(found.items()) if len(names) > 1}
    if len(several) < 2:
        minutes = dict(table.schema.settings)["segment_minutes"]
        counted = ", ".join(f"{name} ({inventory[name].category}) {n}" for name, n in count.items())
        raise NotEnoughData(
            f"two categories of two devices with {2 * MINIMUM} windows of {numbers.window} segments of "
            f"{minutes} minutes each are needed, found: {counted or 'no IoT device'}"
        )
    return several


class Source:
    """The windows behind all divisions of one table, cut once: a week in short segments has many rows.

    Raises NotEnoughData as `categories` does.
    """

    def __init__(
        self,
        table: FeatureTable,
        inventory: Inventory,
        numbers: LstmCnnTrain,
        wanted: Collection[str] | None = None,
    ) -> None:
        self.groups = categories(table, inventory, numbers, wanted)
        self.inventory, self.numbers = inventory, numbers
        self.table = table.select(
            of(table.device, {name for names in self.groups.values() for name in names})
        )
        self._by_time: dict[float, list[Samples]] = {}

    def windows(self, table: FeatureTable) -> Samples:
        """The labelled windows of a part of the table."""
        return windows_of(table, self.groups, self.inventory, self.numbers)

    @cached_property
    def whole(self) -> Samples:
        """All windows."""
        return self.windows(self.table)

    def by_time(self, share: float) -> list[Samples]:
        """The windows of the first `share` of each device's segments, and those of the rest."""
        if share not in self._by_time:
            last = later(self.table, 1 - share)
            self._by_time[share] = [self.windows(self.table.select(rows)) for rows in (~last, last)]
        return self._by_time[share]

    def divided(self, split: str, *, seed: int, share: float = 0.5) -> Division:
        """About `share` of each category's devices, of each device's time, or of the windows to train on.

        The devices are drawn by the seed; at least one of each category is on either side. Raises
        NotEnoughData.
        """
        random = np.random.default_rng(seed)
        if split == BY_TIME:
            sides = self.by_time(share)
        else:
            device = self.whole[0]
            first = (
                of(device, drawn_devices(self.groups, share, random))
                if split == UNSEEN
                else random.random(len(device)) < share
            )
            sides = [chosen(self.whole, rows) for rows in (first, ~first)]
        labels = list(self.groups)
        for name, side in zip(("train on", "judge by"), sides, strict=True):
            lacking = [label for i, label in enumerate(labels) if not (side[2] == i).any()]
            if lacking:
                raise NotEnoughData(f"the split {split} leaves no window of {lacking[0]} to {name}")
        training, testing = (at_most(side, MOST, random) for side in sides)
        return Division(labels, training, testing)


def windows_of(
    table: FeatureTable, groups: dict[str, list[str]], inventory: Inventory, numbers: LstmCnnTrain
) -> Samples:
    """The labelled windows of the devices of these categories, and of no other device."""
    mine = {name: inventory[name] for names in groups.values() for name in names}
    return labelled_windows(table, list(groups), Inventory(mine), numbers)


def drawn_devices(groups: dict[str, list[str]], share: float, random: np.random.Generator) -> set[str]:
    """About `share` of each category's devices, one at least and one at least left."""
    drawn: set[str] = set()
    for names in groups.values():
        count = min(len(names) - 1, max(1, round(share * len(names))))
        drawn |= set(random.permutation(names)[:count].tolist())
    return drawn


def at_most(samples: Samples, most: int, random: np.random.Generator) -> Samples:
    """At most so many windows of each device, at random."""
    device = samples[0]
    rows = [random.permutation(np.flatnonzero(device == name))[:most] for name in sorted(set(device))]
    return chosen(samples, np.sort(np.concatenate(rows)))


def chosen(samples: Samples, rows: NDArray) -> Samples:
    """The given windows: a mask [m] or indices."""
    device, x, label = samples
    return device[rows], x[rows], label[rows]
