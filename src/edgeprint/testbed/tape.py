"""A tape of rows in any order, and the TCP numbers that follow from their order in time.

    tape = Tape(wire, rng)
    tape.add(time, flow, True, tail=record_at(size), length=size, flags=ACK)
    rows = tape.finish(begin, end, loss=0.002)

Whatever is put on the tape acknowledges just what its sender can have seen: all that passed the router up to
`lag` seconds before.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgeprint.testbed.frames import ROW, Wire

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
QUIET_END = 3.0  # seconds at a connection's end in which nothing is lost
DAY = 1 << 37  # more microseconds than a day has
ROUNDING = 2  # microseconds


class Tape:
    """What one device says and hears on one day; times are float seconds since the day's midnight."""

    def __init__(self, wire: Wire, rng: np.random.Generator) -> None:
        self.wire, self.rng = wire, rng
        self.until = np.inf  # rows from here on are dropped: the device is off
        self._parts: list[NDArray] = [np.empty(0, ROW)]

    def add(
        self,
        time: NDArray,
        flow: ArrayLike,
        up: ArrayLike,
        *,
        tail: ArrayLike = 0,
        length: ArrayLike = 0,
        flags: ArrayLike = 0,
        options: int = 0,
        whole: bool = True,
        lag: ArrayLike = 0.0,
    ) -> None:
        """Rows at `time` [n]; every other column is [n] or one value."""
        rows = np.zeros(len(time), ROW)
        rows["time"] = np.rint(time * 1e6)
        rows["flow"], rows["up"], rows["tail"], rows["length"] = flow, up, tail, length
        rows["flags"], rows["options"], rows["whole"] = flags, options, whole
        rows["lag"] = np.rint(np.asarray(lag) * 1e6)
        self._parts.append(rows[time < self.until])

    def say(
        self, time: NDArray, flow: ArrayLike, up: ArrayLike, data: bytes | NDArray[np.uint8], flags: int = 0
    ) -> None:
        """The same bytes, or a row [n, length] of bytes for each, at `time` [n]."""
        length = len(data) if isinstance(data, bytes) else data.shape[1]
        self.add(time, flow, up, tail=self.wire.keep(data), length=length, flags=flags)

    def finish(self, begin: float, end: float, loss: float) -> NDArray:
        """All rows of [begin, end) by flow and time, numbered; the share `loss` of TCP data is sent again."""
        rows = np.concatenate(self._parts)
        rows = rows[(rows["time"] >= begin * 1e6) & (rows["time"] < end * 1e6)]
        lost = _lost(rows, loss, self.rng)
        again, answers = _again(rows[lost], self.rng)
        source = np.concatenate([np.full(len(rows), -1), lost, np.full(len(answers), -1)])
        rows = np.concatenate([rows, again, answers])
        key = rows["flow"] * DAY + rows["time"]
        order = np.argsort(key, kind="stable")
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        rows, source = rows[order], source[order]
        number(rows, np.where(source >= 0, place[source], -1), key[order], self.rng)
        return rows[rows["time"] < end * 1e6]


def _lost(rows: NDArray, loss: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """Indices of TCP data rows whose acknowledgement never came; a connection's last seconds are spared."""
    last = np.zeros(rows["flow"].max(initial=-1) + 1, "i8")
    np.maximum.at(last, rows["flow"], rows["time"])
    drawn = np.flatnonzero(rng.random(len(rows)) < loss)
    some = rows[drawn]
    spared = some["time"] > last[some["flow"]] - QUIET_END * 1e6
    return drawn[(some["flags"] > 0) & (some["length"] > some["options"]) & ~spared]


def _again(rows: NDArray, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
    """Retransmissions of rows [n] after a time-out, and the ACK that each finds."""
    again, answers = rows.copy(), np.zeros(len(rows), ROW)
    again["time"] += ((0.2 + rng.exponential(0.08, len(rows))) * 1e6).astype("i8")
    answers["time"], answers["flow"] = again["time"] + 25_000, rows["flow"]
    answers["up"], answers["flags"], answers["whole"] = ~rows["up"], ACK, True
    return again, answers


def number(rows: NDArray, source: NDArray, key: NDArray, rng: np.random.Generator) -> None:
    """Fill in ident, sequence and acknowledgement numbers of rows [n], sorted by `key` = flow and time.

    source: for a retransmission the index of its original, else -1.
    """
    here = np.arange(len(rows))
    begins = np.flatnonzero(np.diff(rows["flow"], prepend=-1))
    which = np.repeat(np.arange(len(begins)), np.diff(np.append(begins, len(rows))))
    sent = _sent(rows, source >= 0)
    sent -= sent[:, begins][:, which]
    start = rng.integers(0, 1 << 32, (2, len(begins)))[:, which]
    mine, other = (~rows["up"]).astype("i8"), rows["up"].astype("i8")
    first_copy = np.where(source >= 0, source, here)
    seen = sent[other, np.maximum(_known(rows, key), begins[which])]
    seq = start[mine, here] + sent[mine, first_copy]
    ack = start[other, here] + _never_back(seen, which, rows["up"])
    rows["ident"] = here + rng.integers(0, 1 << 16)
    rows["seq"] = seq & 0xFFFFFFFF
    rows["ack"] = np.where(rows["flags"] & ACK, ack & 0xFFFFFFFF, 0)


def _sent(rows: NDArray, again: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Sequence numbers used before each row [2, n], by the device and by the other side, over all flows."""
    load = rows["length"].astype("i8") - rows["options"] + ((rows["flags"] & (SYN | FIN)) > 0)
    load[again] = 0
    ways = np.stack([np.where(rows["up"], load, 0), np.where(rows["up"], 0, load)])
    return np.cumsum(ways, axis=1) - ways


def _known(rows: NDArray, key: NDArray) -> NDArray[np.int64]:
    """Index [n] of the first row that the sender of each row cannot have seen yet."""
    known = np.arange(len(rows))
    late = np.flatnonzero(rows["lag"])
    known[late] = np.searchsorted(key, key[late] - rows["lag"][late] + ROUNDING, "right")
    return known


def _never_back(seen: NDArray, which: NDArray, up: NDArray) -> NDArray[np.int64]:
    """The running maximum of `seen` [n] within each flow and direction."""
    out = np.empty_like(seen)
    for way in (up, ~up):
        height = which[way] << 40
        out[way] = np.maximum.accumulate(seen[way] + height) - height
    return out
