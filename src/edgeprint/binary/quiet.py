"""A device left alone: how often and for how long its own model turns it away (papers/binary-edge 4.4).

    watching = at_home(model, training_rows, accepts=0.95)      # the model at the threshold of its card
    quiet = Quiet.observe(watching, [held_out_rows, later_held_out_rows])     # rows that no training saw
    quiet.streak(alarms_per_day=1.0)           # misses in a row that are news, for this device

A card's threshold and streak are taken from here: they say of each device what is unusual for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edgeprint.binary import features
from edgeprint.binary.detection import Misses, streak_for, streak_lengths
from edgeprint.binary.faults import Columns
from edgeprint.binary.features import SpectrogramSpec
from edgeprint.binary.network import CHUNK, Model, predict
from edgeprint.errors import NotEnoughData
from edgeprint.feature_table import FeatureTable

MOST_COLUMNS = 4000  # of one part, to learn natural streaks from
MOST_WINDOWS = 500  # of the training's, to choose a threshold by
LOWEST = 0.1  # threshold: where a network gives its own device less, a low confidence says nothing of it
DAY_NS = 86_400 * 10**9


def at_home(model: Model, rows: FeatureTable, accepts: float) -> Model:
    """The model for an agent: at a threshold that this share of its device's own windows reaches.

    `rows` are the training's, of all devices; what a score is measured on has no say. Scores are taken at the
    model's own threshold, where one sample decides. An agent judges at every tick and waits for a streak: a
    device that is turned away every other time needs long ones, and hardly ever completes as many hits to be
    itself again. Never above the model's own threshold, nor below LOWEST.
    """
    own = of(rows, model.device).values
    starts = np.unique(np.linspace(0, len(own) - model.width, MOST_WINDOWS).astype("i8"))
    confidence = predict(model, features.samples(own, model.width, starts))
    reached = float(np.quantile(confidence, 1 - accepts, method="lower"))
    return replace(model, threshold=min(model.threshold, max(LOWEST, reached)))


@dataclass(frozen=True)
class Quiet:
    """Days observed, share of samples missed, and the lengths [m] of all streaks of misses."""

    days: float
    missed: float
    lengths: NDArray[np.int64]

    @classmethod
    def observe(cls, model: Model, parts: Iterable[FeatureTable]) -> Quiet:
        """The first MOST_COLUMNS of each part, rows of the model's device alone, in stream order.

        No streak reaches from one part into the next. Raises NotEnoughData where no part has a sample.
        """
        seen = [part.select(np.arange(min(len(part), MOST_COLUMNS))) for part in parts]
        long = [part for part in seen if len(part) >= model.width]
        if not long:
            raise NotEnoughData(
                f"none of {len(seen)} held-out parts has the {model.width} columns of a sample of "
                f"{model.device}"
            )
        missed = [misses(model, part.values) for part in long]
        return cls(
            sum(observed_days(part) for part in long),
            float(np.concatenate(missed).mean()),
            np.concatenate([streak_lengths(m) for m in missed]),
        )

    def streak(self, alarms_per_day: float) -> int:
        """The shortest streak that nature completes no more often; see `streak_for`."""
        return streak_for(self.lengths, days=self.days, alarms_per_day=alarms_per_day)

    def alarms(self, streak: int) -> float:
        """False alarms a day at a streak."""
        return float(np.count_nonzero(self.lengths >= streak)) / self.days


def misses(model: Model, columns: Columns) -> Misses:
    """Whether the model turns each window [k - w + 1] of columns [k, h] away."""
    starts = np.arange(max(0, len(columns) - model.width + 1))
    chunks = [starts[begin : begin + CHUNK] for begin in range(0, len(starts), CHUNK)]
    parts = [predict(model, features.samples(columns, model.width, chunk)) for chunk in chunks]
    return np.concatenate([np.empty(0, "f4"), *parts]) < model.threshold


def of(table: FeatureTable, device: str) -> FeatureTable:
    """One device's rows."""
    return table.select(table.device == device)


def observed_days(rows: FeatureTable) -> float:
    """Days from each capture's first to its last row: silence counts, the pause between captures does not."""
    hop = SpectrogramSpec.from_schema(rows.schema).hop_ns
    total = 0
    for capture in set(rows.capture.tolist()):
        start = rows.start_ns[rows.capture == capture]
        total += int(start.max() - start.min()) + hop
    return total / DAY_NS
