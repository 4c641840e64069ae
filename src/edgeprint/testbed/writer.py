"""A day's rows as a pcap file (microseconds, Ethernet), in chunks of numpy work without a loop over packets.

write(out / "2025-02-12.pcap", midnight, wire.seal(), rows)
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from edgeprint.testbed.frames import SNAP, SealedWire

FILE_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
CHUNK = 1 << 16  # rows rendered at a time


def write(path: Path, midnight: datetime, wire: SealedWire, rows: NDArray) -> int:
    """Write rows [n] in time order, `time` counted from midnight UTC; return the file's size in bytes."""
    seconds = int(midnight.replace(tzinfo=UTC).timestamp())
    return write_chunks(path, rows, lambda chunk: records(wire, chunk, seconds))


def write_chunks(path: Path, rows: NDArray, render: Callable[[NDArray], NDArray[np.uint8]]) -> int:
    """Write what `render` makes of rows [n], CHUNK of them at a time; return the file's size in bytes.

    The file appears under its name only when it is complete.
    """
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.write(FILE_HEADER)
        for begin in range(0, len(rows), CHUNK):
            file.write(render(rows[begin : begin + CHUNK]).data)
        size = file.tell()
    part.replace(path)
    return size


def records(wire: SealedWire, rows: NDArray, midnight: int) -> NDArray[np.uint8]:
    """The pcap records of rows [n] as bytes; `midnight` in seconds since the epoch."""
    headers, header_length = wire.render(rows)
    full = header_length + rows["length"]
    stored = np.where(rows["whole"], full, np.minimum(full, SNAP))
    seconds, micros = np.divmod(rows["time"], 1_000_000)
    fronts = np.stack([seconds + midnight, micros, stored, full], 1).astype("<u4").view("u1")
    begins = np.cumsum(stored + 16) - stored - 16
    out = np.zeros(begins[-1] + stored[-1] + 16, "u1")
    for length, chosen in _by_length(header_length):
        both = np.concatenate([fronts[chosen], headers[chosen, :length]], 1)
        sliding_window_view(out, 16 + length, writeable=True)[begins[chosen]] = both
    bodies = begins + 16 + header_length
    for length, chosen in _by_length(stored - header_length):
        slices = sliding_window_view(wire.pool, length)[rows["tail"][chosen]]
        sliding_window_view(out, length, writeable=True)[bodies[chosen]] = slices
    return out


def _by_length(lengths: NDArray) -> Iterator[tuple[int, NDArray]]:
    """Each length above 0 with the rows that have it: rows of one length are copied as a block."""
    order = np.argsort(lengths, kind="stable")
    values, begins = np.unique(lengths[order], return_index=True)
    for value, chosen in zip(values, np.split(order, begins[1:]), strict=True):
        if value > 0:
            yield int(value), chosen
