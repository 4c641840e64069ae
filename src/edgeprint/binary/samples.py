"""Which windows of columns a model is trained on and judged by (papers/binary-edge 3.1.3, 3.1.4).

    streams = Streams.of(table, width=60)
    drawn = Drawn.draw(streams, "camera-a", 160, 5, random)     # 160 of its own, 800 of other devices
    streams.samples(drawn.starts)                               # [960, h, 60]

A device's stream is all its columns in the order it lived them: silence and the pause between captures are
skipped, as in the paper. No window reaches from one device into another.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeprint.binary import features
from edgeprint.errors import NotEnoughData
from edgeprint.feature_table import FeatureTable

Starts = NDArray[np.int64]
FEWEST_FOREIGN = 0.3  # of the columns of a mixed window, section 6; with .2, more own windows are turned away


@dataclass(frozen=True)
class Streams:
    """The columns [K, h] of all devices, one device after the other; a window is named by its first row.

    `first` is the row where a device begins, `windows` how many windows it has (none: not listed) and
    `short` the columns of each device that has fewer than `width`.
    """

    columns: NDArray[np.float32]
    width: int
    first: dict[str, int]
    windows: dict[str, int]
    short: dict[str, int]

    @classmethod
    def of(cls, table: FeatureTable, width: int) -> Streams:
        ordered = table.in_stream_order()
        names, first, count = np.unique(ordered.device.astype(str), return_index=True, return_counts=True)
        rows = list(zip(names.tolist(), first.tolist(), count.tolist(), strict=True))
        return cls(
            ordered.values,
            width,
            {name: begin for name, begin, _ in rows},
            {name: n - width + 1 for name, _, n in rows if n >= width},
            {name: n for name, _, n in rows if n < width},
        )

    def samples(self, starts: Starts) -> NDArray[np.float32]:
        """Windows [n, h, w] from their starts [n], not normalised."""
        return features.samples(self.columns, self.width, starts)

    def require(self, device: str) -> int:
        """How many windows the device has. Raises NotEnoughData where there is none."""
        if device not in self.windows:
            found = self.short.get(device, 0)
            raise NotEnoughData(f"{device} has {found} spectrogram columns, a sample needs {self.width}")
        return self.windows[device]

    def random_own(self, device: str, most: int, random: np.random.Generator) -> Starts:
        """Up to `most` different windows of the device. Raises NotEnoughData."""
        count = self.require(device)
        return self.first[device] + random.choice(count, min(most, count), replace=False)

    def random_others(self, device: str, number: int, random: np.random.Generator) -> Starts:
        """Windows [number] of other devices, IoT or not, each device as likely as the next.

        Raises NotEnoughData where no other device has a window.
        """
        others = [name for name in self.windows if name != device]
        if not others:
            raise NotEnoughData(f"no device but {device} has {self.width} spectrogram columns")
        first = np.array([self.first[name] for name in others])
        windows = np.array([self.windows[name] for name in others])
        chosen = random.integers(0, len(others), number)
        return first[chosen] + random.integers(0, windows[chosen])

    def runs(self, device: str, number: int, length: int, random: np.random.Generator) -> Starts:
        """Up to `number` runs of `length` consecutive windows, starting at random, none overlapping another.

        Fewer runs where the device has no room for all, one short run where it has none for one: [n] starts.
        Raises NotEnoughData.
        """
        count = self.require(device)
        length = min(length, count)
        number = min(number, count // length)
        slack = count - number * length  # spread at random before, between and after the runs
        begin = np.sort(random.integers(0, slack + 1, number)) + length * np.arange(number)
        return (self.first[device] + begin[:, None] + np.arange(length)).ravel()


@dataclass(frozen=True)
class Drawn:
    """Windows by their starts [n] in `streams`, and whether each is the device's own: label 1 or 0 [n]."""

    streams: Streams
    starts: Starts
    label: NDArray[np.float32]

    @classmethod
    def draw(
        cls, streams: Streams, device: str, most: int, negatives: int, random: np.random.Generator
    ) -> Drawn:
        """Up to `most` windows of the device, `negatives` of others for each. Raises NotEnoughData."""
        own = streams.random_own(device, most, random)
        return cls.against_others(streams, device, own, negatives, random)

    @classmethod
    def against_others(
        cls, streams: Streams, device: str, own: Starts, negatives: int, random: np.random.Generator
    ) -> Drawn:
        """The device's given windows and `negatives` of others for each. Raises NotEnoughData."""
        others = streams.random_others(device, negatives * len(own), random)
        label = np.repeat(np.array([1, 0], "f4"), [len(own), len(others)])
        return cls(streams, np.concatenate([own, others]), label)

    def rows(self, mixed: float, random: np.random.Generator) -> NDArray[np.int32]:
        """The columns of each window by their rows in the streams [n, w], a share `mixed` of others' mixed.

        A mixed window is one of the device's own in which columns at random places, a random share of them,
        are those of the other device's window: what the device looks like when a stranger speaks in between.
        Which windows are mixed, with what and where, is drawn anew each time.
        """
        rows = self.starts[:, None] + np.arange(self.streams.width)
        others = np.flatnonzero(self.label == 0)
        chosen = others[random.permutation(len(others))[: round(mixed * len(others))]]
        own = rows[random.choice(np.flatnonzero(self.label == 1), len(chosen))]
        share = random.uniform(FEWEST_FOREIGN, 1, (len(chosen), 1))
        rows[chosen] = np.where(random.random(own.shape) < share, rows[chosen], own)
        return rows.astype("i4")
