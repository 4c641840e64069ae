"""All devices of a home, interval after interval: trained, each model continuing from its last, and asked.

    home = Home.of(material)                       # rows cut as params.intervals says
    devices = home.long_enough()                   # who has samples in every interval, on both sides
    for judged in rounds(material, devices, seed=7):
        judged.trained, judged.asked, judged.where, judged.scores.macro_f1

As in the paper (4.2), training draws its samples at random from an interval, and the interval is evaluated in
runs of consecutive samples from random starts. The paper takes them from all of the interval, the columns of
its own training among them; here they are taken a second time from its held-out last fifth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeprint import intervals
from edgeprint.binary.evaluate import confidences, score
from edgeprint.binary.forest import Forest, summary
from edgeprint.binary.network import CHUNK, Model
from edgeprint.binary.samples import Starts, Streams
from edgeprint.binary.train import train_home
from edgeprint.errors import NotEnoughData
from edgeprint.feature_table import FeatureTable
from edgeprint.packets.inventory import Inventory
from edgeprint.params import Binary
from edgeprint.reliability import expected_calibration_error
from edgeprint.scores import Scores
from edgeprint.study import Material

HELD_OUT, WHOLE = "held-out last fifth", "whole interval"
WHERE = (HELD_OUT, WHOLE)


@dataclass(frozen=True)
class Home:
    """Columns [k, h] of all devices in stream order, the interval of each [k] and whether it is held out."""

    table: FeatureTable
    interval: NDArray[np.int64]
    names: list[str]
    held_out: NDArray[np.bool_]
    inventory: Inventory
    params: Binary

    @classmethod
    def of(cls, material: Material) -> Home:
        cut = material.params.intervals
        table = material.table("binary").in_stream_order()
        interval, names = intervals.assign(table, cut.by, cut.count)
        held_out = intervals.held_out(table, interval, cut.test_fraction, material.held_out_from)
        return cls(table, interval, names, held_out, material.inventory, material.params.binary)

    def training(self, interval: int, *, without: list[str] | None = None) -> FeatureTable:
        """Rows to train on, those of some devices left out."""
        chosen = (self.interval == interval) & ~self.held_out
        return self.table.select(chosen & ~np.isin(self.table.device, without or []))

    def asked(self, interval: int, where: str) -> FeatureTable:
        """Rows to ask about."""
        chosen = self.interval == interval
        return self.table.select(chosen & self.held_out if where == HELD_OUT else chosen)

    def shortest(self) -> dict[str, int]:
        """Of each IoT device, the fewest columns of an interval's training or held-out rows."""
        found = {}
        for name in self.inventory.iot:
            own = self.table.device == name
            part = 2 * self.interval[own] + self.held_out[own]
            found[name] = int(np.bincount(part, minlength=2 * len(self.names)).min())
        return found

    def long_enough(self) -> list[str]:
        """The IoT devices with a sample in the training and the held-out rows of every interval."""
        return [name for name, count in self.shortest().items() if count >= self.params.train.width]


@dataclass(frozen=True)
class Judged:
    """Answers about one interval by models that were trained up to another; both are indices."""

    trained: int
    asked: int
    where: str  # one of WHERE
    scores: Scores  # highest confidence, with `ce.…` among the extras: see evaluate.score
    forest: Scores  # a random forest on the same samples
    calibration: float  # ECE of the highest confidence


@dataclass(frozen=True)
class Question:
    """Runs of consecutive samples of each device from one interval's rows, and whose each is: truth [n]."""

    asked: int
    where: str
    streams: Streams
    starts: Starts
    truth: NDArray[np.int64]
    summaries: NDArray[np.float32]

    @classmethod
    def of(cls, home: Home, devices: list[str], asked: int, where: str, seed: int) -> Question:
        numbers, random = home.params, np.random.default_rng([seed, asked, WHERE.index(where)])
        streams = Streams.of(home.asked(asked, where), numbers.train.width)
        ask = numbers.evaluate
        runs = [streams.runs(name, ask.runs, ask.run_length, random) for name in devices]
        starts = np.concatenate(runs)
        truth = np.repeat(np.arange(len(devices)), [len(run) for run in runs])
        parts = [streams.samples(starts[i : i + CHUNK]) for i in range(0, len(starts), CHUNK)]
        summaries = [summary(part, numbers.train.normalisation) for part in parts]
        return cls(asked, where, streams, starts, truth, np.concatenate(summaries))

    def confidence(self, models: dict[str, Model]) -> NDArray[np.float32]:
        """Each model's confidence in each sample [n, k]."""
        return confidences(list(models.values()), self.streams, self.starts)

    def put(self, models: dict[str, Model], forest: Forest, trained: int) -> Judged:
        """What models, one of each device in order, and the forest answer."""
        confidence, labels = self.confidence(models), list(models)
        scores = score(labels, self.truth, confidence, np.array([m.threshold for m in models.values()]))
        right = confidence.argmax(axis=1) == self.truth
        return Judged(
            trained,
            self.asked,
            self.where,
            scores,
            Scores.count(labels, self.truth, forest.name(self.summaries)),
            expected_calibration_error(confidence.max(axis=1), right),
        )


def train_all(
    home: Home, devices: list[str], training: FeatureTable, *, seed: int, initial: dict[str, Model]
) -> dict[str, Model]:
    """A model of each device from an interval's rows, continuing from its `initial`. Raises NotEnoughData."""
    nothing = training.select(np.zeros(len(training), bool))
    found = train_home(devices, training, nothing, home.inventory, home.params, seed=seed, initial=initial)
    for result in found.values():
        if isinstance(result, NotEnoughData):
            raise result
    return {name: model for name, model in found.items() if isinstance(model, Model)}


def rounds(material: Material, devices: list[str], seed: int, most: int | None = None) -> list[Judged]:
    """Train on interval after interval, the first `most`, and after each ask about it and all later ones.

    Raises NotEnoughData where a device has no sample in an interval.
    """
    home = Home.of(material)
    count = most or len(home.names)
    questions = [Question.of(home, devices, j, where, seed) for j in range(count) for where in WHERE]
    models: dict[str, Model] = {}
    forest = Forest(home.params.train.normalisation)
    judged = []
    for i in range(count):
        models = train_all(home, devices, home.training(i), seed=seed + i, initial=models)
        forest.learn(*_drawn(home, devices, i, seed), seed=seed)
        judged += [question.put(models, forest, i) for question in questions if question.asked >= i]
    return judged


def _drawn(
    home: Home, devices: list[str], interval: int, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """As many samples of each device as its network gets, and their labels."""
    numbers, random = home.params.train, np.random.default_rng([seed, interval])
    streams = Streams.of(home.training(interval), numbers.width)
    starts = [streams.random_own(name, numbers.samples, random) for name in devices]
    label = np.repeat(np.arange(len(devices)), [len(own) for own in starts])
    return streams.samples(np.concatenate(starts)), label
