"""How a change shows in a model's answers: speed, trigger point and streaks (papers/binary-edge 4.4).

    missed = confidence < threshold                     # one sample a column, in time order [n]
    first_streak(missed, 5, since=trigger)              # the sample that completes 5 misses in a row
    streak_lengths(missed)                              # of all streaks of misclassification
    streak_for(lengths, days=3.0, alarms_per_day=1.0)   # misses in a row that nature gives once a day at most

Sample i is the window of columns [i, i + width): the newest column is i + width - 1.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from edgeprint.errors import BadParams, NotEnoughData

Misses = NDArray[np.bool_]


def streak_lengths(missed: Misses) -> NDArray[np.int64]:
    """Lengths, in order, of the runs of True in `missed` [n]."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], missed, [False]]).astype("i1")))
    return edges[1::2] - edges[::2]


def first_streak(missed: Misses, length: int, *, since: int = 0) -> int | None:
    """The sample that completes `length` misses in a row, all from `since` on; None where there is none.

    Raises BadParams for a length below 1.
    """
    if length < 1:
        raise BadParams(f"a streak of {length} samples is none: it needs at least 1")
    ahead = np.concatenate([[0], np.cumsum(missed[since:])])  # misses before each sample
    full = np.flatnonzero(ahead[length:] - ahead[:-length] == length)
    return since + int(full[0]) + length - 1 if len(full) else None


def faulty_share(places: NDArray[np.bool_], width: int) -> NDArray[np.float64]:
    """Share of faulty columns [k - width + 1] in each window, from which columns [k] are faulty."""
    before = np.concatenate([[0], np.cumsum(places)])
    return (before[width:] - before[:-width]) / width


def streak_for(lengths: NDArray[np.int64], *, days: float, alarms_per_day: float) -> int:
    """The shortest streak that an undisturbed device completes at most `alarms_per_day` times a day.

    `lengths` of its natural streaks in `days` of traffic. One longer than all is returned where the rate
    allows none of them: a rate below 1 / days cannot be measured, and is not promised. Raises BadParams for
    a rate below 0, NotEnoughData where no time was observed.
    """
    if not days > 0:
        raise NotEnoughData(f"{days} days of traffic say nothing about alarms a day")
    if alarms_per_day < 0:
        raise BadParams(f"{alarms_per_day} false alarms a day cannot be asked for")
    allowed = math.floor(alarms_per_day * days + 1e-9)  # streaks that may reach it
    longest_first = np.sort(lengths)[::-1]
    return int(longest_first[allowed]) + 1 if allowed < len(lengths) else 1


def reached(lengths: NDArray[np.int64], at_least: NDArray[np.int64]) -> NDArray[np.float64]:
    """Share of streaks [m] that are as long as each of `at_least` [n], or longer; NaN without a streak."""
    if not len(lengths):
        return np.full(len(at_least), np.nan)
    return (lengths[:, None] >= at_least).mean(axis=0)
