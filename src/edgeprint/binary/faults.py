"""Faults in a stream of columns: what a device that starts to do something else looks like (section 3.1.5).

    places = every_nth(len(columns), n=3, trigger=60)
    faulty = inject(columns, places, random_columns(places.sum(), like=training_columns, random=random))

Which columns [k] are replaced: at random by their share, every n-th, or all; never one before the trigger.
By what: random numbers, as in the paper, or the columns of another device, as if a stranger's programme ran
on this one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgeprint.errors import BadParams, NotEnoughData

Columns = NDArray[np.float32]
Places = NDArray[np.bool_]


def at_random(count: int, share: float, *, trigger: int, random: np.random.Generator) -> Places:
    """True [count] for `share` of the columns from `trigger` on, rounded, none twice. Raises BadParams."""
    if not 0 <= share <= 1:
        raise BadParams(f"a share of {share} of the columns cannot be faulty: it must lie in [0, 1]")
    after = count - _checked(count, trigger)
    places = np.zeros(count, bool)
    places[trigger + random.choice(after, round(share * after), replace=False)] = True
    return places


def every_nth(count: int, n: int, *, trigger: int) -> Places:
    """True [count] for the column `trigger` and every n-th after it; all at n = 1. Raises BadParams."""
    if n < 1:
        raise BadParams(f"every {n}th column cannot be faulty: n must be at least 1")
    places = np.zeros(count, bool)
    places[_checked(count, trigger) :: n] = True
    return places


def all_columns(count: int, *, trigger: int) -> Places:
    """True [count] from `trigger` on. Raises BadParams."""
    return every_nth(count, 1, trigger=trigger)


def _checked(count: int, trigger: int) -> int:
    if not 0 <= trigger <= count:
        raise BadParams(f"faults cannot begin at column {trigger} of {count}")
    return trigger


def inject(columns: Columns, places: Places, fault: Columns) -> Columns:
    """A copy of columns [k, h], those at `places` [k] replaced by the rows of `fault` [places.sum(), h]."""
    faulty = columns.copy()
    faulty[places] = fault
    return faulty


def random_columns(count: int, *, like: Columns, random: np.random.Generator) -> Columns:
    """Columns [count, h] of random numbers, each as loud as a column of `like` [m, h] drawn at random.

    The paper does not say from where it draws. Here a column is uniform between 0 and the largest amplitude
    of one of the device's own training columns. Up to the largest amplitude of all, a single such column
    would push the rest of a sample, which is divided by its maximum, to zero, and loudness alone would give
    it away. Raises NotEnoughData where there is no column to be like.
    """
    if not len(like):
        raise NotEnoughData("there is no training column to take the loudness of random columns from")
    loudest = like[random.integers(0, len(like), count)].max(axis=1, keepdims=True)
    return (loudest * random.random((count, like.shape[1]))).astype("f4")


def foreign_columns(count: int, *, of: Columns, random: np.random.Generator) -> Columns:
    """Columns [count, h] as another device lived them: consecutive ones of `of` [m, h] from a random start.

    They begin again where `of` ends. Raises NotEnoughData where it is empty.
    """
    if not len(of):
        raise NotEnoughData("there is no column of another device to inject")
    return of[(random.integers(len(of)) + np.arange(count)) % len(of)]
