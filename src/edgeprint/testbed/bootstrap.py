"""Stretches of real time drawn from a pool and laid end to end, until a part of a quarter is full.

    tracks = lay_down(pool, lengths, pauses, begin, end, rng)
    rows = sent(pieces, tracks, since, 0, 3_600_000_000)     # what passes in the first hour

A block bootstrap: the block is a stretch with its silence. Times are microseconds from the start of a
quarter's capture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from edgeprint.testbed.album import SENT
from edgeprint.testbed.pool import spread
from edgeprint.testbed.stretches import Stretch


@dataclass(frozen=True)
class Tracks:
    """Where a device's stretches stand in one quarter: arrays [b]."""

    piece: NDArray[np.int64]  # index of the stretch
    start: NDArray[np.int64]
    stop: NDArray[np.int64]  # what would pass from here on does not: another part begins
    shift: NDArray[np.uint32]  # of its TCP numbers

    @classmethod
    def concatenate(cls, parts: Sequence[Tracks]) -> Tracks:
        return cls(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)))


def lay_down(
    pool: NDArray[np.int64],
    lengths: NDArray[np.int64],
    pauses: NDArray[np.float64],
    begin: int,
    end: int,
    rng: np.random.Generator,
) -> Tracks:
    """Fill [begin, end) with the stretches `pool` [m] in random order, each once before any again.

    Behind each follows a pause, exponential with its mean of `pauses` [m]. The first begins at a random time
    within one session's pause, or within a tenth of the part, so that devices do not start together.
    """
    at = begin + int(rng.uniform(0, min(pauses.max(), 0.1 * (end - begin))))
    chosen: list[int] = []
    starts: list[int] = []
    deck: list[int] = []
    while at < end:
        deck = deck or rng.permutation(len(pool)).tolist()
        drawn = deck.pop()
        chosen.append(drawn)
        starts.append(at)
        at += max(1, int(lengths[drawn] + rng.exponential(pauses[drawn])))
    shift = rng.integers(0, 1 << 32, len(chosen), dtype="u4")
    return Tracks(pool[np.array(chosen)], np.array(starts), np.full(len(chosen), end), shift)


def sent(
    pieces: Sequence[Stretch], tracks: Tracks, since: NDArray[np.int64], begin: int, end: int
) -> NDArray:
    """SENT rows of [begin, end) in the order of the tracks; `frame` counts from the recording's first.

    since: when each frame [n] of the recording passes after its stretch began.
    """
    first = np.array([pieces[i].first for i in tracks.piece])
    count = np.array([pieces[i].last for i in tracks.piece]) - first
    frame = spread(first, count)
    which = np.repeat(np.arange(len(count)), count)
    time = tracks.start[which] + since[frame]
    passing = np.flatnonzero((time >= begin) & (time < np.minimum(end, tracks.stop[which])))
    rows = np.zeros(len(passing), SENT)
    rows["time"], rows["frame"] = time[passing], frame[passing]
    rows["shift"] = tracks.shift[which[passing]]
    return rows
