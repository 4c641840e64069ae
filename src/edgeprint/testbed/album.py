"""The frames of all devices of a home in one quarter, and the records of a capture made from them.

album = Album.of([take, other_take])
album.write(out / "2025-02-12.pcap", midnight, rows)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeprint.testbed.pool import number, put, spread
from edgeprint.testbed.rewrite import Take
from edgeprint.testbed.writer import write_chunks

SENT = np.dtype(
    [
        ("time", "i8"),  # microseconds since the day's midnight
        ("frame", "i8"),  # in the album
        ("shift", "u4"),  # of the TCP numbers: the same connection, sent again, is another one
    ]
)


@dataclass(frozen=True)
class Album:
    """Takes one after the other; frames of take i begin at `begins[i]`."""

    take: Take
    begins: NDArray[np.int64]

    @classmethod
    def of(cls, takes: Sequence[Take]) -> Album:
        octets = np.cumsum([0] + [len(take.pool) for take in takes])
        begins = np.cumsum([0] + [len(take.at) for take in takes])
        at = [take.at + before for take, before in zip(takes, octets, strict=False)]
        joined = Take(
            np.concatenate([take.pool for take in takes]),
            np.concatenate(at),
            *(np.concatenate([getattr(t, name) for t in takes]) for name in ("kept", "wire", "numbers")),
        )
        return cls(joined, begins[:-1])

    def write(self, path: Path, midnight: int, rows: NDArray) -> int:
        """Write SENT rows [n] in time order as a capture; return its size in bytes."""
        return write_chunks(path, rows, lambda chunk: self.records(chunk, midnight))

    def records(self, rows: NDArray, midnight: int) -> NDArray[np.uint8]:
        """The pcap records of SENT rows [n] as bytes; `midnight` in seconds since the epoch."""
        take, frame = self.take, rows["frame"]
        kept = take.kept[frame]
        seconds, micros = np.divmod(rows["time"], 1_000_000)
        fronts = np.stack([seconds + midnight, micros, kept, take.wire[frame]], 1).astype("<u4").view("u1")
        begins = np.cumsum(kept + 16) - kept - 16
        out = np.empty(int((kept + 16).sum()), "u1")
        out[begins[:, None] + np.arange(16)] = fronts
        out[spread(begins + 16, kept)] = take.pool[spread(take.at[frame], kept)]
        tcp = np.flatnonzero(take.numbers[frame])
        place = (begins + 16 + take.numbers[frame])[tcp]
        for at in (place + 4, place + 8):
            old = number(out, at, 4)
            put(out, at, np.where(old > 0, old + rows["shift"][tcp] & np.uint64(0xFFFFFFFF), 0), 4)
        return out
