"""Segments of TCP connections, and one direction of a connection put together from those captured."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from edgeprint.packets.frames import Frames
from edgeprint.packets.rows import Marked
from edgeprint.packets.table import PacketTable

FARTHEST = 1 << 17  # bytes; a segment farther on belongs to no handshake, one farther back is no repetition


class Segment(NamedTuple):
    """A TCP segment with payload, as far as a handshake or a DNS message needs it."""

    row: int
    conversation: int
    hello: bool
    dns: bool
    time_ns: int
    source: int  # MAC
    destination: int
    port: int  # source port
    sequence: int
    acknowledged: int
    length: int  # on the wire
    captured: bytes

    @property
    def sender(self) -> tuple[int, int]:
        """MAC and port: both ends of a connection may have the same port."""
        return self.source, self.port


def segments(frames: Frames, table: PacketTable, marked: Marked) -> list[Segment]:
    """The marked packets [m] of the frames [n] whose rows are `table` [n]."""
    if not len(marked.row):
        return []
    rows = marked.row
    start = frames.offset[rows] + table.payload_offset[rows]
    end = np.minimum(start + table.payload_len[rows], frames.offset[rows] + frames.cap_len[rows])
    numbers = frames.data[marked.tcp_at[:, None] + np.arange(4, 12)].view(">u4")
    columns = (
        rows, marked.conversation, marked.hello, marked.dns, table.time_ns[rows], table.src[rows],
        table.dst[rows], table.src_port[rows], numbers[:, 0], numbers[:, 1], table.payload_len[rows],
    )  # fmt: skip
    octets = memoryview(frames.data)  # type: ignore[arg-type]
    captured = [bytes(octets[a:b]) for a, b in zip(start.tolist(), end.tolist(), strict=True)]
    return list(map(Segment._make, zip(*(c.tolist() for c in columns), captured, strict=True)))


class Stream:
    """The bytes from sequence number `base` on; segments may be cut, repeated or out of order.

    Positions count from `base`. What a segment had on the wire is told apart from what was captured of it.
    """

    __slots__ = ("_growth", "_segments", "base", "head", "last_ns", "seen")

    def __init__(self, base: int) -> None:
        self.base = base
        self.seen = 0  # all bytes before this position were on the wire
        self.last_ns: int | None = None  # the last packet that brought something new
        self.head = b""  # what came in order and whole; then it stays as it is
        self._segments: list[tuple[int, int, bytes]] = []  # the others: start, end on the wire, captured
        self._growth: list[tuple[int, int]] = []  # (seen, time) each time that `seen` moved

    def add(self, sequence: int, captured: bytes, length: int, time_ns: int) -> bool:
        """Take a segment of `length` bytes on the wire; False if it brings nothing new."""
        start = (sequence - self.base + (1 << 31)) % (1 << 32) - (1 << 31)
        end = start + length
        if start == len(self.head) and len(captured) == length and end <= FARTHEST and not self._segments:
            self.head += captured
            self.seen, self.last_ns = end, time_ns
            self._growth.append((end, time_ns))
            return True
        known = end <= self.seen or any(s <= start and end <= e for s, e, _ in self._segments)
        if known or start > FARTHEST:
            return False
        self.last_ns = time_ns
        self._segments.append((start, end, captured))
        before = self.seen
        for start, end, _ in sorted(self._segments):
            if start <= self.seen < end:
                self.seen = end
        if self.seen > before:
            self._growth.append((self.seen, time_ns))
        return True

    def seen_ns(self, position: int) -> int | None:
        """Time of the packet with which all bytes before the position had been on the wire."""
        return next((time_ns for seen, time_ns in self._growth if seen >= position), None)

    def read(self, start: int, length: int) -> bytes:
        """The captured bytes from a position on, at most `length`, up to the first that is missing."""
        found = self.head[start : start + length]
        while self._segments and len(found) < length:
            at = start + len(found)
            piece = next((c[at - s :] for s, _, c in self._segments if s <= at < s + len(c)), b"")
            if not piece:
                break
            found += piece[: length - len(found)]
        return found
