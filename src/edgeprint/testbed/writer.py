"""A day's rows as a pcap file (microseconds, Ethernet), in chunks of numpy work without a loop over packets.

write(out / "2025-02-12.pcap", midnight, wire.seal(), rows)
"""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeprint.testbed.frames import SNAP, SealedWire

FILE_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
CHUNK = 1 << 15  # rows rendered at a time; what they need stays in the processor's cache


def write(path: Path, midnight: datetime, wire: SealedWire, rows: NDArray) -> int:
    """Write rows [n] in time order, `time` counted from midnight UTC; return the file's size in bytes.

    The file appears under its name only when it is complete.
    """
    part = path.with_name(path.name + ".part")
    seconds = int(midnight.replace(tzinfo=UTC).timestamp())
    with part.open("wb") as file:
        file.write(FILE_HEADER)
        for begin in range(0, len(rows), CHUNK):
            file.write(records(wire, rows[begin : begin + CHUNK], seconds))
        size = file.tell()
    part.replace(path)
    return size


def records(wire: SealedWire, rows: NDArray, midnight: int) -> NDArray[np.uint8]:
    """The pcap records of rows [n] as bytes; `midnight` in seconds since the epoch."""
    headers, header_length = wire.render(rows)
    full = header_length + rows["length"]
    stored = np.where(rows["whole"], full, np.minimum(full, SNAP))
    seconds, micros = np.divmod(rows["time"] // 1000, 1_000_000)
    fronts = np.stack([seconds + midnight, micros, stored, full], 1).astype("<u4").view("u1")
    begins = np.cumsum(stored + 16) - stored - 16
    out = np.zeros(begins[-1] + stored[-1] + 16, "u1")
    for length in np.unique(header_length):
        chosen = np.flatnonzero(header_length == length)
        both = np.concatenate([fronts[chosen], headers[chosen, :length]], 1)
        out[begins[chosen, None] + np.arange(16 + length)] = both
    _copy_tails(out, begins + 16 + header_length, wire.pool, rows["tail"], stored - header_length)
    return out


def _copy_tails(
    out: NDArray, to: NDArray, pool: NDArray, start: NDArray, length: NDArray
) -> None:
    """Copy pool[start : start + length] to out[to : to + length] for each of n ragged slices."""
    before = np.cumsum(length) - length
    steps = np.arange(length.sum())
    out[np.repeat(to - before, length) + steps] = pool[np.repeat(start - before, length) + steps]
