"""All models of this Pi in memory, and for each device the columns that its next sample is made of.

    bank = Bank({"camera-a": artifact.read(folder)})
    bank.append("camera-a", column)                    # [h], as the spectrogram stream gives it
    bank.predict(["camera-a"])                         # {"camera-a": 0.97}, None before w columns

The runtime is LiteRT on one thread a model: 40 small networks a tick need no more.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from edgeprint.artifact import Artifact
from edgeprint.binary.features import NORMALISATIONS, SpectrogramSpec, normalise
from edgeprint.errors import BadArtifact
from edgeprint.litert import Runner

TOGETHER = 8  # samples that are normalised at once: enough to share the calls, few enough for a cache
# Largest difference from a golden output that another processor may make. Two implementations of 8-bit
# kernels, both of x86, differ by 7e-4 already; a runtime that is broken is not as near as this.
TOLERANCE = 5e-3


class ColumnRing:
    """The last `width` columns [h] of one device."""

    def __init__(self, height: int, width: int) -> None:
        self._width = width
        self._columns = np.zeros((height, 2 * width), "f4")  # each twice: the last always lie side by side
        self.count = 0  # of columns since the start

    def append(self, column: NDArray[np.float32]) -> None:
        at = self.count % self._width
        self._columns[:, at] = self._columns[:, at + self._width] = column
        self.count += 1

    @property
    def is_full(self) -> bool:
        return self.count >= self._width

    def holds(self, width: int) -> bool:
        """Whether it has so many columns."""
        return min(self.count, self._width) >= width

    def sample(self, width: int | None = None) -> NDArray[np.float32]:
        """The last columns [h, w], the oldest left: a view, until the next column comes.

        All that it has room for where no width is given.
        """
        end = self.count % self._width + self._width
        return self._columns[:, end - (width or self._width) : end]

    def last(self) -> NDArray[np.float32]:
        """Those [m, h] that it holds so far, the oldest first."""
        return self.sample(min(self.count, self._width)).T if self.count else self._columns.T[:0]

    def state(self) -> tuple[int, NDArray[np.float32]]:
        """Count and columns [w, h] as they lie; `restore` takes them."""
        return self.count, self._columns.T[: self._width]

    def restore(self, count: int, columns: NDArray[np.float32]) -> None:
        """Go on where another ring was. Raises ValueError for one of another shape."""
        if columns.shape != self.state()[1].shape:
            raise ValueError(f"columns of {columns.shape} do not fit a ring of {self.state()[1].shape}")
        self.count, self._columns = count, np.tile(columns.astype("f4").T, (1, 2))


class Member:
    """One device's model with what its card says about inputs and threshold, and its ring of columns."""

    def __init__(self, artifact: Artifact) -> None:
        """Raises BadArtifact when the model was trained on other columns than this agent makes."""
        card = artifact.card
        self.version = artifact.folder.name  # a pulled one's digest
        try:
            numbers = card.preprocessing
            self.spec = SpectrogramSpec(int(numbers["height"]), float(numbers["bin_seconds"]))
            self.width, self.normalisation = int(numbers["width"]), str(numbers["normalisation"])
        except (KeyError, ValueError) as error:
            raise BadArtifact(f"the card of {card.name} says nothing usable about {error}") from error
        if self.spec.schema().hash != card.schema_hash or self.normalisation not in NORMALISATIONS:
            raise BadArtifact(
                f"{card.name} takes {self.normalisation!r} columns of schema {card.schema_hash[:12]}, "
                f"this agent makes {self.spec.schema().hash[:12]}"
            )
        self.threshold = card.thresholds.get("recognised", 0.5)
        self.streak = int(card.thresholds.get("streak", 0)) or None  # natural misses in a row, from training
        self.ring = ColumnRing(self.spec.height, self.width)
        self.network = Runner(artifact.tflite)

    @property
    def inputs(self) -> tuple[int, int, str]:
        """What its samples are like: those of members that agree in this are made together."""
        return self.spec.height, self.width, self.normalisation

    def confidence(self, ring: ColumnRing) -> float:
        """That the last columns in a ring of the same spec are the device's, 0 to 1."""
        return float(self.network.one(normalise(ring.sample(self.width)[None], self.normalisation)[0])[0])


def prove(artifact: Artifact, tolerance: float = TOLERANCE) -> None:
    """Raises BadArtifact unless the model fits this agent and gives its golden outputs here too."""
    name, expected = artifact.card.name, artifact.golden_outputs
    network = Member(artifact).network
    try:
        outputs = network(artifact.golden_inputs)
    except BadArtifact as error:
        raise BadArtifact(f"{name} cannot run its golden inputs: {error}") from error
    if outputs.shape != expected.shape or not len(outputs):
        raise BadArtifact(f"{name} gives outputs {outputs.shape}, its golden ones are {expected.shape}")
    difference = float(np.abs(outputs - expected).max())
    if not difference <= tolerance:  # also when it is not a number
        raise BadArtifact(f"{name} misses its golden outputs by {difference:.3g}, more than {tolerance:g}")


class Bank:
    """The members by device."""

    def __init__(self, artifacts: dict[str, Artifact]) -> None:
        """Raises BadArtifact for a model that does not fit this agent."""
        self.members = {device: Member(artifact) for device, artifact in artifacts.items()}

    def add(self, device: str, artifact: Artifact) -> None:
        """One more model, or another one of a device. Raises BadArtifact for one that does not fit here."""
        self.members[device] = Member(artifact)

    def append(self, device: str, column: NDArray[np.float32]) -> None:
        self.members[device].ring.append(column)

    def predict(self, devices: Iterable[str]) -> dict[str, float | None]:
        """Confidence by device, all devices of a tick in one go; None for a ring that is not full."""
        found: dict[str, float | None] = dict.fromkeys(devices)
        alike: dict[tuple[int, int, str], list[str]] = {}
        for device in found:
            member = self.members[device]
            if member.ring.is_full:
                alike.setdefault(member.inputs, []).append(device)
        for (height, width, normalisation), group in alike.items():
            for begin in range(0, len(group), TOGETHER):
                names = group[begin : begin + TOGETHER]
                samples = np.empty((len(names), height, width), "f4")
                for row, device in enumerate(names):
                    samples[row] = self.members[device].ring.sample()
                for device, sample in zip(names, normalise(samples, normalisation), strict=True):
                    found[device] = float(self.members[device].network.one(sample)[0])
        return found
