"""Faults injected into a device's own traffic, and what its model makes of them (papers/binary-edge 4.4).

    undisturbed, outcomes = trials(material, devices, mine, number=20, seed=7)

The models are trained interval after interval. Faults go into the held-out part of the last interval; the
streak that a device's alarm needs is taken from the held-out parts of the intervals before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeprint.binary import features
from edgeprint.binary.detection import Misses, faulty_share, first_streak, streak_lengths
from edgeprint.binary.faults import (
    Columns,
    Places,
    all_columns,
    at_random,
    every_nth,
    foreign_columns,
    inject,
    random_columns,
)
from edgeprint.binary.features import SpectrogramSpec
from edgeprint.binary.home import HELD_OUT, Home, train_all
from edgeprint.binary.network import Model, predict
from edgeprint.binary.quiet import Quiet, of
from edgeprint.feature_table import FeatureTable
from edgeprint.study import Material

NONE, RANDOM, FOREIGN = "none", "random numbers", "another device"
AT_RANDOM, EVERY, ALL = "at random", "every n-th", "all"
ALARMS_PER_DAY = 1.0  # false ones that a device's own streak allows
SEGMENT = 3  # widths: one before the trigger, one until a window is full of the fault's share, one of that


@dataclass(frozen=True)
class Fault:
    """What is injected, how its places are chosen, and which share of the columns it is."""

    source: str
    way: str
    share: float

    def places(self, count: int, trigger: int, random: np.random.Generator) -> Places:
        """Which of `count` columns are replaced."""
        if self.way == AT_RANDOM:
            return at_random(count, self.share, trigger=trigger, random=random)
        if self.way == EVERY:
            return every_nth(count, round(1 / self.share), trigger=trigger)
        return all_columns(count, trigger=trigger)


UNDISTURBED = Fault(NONE, AT_RANDOM, 0.0)


def faults(shares: Sequence[float], every: Sequence[int]) -> list[Fault]:
    """None at all, then either source in the three ways of section 3.1.5."""
    ways = [(AT_RANDOM, s) for s in shares] + [(EVERY, 1 / n) for n in every] + [(ALL, 1.0)]
    return [UNDISTURBED, *(Fault(source, *way) for source in (RANDOM, FOREIGN) for way in ways)]


@dataclass(frozen=True)
class Outcome:
    """One run of a device under a fault: how many columns, the first faulty one counted, until it shows.

    NaN where it never does: in a `miss`, in a `streak` of params.agent, in the device's own `alarm` streak.
    `trigger` is the share of faulty columns in the window of the first miss, `full` the share of misses once
    the window lies wholly after the trigger, `lengths` those of all streaks from the first faulty column on.
    """

    device: str
    fault: Fault
    miss: float
    miss_seconds: float
    streak: float
    streak_seconds: float
    alarm: float
    trigger: float
    full: float
    lengths: NDArray[np.int64]


@dataclass(frozen=True)
class Undisturbed:
    """A device left alone: share of misses, streaks, the alarm's streak; false alarms a day on later rows."""

    device: str
    days: float
    missed: float
    longest: int
    alarm: int
    later_days: float
    later_alarms: float  # a day, at the streak `alarm`
    later_streaks: float  # a day, at params.agent.streak


def trials(
    material: Material, devices: list[str], mine: list[str], *, number: int, seed: int, chosen: list[Fault]
) -> tuple[list[Undisturbed], list[Outcome]]:
    """Train models of `mine`, and put each to `number` runs of every chosen fault.

    Other devices' columns come from all other `devices`, each as likely as the next.
    """
    home = Home.of(material)
    models: dict[str, Model] = {}
    for i in range(len(home.names)):
        models = train_all(home, mine, home.training(i), seed=seed + i, initial=models)
    last = len(home.names) - 1
    rows = {name: of(home.asked(last, HELD_OUT), name) for name in devices}
    calm, outcomes = [], []
    for name in mine:
        earlier = [of(home.asked(i, HELD_OUT), name) for i in range(last)]
        calm.append(left_alone(models[name], earlier, rows[name], material.params.agent.streak))
        trial = Trial(
            models[name],
            rows[name],
            of(home.training(last), name).values,
            [rows[other].values for other in devices if other != name],
            (material.params.agent.streak, calm[-1].alarm),
        )
        random = np.random.default_rng([seed, devices.index(name)])
        outcomes += [o for fault in chosen for o in trial.run(fault, number, random)]
    return calm, outcomes


def left_alone(
    model: Model, earlier: Sequence[FeatureTable], later: FeatureTable, streak: int
) -> Undisturbed:
    """Natural streaks on held-out rows, the alarm's streak from them, and what it costs on `later` rows."""
    calm, after = Quiet.observe(model, earlier), Quiet.observe(model, [later])
    alarm = calm.streak(ALARMS_PER_DAY)
    return Undisturbed(
        model.device,
        calm.days,
        calm.missed,
        int(calm.lengths.max(initial=0)),
        alarm,
        after.days,
        after.alarms(alarm),
        after.alarms(streak),
    )


@dataclass(frozen=True)
class Trial:
    """A model, its device's held-out rows and training columns, the others' columns, and two streaks."""

    model: Model
    rows: FeatureTable
    own: Columns
    others: list[Columns]
    streaks: tuple[int, int]  # params.agent.streak, the device's alarm

    def run(self, fault: Fault, number: int, random: np.random.Generator) -> Iterator[Outcome]:
        """`number` runs from random starts; the fault begins a width after each start."""
        width = self.model.width
        count = SEGMENT * width
        begins = random.integers(0, len(self.rows) - count + 1, number)
        places = [fault.places(count, width, random) for _ in begins]
        windows = []
        for begin, place in zip(begins, places, strict=True):
            columns = self.rows.values[begin : begin + count]
            faulty = inject(columns, place, self._columns(fault, int(place.sum()), random))
            windows.append(features.samples(faulty, width, np.arange(count - width + 1)))
        missed = predict(self.model, np.concatenate(windows)) < self.model.threshold
        for begin, place, answers in zip(begins, places, missed.reshape(number, -1), strict=True):
            yield self._outcome(fault, place, answers, self.rows.start_ns[begin : begin + count])

    def _columns(self, fault: Fault, count: int, random: np.random.Generator) -> Columns:
        if fault.source == FOREIGN:
            return foreign_columns(count, of=self.others[random.integers(len(self.others))], random=random)
        return random_columns(count, like=self.own, random=random)

    def _outcome(self, fault: Fault, places: Places, missed: Misses, start_ns: NDArray[np.int64]) -> Outcome:
        width = self.model.width
        hop = SpectrogramSpec.from_schema(self.rows.schema).hop_ns
        first = int(places.argmax()) if places.any() else width  # the first faulty column
        since = first - width + 1  # the first sample that holds it

        def until(sample: int | None) -> tuple[float, float]:
            if sample is None:
                return float("nan"), float("nan")
            newest = sample + width - 1
            return newest - first + 1.0, float(start_ns[newest] - start_ns[first] + hop) / 1e9

        miss, streak, alarm = (first_streak(missed, n, since=since) for n in (1, *self.streaks))
        share = float("nan") if miss is None else float(faulty_share(places, width)[miss])
        return Outcome(
            self.model.device,
            fault,
            *until(miss),
            *until(streak),
            until(alarm)[0],
            share,
            float(missed[width:].mean()),
            streak_lengths(missed[since:]),
        )
