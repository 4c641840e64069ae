"""Frames: a run of captured frames as one array of bytes and an index, without an object a frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Octets = NDArray[np.uint8] | memoryview  # bytes to the compiled and to the interpreted loops
INTERPRETED_BYTES = 20_000_000  # of a file's index made by the interpreter before compiling


@dataclass(frozen=True)
class Frames:
    """A run of frames: their bytes and arrays [n]; frame i is data[offset[i] : offset[i] + cap_len[i]]."""

    data: NDArray[np.uint8]
    offset: NDArray[np.int64]
    cap_len: NDArray[np.int64]
    wire_len: NDArray[np.uint32]  # as the capture claims, whatever was kept of the frame
    time_ns: NDArray[np.int64]  # since the epoch; 0 for pcapng simple packet blocks, which have no time
    link_type: NDArray[np.uint32]  # LINKTYPE_ number

    def __post_init__(self) -> None:
        """Compiled loops read what the index says: it must not point outside the bytes."""
        n = len(self.offset)
        if any(len(c) != n for c in (self.cap_len, self.wire_len, self.time_ns, self.link_type)):
            raise ValueError(f"the index of {n} frames has columns of other lengths")
        ends = self.offset + self.cap_len
        if n and not (self.offset.min() >= 0 <= self.cap_len.min() and ends.max() <= len(self.data)):
            raise ValueError(f"the index points outside the {len(self.data)} bytes of its frames")

    def __len__(self) -> int:
        return len(self.offset)

    def __getitem__(self, row: int) -> bytes:
        start = int(self.offset[row])
        return self.data[start : start + int(self.cap_len[row])].tobytes()

    def select(self, rows: NDArray | slice) -> Frames:
        """The frames of a mask [n], of indices or of a slice, over the same bytes."""
        return Frames(
            self.data,
            self.offset[rows],
            self.cap_len[rows],
            self.wire_len[rows],
            self.time_ns[rows],
            self.link_type[rows],
        )


def number16(data: Octets, at: int, big: bool) -> int:
    """Two bytes as an unsigned integer in the file's byte order."""
    return data[at] * 256 + data[at + 1] if big else data[at + 1] * 256 + data[at]


def number32(data: Octets, at: int, big: bool) -> int:
    """Four bytes as an unsigned integer in the file's byte order."""
    if big:
        return data[at] * 16777216 + data[at + 1] * 65536 + data[at + 2] * 256 + data[at + 3]
    return data[at + 3] * 16777216 + data[at + 2] * 65536 + data[at + 1] * 256 + data[at]


def be16(data: Octets, at: int) -> int:
    """Two bytes, most significant first."""
    return data[at] * 256 + data[at + 1]


def be32(data: Octets, at: int) -> int:
    """Four bytes, most significant first."""
    return data[at] * 16777216 + data[at + 1] * 65536 + data[at + 2] * 256 + data[at + 3]


def mac48(data: Octets, at: int) -> int:
    """A MAC's 48 bits."""
    return be16(data, at) * 4294967296 + be32(data, at + 2)
