"""A recording cut into stretches, and the stretches dealt into pools that share none.

    pieces = cut(recording, pools=8)
    dealt = deal(pieces, quarters=4, test_fraction=0.2)      # [4][2] lists of stretches

A stretch is a span of real time with its frames and its silence. A session of up to LONGEST is one stretch;
a longer one is cut where few TCP connections stand open and the silence is long. Where a device has fewer
stretches than there are pools, sessions are cut finer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeprint.errors import NotEnoughData
from edgeprint.testbed.sources import SECOND, Recording

LENGTHS = (1800, 600, 180, 60, 20)  # seconds: how long stretches become; the first that is fine enough
SHORTEST_SILENCE = SECOND  # at which a session may be cut


@dataclass(frozen=True)
class Stretch:
    """Frames [first, last) of a recording, and the span [begin, end) ns of real time that they fill."""

    begin: int
    end: int
    first: int
    last: int
    share: float  # of its session's time

    @property
    def silent(self) -> bool:
        return self.first == self.last


def cut(recording: Recording, pools: int) -> list[Stretch]:
    """Stretches in time order, at least `pools` of them with frames. Raises NotEnoughData."""
    for seconds in LENGTHS:
        pieces = [s for i in range(len(recording.sessions)) for s in _cut_session(recording, i, seconds)]
        busy = sum(not piece.silent for piece in pieces)
        if busy >= pools:
            return pieces
    packets, name = len(recording.frames), recording.device.name
    raise NotEnoughData(
        f"{name}: {packets} packets in {len(recording.sessions)} sessions give {busy} stretches, "
        f"and {pools} parts of quarters need one each"
    )


def _cut_session(recording: Recording, session: int, seconds: int) -> list[Stretch]:
    begin, end = recording.sessions[session].tolist()
    frames = recording.frames
    first, last = np.searchsorted(frames["session"], [session, session + 1]).tolist()
    times = frames["time"][first:last]
    edges = [(begin, first), *_cuts(times, begin, end, seconds * SECOND, _open(frames[first:last]), first)]
    following = [*edges[1:], (end + 1, last)]
    return [
        Stretch(a, b, i, j, (b - a) / (end + 1 - begin))
        for (a, i), (b, j) in zip(edges, following, strict=True)
        if b > a
    ]


def _open(frames: NDArray) -> NDArray[np.int64]:
    """How many TCP connections [n] reach over the gap before each frame."""
    change = np.zeros(len(frames) + 1, "i8")
    rows = np.flatnonzero(frames["flow"])
    order = rows[np.argsort(frames["flow"][rows], kind="stable")]
    if len(order):
        heads = np.flatnonzero(np.diff(frames["flow"][order], prepend=np.uint64(0)))
        tails = np.append(heads[1:], len(order)) - 1
        np.add.at(change, order[heads] + 1, 1)
        np.add.at(change, order[tails] + 1, -1)
    return np.cumsum(change)[:-1]


def _cuts(
    times: NDArray, begin: int, end: int, length: int, crossed: NDArray, first: int
) -> list[tuple[int, int]]:
    """(time, frame) of each cut: about `length` apart, in gaps that the fewest connections cross."""
    edges = np.concatenate([[begin], times, [end]])
    gaps = np.diff(edges)  # gap i lies before frame i; the last one behind all frames
    places = np.flatnonzero(gaps >= min(SHORTEST_SILENCE, length))
    found: list[tuple[int, int]] = []
    at = begin
    while end - at > 1.5 * length:
        near = places[(edges[places + 1] > at + length // 2) & (edges[places + 1] <= at + length * 3 // 2)]
        if len(near):
            over = np.append(crossed, 0)[near]
            off = np.abs(edges[near + 1] - (at + length))
            best = int(near[np.lexsort((off, -gaps[near], over))[0]])
            at = int(edges[best + 1])
        else:
            # One long silence around here is itself cut; else the next gap will do.
            later = places[edges[places + 1] > at + length * 3 // 2]
            if not len(later):
                break
            best = int(later[0])
            at = at + length if edges[best] <= at + length else int(edges[best + 1])
        if at >= end:
            break
        found.append((at, first + int(np.searchsorted(times, at))))
    return found


def deal(pieces: list[Stretch], quarters: int, test_fraction: float) -> list[list[list[int]]]:
    """[quarters][2] pools, first part and held-out last part, of indices of stretches in time order.

    Each quarter has an equal share of the stretches that hold frames, and its last `test_fraction` of them,
    at least one, is its held-out pool. A silent stretch goes with the one before it.
    """
    busy = np.cumsum([not piece.silent for piece in pieces]) - 1
    n = int(busy[-1]) + 1
    edges: list[int] = []
    for quarter in range(quarters):
        begin, end = quarter * n // quarters, (quarter + 1) * n // quarters
        most = end - begin - 1  # something is left for the first part
        edges += [begin, end - min(most, max(1, round(test_fraction * (end - begin))))]
    pool = np.searchsorted(edges, np.maximum(busy, 0), "right") - 1
    return [[np.flatnonzero(pool == 2 * q + part).tolist() for part in (0, 1)] for q in range(quarters)]


def connections_over_pools(frames: NDArray, pieces: list[Stretch], dealt: list[list[list[int]]]) -> int:
    """TCP connections that stayed open over the border of two pools: they alone stand in two."""
    pool = np.full(len(frames), -1)
    for number, part in enumerate(part for quarter in dealt for part in quarter):
        for piece in part:
            pool[pieces[piece].first : pieces[piece].last] = number
    tcp = np.flatnonzero(frames["flow"])
    pairs = np.unique(np.stack([frames["flow"][tcp], pool[tcp].astype("u8")], 1), axis=0)
    return len(pairs) - len(np.unique(pairs[:, 0]))
