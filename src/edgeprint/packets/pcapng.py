"""The pcapng format (draft-ietf-opsawg-pcapng): sections of blocks, each section with interfaces of its own.

Section, interface, enhanced, simple and obsolete packet blocks are read, all others skipped. Every length is
checked against the bytes at hand before it is used.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edgeprint.packets.frames import INTERPRETED_BYTES, Frames, Octets, number16, number32
from edgeprint.packets.hot_loop import HotLoop

LONGEST_BLOCK = 16_777_216
SECTION, INTERFACE, OBSOLETE_PACKET, SIMPLE_PACKET, ENHANCED_PACKET = 0x0A0D0D0A, 1, 2, 3, 6
DESCRIPTIONS = (SECTION, INTERFACE)
TIMED_PACKETS = (ENHANCED_PACKET, OBSOLETE_PACKET)
PACKETS = (ENHANCED_PACKET, OBSOLETE_PACKET, SIMPLE_PACKET)
MAGIC = b"\x0a\x0d\x0d\x0a"
BYTE_ORDER: dict[bytes, Literal["big", "little"]] = {
    b"\x1a\x2b\x3c\x4d": "big",
    b"\x4d\x3c\x2b\x1a": "little",
}
MORE, DESCRIPTION, DAMAGED = 0, 1, 2  # why the loop stopped: no more bytes; section or interface; nonsense
LAST_SECOND = 9_200_000_000  # in 2261, before nanoseconds outgrow 64 bits: damaged times are held here


def packet_block(
    data: Octets, at: int, length: int, kind: int, big: bool, snaplen: int
) -> tuple[int, int, int, int, int, int]:
    """(interface, start of frame, captured, wire, high and low half of the time); interface -1: no packet."""
    if kind in TIMED_PACKETS and length >= 32:
        owner = number32(data, at + 8, big) if kind == ENHANCED_PACKET else number16(data, at + 8, big)
        high, low = number32(data, at + 12, big), number32(data, at + 16, big)
        return owner, at + 28, number32(data, at + 20, big), number32(data, at + 24, big), high, low
    if kind == SIMPLE_PACKET and length >= 16:
        wire = number32(data, at + 8, big)
        captured = min(wire, length - 16)
        if snaplen > 0:
            captured = min(captured, snaplen)
        return 0, at + 12, captured, wire, 0, 0
    return -1, 0, 0, 0, 0, 0


def pcapng_blocks(
    data: Octets,
    at: int,
    n: int,
    big: bool,
    interfaces: int,
    snaplen: int,
    offset: NDArray[np.int64],
    cap_len: NDArray[np.int64],
    wire_len: NDArray[np.uint32],
    ticks: NDArray[np.uint64],
    interface: NDArray[np.int32],
) -> tuple[int, int, int, int]:
    """Fill the index from row n on until a section or interface block, or the end of the bytes.

    Returns (rows filled, position, malformed packet blocks, why it stopped).
    """
    size = len(data)
    malformed = 0
    while at + 12 <= size:
        kind = number32(data, at, big)
        if kind in DESCRIPTIONS:
            return n, at, malformed, DESCRIPTION
        length = number32(data, at + 4, big)
        if length < 12 or length > LONGEST_BLOCK:
            return n, at, malformed, DAMAGED
        length = (length + 3) // 4 * 4
        if at + length > size:
            break
        owner, start, captured, wire, high, low = packet_block(data, at, length, kind, big, snaplen)
        if 0 <= owner < interfaces and start + captured + 4 <= at + length:
            offset[n] = start
            cap_len[n] = captured
            wire_len[n] = wire
            ticks[n] = high * 4294967296 + low
            interface[n] = owner
            n += 1
        elif kind in PACKETS:
            malformed += 1
        at += length
    return n, at, malformed, MORE


index_pcapng = HotLoop(pcapng_blocks, number32, number16, packet_block, patience=INTERPRETED_BYTES)


@dataclass
class Interfaces:
    """What the interface blocks of one section say, one entry an interface."""

    link_type: list[int] = field(default_factory=list)
    snaplen: list[int] = field(default_factory=list)
    resolution: list[int] = field(default_factory=list)  # if_tsresol; 6, the default, is microseconds
    shift_s: list[int] = field(default_factory=list)  # if_tsoffset

    def __len__(self) -> int:
        return len(self.link_type)

    def add(self, block: bytes, order: Literal["big", "little"]) -> None:
        """Take an interface block; options that are cut short count as absent."""
        self.link_type.append(int.from_bytes(block[8:10], order))
        self.snaplen.append(int.from_bytes(block[12:16], order))
        options = _options(block[16:-4], order)
        self.resolution.append(options[9][0] if options.get(9) else 6)
        shift = options.get(14, b"")
        self.shift_s.append(int.from_bytes(shift, order, signed=True) if len(shift) == 8 else 0)

    def times(self, ticks: NDArray[np.uint64], interface: NDArray[np.int32]) -> NDArray[np.int64]:
        """Nanoseconds since the epoch [n] of ticks [n] counted by interface [n]."""
        resolution = np.array(self.resolution, "u1")[interface]
        seconds, rest_ns = np.empty(len(ticks), "i8"), np.empty(len(ticks), "i8")
        for value in np.unique(resolution):
            rows = resolution == value
            seconds[rows], rest_ns[rows] = seconds_and_ns(ticks[rows], int(value))
        shift_s = np.clip(np.array(self.shift_s, "i8"), -LAST_SECOND, LAST_SECOND)[interface]
        return np.clip(seconds + shift_s, -LAST_SECOND, LAST_SECOND) * 1_000_000_000 + rest_ns


def seconds_and_ns(ticks: NDArray[np.uint64], resolution: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Whole seconds [n], and the rest in ns [n] rounded down, of ticks [n] of 10^-r s; or 2^-(r - 128) s."""
    base, exponent = (2, resolution - 128) if resolution >= 128 else (10, resolution)
    if base**exponent >= 2**64:  # 2^64 ticks are less than a second
        return np.zeros(len(ticks), "i8"), np.array([int(t) * 10**9 // base**exponent for t in ticks], "i8")
    seconds, rest = np.divmod(ticks, np.uint64(base**exponent))
    if base == 10 and exponent > 9:
        rest_ns = rest // np.uint64(10 ** (exponent - 9))
    else:  # 34 binary digits are finer than a nanosecond, and times 10^9 they still fit in 64 bits
        excess = max(exponent - 34, 0) if base == 2 else 0
        rest_ns = (rest >> np.uint64(excess)) * np.uint64(10**9) // np.uint64(base**exponent >> excess)
    return np.minimum(seconds, np.uint64(LAST_SECOND)).astype("i8"), rest_ns.astype("i8")


def _options(area: bytes, order: Literal["big", "little"]) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(area):
        code = int.from_bytes(area[at : at + 2], order)
        length = int.from_bytes(area[at + 2 : at + 4], order)
        value = area[at + 4 : at + 4 + length]
        if code == 0 or len(value) < length:
            break
        found.setdefault(code, value)
        at += 4 + (length + 3) // 4 * 4
    return found


class Pcapng:
    """Indexes a pcapng file block by block; carries the section's byte order and interfaces along.

    `malformed` counts packet blocks whose lengths or interface contradict the file; `damage` says why nothing
    after the last block can be read.
    """

    def __init__(self) -> None:
        self.malformed = 0
        self.damage: str | None = None
        self._order: Literal["big", "little"] = "little"
        self._interfaces = Interfaces()

    def index(self, data: NDArray[np.uint8]) -> tuple[Frames, int]:
        """The whole frames in `data`, which continues where the last block's used bytes ended; bytes used."""
        room = len(data) // 16
        offset, cap_len, time_ns = np.empty(room, "i8"), np.empty(room, "i8"), np.empty(room, "i8")
        wire_len, link_type = np.empty(room, "u4"), np.empty(room, "u4")
        ticks, interface = np.empty(room, "u8"), np.empty(room, "i4")
        at, n, first, block = 0, 0, 0, b"more"
        while block:
            snaplen = self._interfaces.snaplen[0] if self._interfaces.snaplen else 0
            n, at, malformed, why = index_pcapng(
                data, at, n, self._order == "big", len(self._interfaces), snaplen,
                offset, cap_len, wire_len, ticks, interface, work=len(data) - at,
            )  # fmt: skip
            self.malformed += malformed
            block = self._description(data, at) if why == DESCRIPTION else b""
            if why == DAMAGED:
                self.damage = "a block claims an impossible length"
            if n > first and (not block or block[:4] == MAGIC):
                time_ns[first:n] = self._interfaces.times(ticks[first:n], interface[first:n])
                link_type[first:n] = np.array(self._interfaces.link_type, "u4")[interface[first:n]]
                first = n
            self._describe(block)
            at += len(block)
        return Frames(data, offset[:n], cap_len[:n], wire_len[:n], time_ns[:n], link_type[:n]), at

    def _description(self, data: NDArray[np.uint8], at: int) -> bytes:
        """The whole section or interface block at `at`; empty where bytes are missing or it is damaged."""
        head = data[at : at + 12].tobytes()
        section = head[:4] == MAGIC
        order = BYTE_ORDER.get(head[8:12]) if section else self._order
        if order is None:
            self.damage = f"a section has the byte-order magic {head[8:12].hex(' ')}"
            return b""
        length = int.from_bytes(head[4:8], order)
        version = int.from_bytes(data[at + 12 : at + 14].tobytes(), order)
        if section and at + 14 <= len(data) and version != 1:
            self.damage = f"a section is of pcapng version {version}, not 1"
            return b""
        if not (28 if section else 20) <= length <= LONGEST_BLOCK:
            self.damage = f"a section or interface block claims {length:,} bytes"
            return b""
        length = (length + 3) // 4 * 4
        return data[at : at + length].tobytes() if at + length <= len(data) else b""

    def _describe(self, block: bytes) -> None:
        if block[:4] == MAGIC:
            self._order = BYTE_ORDER[block[8:12]]
            self._interfaces = Interfaces()
        elif block:
            self._interfaces.add(block, self._order)
