"""The pcap format (draft-ietf-opsawg-pcap): a file header of 24 bytes, then a record a packet.

Every length is checked against the bytes at hand before it is used.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgeprint.packets.frames import INTERPRETED_BYTES, Frames, Octets, number32
from edgeprint.packets.hot_loop import HotLoop

LONGEST_FRAME = 262_144  # libpcap's bound; a longer one is damage
HEADER_BYTES = 24
MAGIC = {  # first four bytes: (big-endian, nanoseconds in one unit of a record's second time field)
    b"\xd4\xc3\xb2\xa1": (False, 1000),
    b"\xa1\xb2\xc3\xd4": (True, 1000),
    b"\x4d\x3c\xb2\xa1": (False, 1),
    b"\xa1\xb2\x3c\x4d": (True, 1),
}


def pcap_records(
    data: Octets,
    at: int,
    big: bool,
    fraction_ns: int,
    offset: NDArray[np.int64],
    cap_len: NDArray[np.int64],
    wire_len: NDArray[np.uint32],
    time_ns: NDArray[np.int64],
) -> tuple[int, int, bool]:
    """Fill the index [n] from the record at `at` on; return (frames, position, whether damage stopped it)."""
    size = len(data)
    n = 0
    while at + 16 <= size:
        captured = number32(data, at + 8, big)
        if captured > LONGEST_FRAME:
            return n, at, True
        if at + 16 + captured > size:
            break
        time_ns[n] = number32(data, at, big) * 1000000000 + number32(data, at + 4, big) * fraction_ns
        offset[n] = at + 16
        cap_len[n] = captured
        wire_len[n] = number32(data, at + 12, big)
        n += 1
        at += 16 + captured
    return n, at, False


index_pcap = HotLoop(pcap_records, number32, patience=INTERPRETED_BYTES)


class Pcap:
    """Indexes a pcap file block by block; `damage` says why nothing after the last block can be read."""

    malformed = 0

    def __init__(self, header: bytes) -> None:
        self.big, self.fraction_ns = MAGIC[header[:4]]
        # The top bits hold the length of a frame check sequence.
        self.link_type = int.from_bytes(header[20:24], "big" if self.big else "little") & 0x03FF_FFFF
        self.damage: str | None = None
        self._start = HEADER_BYTES  # of the records in the first block

    def index(self, data: NDArray[np.uint8]) -> tuple[Frames, int]:
        """The whole frames in `data`, which continues where the last block's used bytes ended; bytes used."""
        room = len(data) // 16
        offset, cap_len, time_ns = np.empty(room, "i8"), np.empty(room, "i8"), np.empty(room, "i8")
        wire_len = np.empty(room, "u4")
        n, used, damaged = index_pcap(
            data, self._start, self.big, self.fraction_ns, offset, cap_len, wire_len, time_ns, work=len(data)
        )
        self._start = 0
        if damaged:
            self.damage = f"a packet claims more than {LONGEST_FRAME:,} captured bytes"
        link_type = np.full(n, self.link_type, "u4")
        return Frames(data, offset[:n], cap_len[:n], wire_len[:n], time_ns[:n], link_type), used
