"""What every source of packets gives: batches of parallel arrays, and the order in which they may be given.

    held = Sluice()
    held.take(Packets(time_ns, wire_len, src, dst))     # about in time order, as an interface gives them
    batch = held.until(now_ns)                          # in time order; what is younger stays held

Time is the packets' own. A live source says how far it has come even where nothing was sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Packets(NamedTuple):
    """Parallel arrays [n], as in the PacketTable: sizes are those on the wire."""

    time_ns: NDArray[np.int64]
    wire_len: NDArray[np.uint32]
    src: NDArray[np.uint64]
    dst: NDArray[np.uint64]

    def select(self, rows: NDArray) -> Packets:
        """The packets of a mask [n] or of indices."""
        return Packets(*(column[rows] for column in self))


NOTHING = Packets(np.empty(0, "i8"), np.empty(0, "u4"), np.empty(0, "u8"), np.empty(0, "u8"))


@dataclass(frozen=True)
class Batch:
    """Packets [n] in time order, possibly none; every later batch begins at `now_ns` or after.

    A `now_ns` that is smaller than the one before says that the clock was set back.
    """

    time_ns: NDArray[np.int64]
    wire_len: NDArray[np.uint32]
    src: NDArray[np.uint64]
    dst: NDArray[np.uint64]
    now_ns: int


class Sluice:
    """Holds packets until none that is earlier can come, and lets them through in time order."""

    def __init__(self) -> None:
        self.late = 0  # packets that came after a batch had promised that none would
        self._held: list[Packets] = []
        self._now_ns = 0

    def take(self, packets: Packets) -> None:
        if len(packets.time_ns):
            self._held.append(packets)

    def until(self, now_ns: int) -> Batch:
        """All packets from before `now_ns`; late ones too, which is for the reader to judge."""
        packets = self._joined()
        self.late += int(np.count_nonzero(packets.time_ns < self._now_ns))
        self._now_ns = max(self._now_ns, now_ns)
        return self._let_through(packets, packets.time_ns < self._now_ns)

    def before_set_back(self, now_ns: int) -> Batch:
        """What was held when the clock was set back to `now_ns`; time begins anew after it."""
        packets = self._joined()
        batch = self._let_through(packets, packets.time_ns > now_ns)
        self._now_ns = 0
        return batch

    def rest(self) -> Batch:
        """All that is held, when nothing will follow."""
        packets = self._joined()
        self._now_ns = max([self._now_ns, *(packets.time_ns[-1:] + 1).tolist()])
        return self._let_through(packets, np.full(len(packets.time_ns), True))

    def _joined(self) -> Packets:
        """Packets of the same instant keep the order in which they came."""
        packets = Packets(*map(np.concatenate, zip(NOTHING, *self._held, strict=True)))
        return packets.select(np.argsort(packets.time_ns, kind="stable"))

    def _let_through(self, packets: Packets, rows: NDArray[np.bool_]) -> Batch:
        self._held = [packets.select(~rows)]
        return Batch(*packets.select(rows), now_ns=self._now_ns)
