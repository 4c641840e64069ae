"""One direction of a TCP connection put together from its segments, as far as they were captured."""

from __future__ import annotations

FARTHEST = 1 << 20  # bytes from the base; a segment beyond belongs to no handshake


class Stream:
    """The bytes from sequence number `base` on; segments may be cut, repeated or out of order.

    Positions count from `base`. What a segment had on the wire is told apart from what was captured of it.
    """

    def __init__(self, base: int) -> None:
        self.base = base
        self.seen = 0  # all bytes before this position were on the wire
        self.last_ns: int | None = None  # the last packet that brought something new
        self._segments: list[tuple[int, int, bytes]] = []  # start, end on the wire, captured bytes
        self._growth: list[tuple[int, int]] = []  # (seen, time) each time that `seen` moved

    def add(self, sequence: int, captured: bytes, length: int, time_ns: int) -> bool:
        """Take a segment of `length` bytes on the wire; False if it brings nothing new."""
        start = (sequence - self.base + (1 << 31)) % (1 << 32) - (1 << 31)
        end = start + length
        known = end <= self.seen or any(s <= start and end <= e for s, e, _ in self._segments)
        if known or start > FARTHEST:
            return False
        self._segments.append((start, end, captured))
        self.last_ns = time_ns
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
        found = b""
        while len(found) < length:
            at = start + len(found)
            piece = next((c[at - s :] for s, _, c in self._segments if s <= at < s + len(c)), b"")
            if not piece:
                break
            found += piece[: length - len(found)]
        return found
