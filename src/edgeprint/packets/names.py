"""DNS questions from the packets of port 53 (RFC 1035, sections 4.1 and 4.2.2), over UDP and over TCP.

Devices ask the same few names all day: the loop finds each question and gives its name a number, and each
distinct name of a block is put into text once. Malformed messages give the questions before the fault.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgeprint.packets.frames import Frames, Octets, be16
from edgeprint.packets.hot_loop import HotLoop
from edgeprint.packets.rows import DNS
from edgeprint.packets.table import UDP, DnsTable, PacketTable
from edgeprint.packets.tcp_stream import FARTHEST, Segment

LONGEST_NAME = 255
MOST_POINTERS = 127  # in a name, as many as it has labels
ENOUGH_BYTES = 1024  # of a message over TCP: its questions stand in front
MOST_QUESTIONS = 8  # of a message; queries have one (RFC 9619)
MOST_STREAMS = 4096  # directions of TCP conversations followed at a time; the oldest gives way
SHORTEST_QUESTION = 5  # the root, type and class
INTERPRETED_BYTES = 300_000  # of messages before compiling
PRIME = 2147483647
# Bases of two polynomial hashes, drawn anew in each process: nobody can prepare names that share a number.
KEYS = (secrets.randbelow(PRIME - 1000) + 500, secrets.randbelow(PRIME - 1000) + 500)
PRINTABLE = {octet: chr(octet) for octet in range(33, 127)} | {ord("."): "\\.", ord("\\"): "\\\\"}


class Questions(NamedTuple):
    """Questions found, arrays [n]: the message's index, the name's place and number, the question's type."""

    message: NDArray[np.int64]
    name_at: NDArray[np.int64]
    name_number: NDArray[np.int64]
    qtype: NDArray[np.int64]

    @classmethod
    def room(cls, n: int) -> Questions:
        return cls(*(np.empty(n, "i8") for _ in cls._fields))

    def first(self, n: int) -> Questions:
        return Questions(*(column[:n] for column in self))


def walk_name(data: Octets, start: int, at: int, end: int, key: int, other_key: int) -> tuple[int, int]:
    """(number, place behind) of the name at `at` in the message from `start` to `end`; -1 behind: malformed.

    Names that differ in more than case have different numbers. A compression pointer must point before the
    place it was reached from, so that none can loop, and there is a bound to their number, so that a message
    full of them takes no longer to read than another.
    """
    one, other, length, behind, lowest, pointers = 1, 1, 0, 0, at, 0
    while at < end:
        size = data[at] + 0
        if size == 0:
            return one * 2147483648 + other, behind if behind > 0 else at + 1
        if size >= 192:
            if at + 2 > end:
                break
            if behind == 0:
                behind = at + 2
            at = start + be16(data, at) % 16384
            pointers += 1
            if at >= lowest or pointers > MOST_POINTERS:
                break
            lowest = at
        else:
            length += size + 1
            if size >= 64 or length >= LONGEST_NAME or at + 1 + size > end:
                break
            for i in range(at, at + 1 + size):
                octet = data[i] + 0
                if i == at:
                    octet += 256
                elif octet >= 65 and octet <= 90:
                    octet += 32
                one = (one * key + octet) % PRIME
                other = (other * other_key + octet) % PRIME
            at += 1 + size
    return 0, -1


def find_questions(
    data: Octets, start: NDArray, end: NDArray, key: int, other_key: int, found: Questions
) -> int:
    """Fill `found` with the questions of the messages data[start[i] : end[i]]; return how many."""
    n = 0
    for message in range(len(start)):
        first, stop = int(start[message]), int(end[message])
        if first + 12 > stop or (data[first + 2] // 16) % 8 > 0:  # other operations do not ask for names
            continue
        at = first + 12
        for _ in range(min(be16(data, first + 4), MOST_QUESTIONS)):
            number, behind = walk_name(data, first, at, stop, key, other_key)
            if behind < 0 or behind + 4 > stop:
                break
            found.message[n] = message
            found.name_at[n] = at
            found.name_number[n] = number
            found.qtype[n] = be16(data, behind)
            n += 1
            at = behind + 4
    return n


_find = HotLoop(find_questions, be16, walk_name, patience=INTERPRETED_BYTES)


def read_questions(frames: Frames, table: PacketTable, tcp: Iterable[tuple[int, bytes]] = ()) -> DnsTable:
    """The questions in the frames [n] whose rows are `table` [n], queries and responses alike.

    `tcp`: rows and messages that DnsStreams put together.
    """
    rows = np.flatnonzero((table.src_port == DNS) | (table.dst_port == DNS))
    rows = rows[(table.ip_proto[rows] == UDP) & (table.payload_len[rows] > 0)]
    start = frames.offset[rows] + table.payload_offset[rows]
    end = np.minimum(start + table.payload_len[rows], frames.offset[rows] + frames.cap_len[rows])
    parts = [_read(frames.data, rows, start, end)]
    if messages := list(tcp):
        data = np.frombuffer(bytearray(b"".join(message for _, message in messages)), "u1")
        ends = np.cumsum([len(message) for _, message in messages])
        starts = np.concatenate([[0], ends[:-1]])
        parts.append(_read(data, np.array([row for row, _ in messages]), starts, ends))
    return _in_order(parts) if len(parts) > 1 else parts[0]


def _in_order(parts: list[DnsTable]) -> DnsTable:
    packet = np.concatenate([part.packet for part in parts])
    order = np.argsort(packet, kind="stable")
    columns = ([getattr(part, name) for part in parts] for name in ("response", "qtype", "name"))
    return DnsTable(packet[order], *(np.concatenate(column)[order] for column in columns))


def _read(data: NDArray[np.uint8], rows: NDArray, start: NDArray, end: NDArray) -> DnsTable:
    """Questions of the messages data[start[i] : end[i]], which came in the packets `rows` [m]."""
    octets = int(np.maximum(end - start, 0).sum())
    found = Questions.room(octets // SHORTEST_QUESTION)
    found = found.first(_find(data, start, end, *KEYS, found, work=octets)) if octets else found
    if not len(found.message):
        return DnsTable.empty()
    _, example, name = np.unique(found.name_number, return_index=True, return_inverse=True)
    places = zip(start[found.message[example]].tolist(), found.name_at[example].tolist(), strict=True)
    texts = np.array([_text(data, *place) for place in places], object)
    response = data[start[found.message] + 2] >= 128
    return DnsTable(rows[found.message], response, found.qtype.astype("u2"), texts[name])


def questions(message: bytes) -> list[tuple[int, str]]:
    """(type, name) of each question of a DNS message, until the first that is malformed."""
    data = np.frombuffer(bytearray(message), "u1")  # writable, as frames are: one compiled loop for both
    found = _read(data, np.array([0]), np.array([0]), np.array([len(message)]))
    return list(zip(found.qtype.tolist(), found.name, strict=True))


def read_name(message: bytes, at: int) -> tuple[str | None, int]:
    """The name at a place and the place behind it; None where it is malformed."""
    _, behind = walk_name(memoryview(message), 0, at, len(message), *KEYS)
    return (None, 0) if behind < 0 else (_text(message, 0, at), behind)


def _text(data: bytes | NDArray[np.uint8], start: int, at: int) -> str:
    """The name at `at` of the message from `start` on, which walk_name has found well-formed."""
    labels = []
    while size := int(data[at]):
        if size >= 0xC0:
            at = start + (size % 64) * 256 + int(data[at + 1])
        else:
            labels.append(_label(bytes(data[at + 1 : at + 1 + size])))
            at += 1 + size
    return ".".join(labels)


def _label(octets: bytes) -> str:
    """The label in lower case; what a name's text form cannot hold is escaped as in a zone file."""
    return "".join(PRINTABLE.get(octet, f"\\{octet:03d}") for octet in octets.lower())


class DnsStreams:
    """DNS messages over TCP, each behind its length, put together across segments.

    A message is given once its questions are there, or ENOUGH_BYTES of it, with the row of the segment that
    brought them; the rest of it is passed over. Of a segment that was cut, what was captured is given. A
    message of which a segment is missing is lost, unless its questions came before.
    """

    def __init__(self) -> None:
        self._open: dict[tuple[int, tuple[int, int]], _Direction] = {}

    def read(self, segments: Iterable[Segment]) -> list[tuple[int, bytes]]:
        """(row, message) of all messages whose questions end in these segments."""
        found = []
        for segment in segments:
            key = segment.conversation, segment.sender
            direction = self._open.pop(key, None) or _Direction()
            self._open[key] = direction
            if len(self._open) > MOST_STREAMS:
                del self._open[next(iter(self._open))]
            found += [(segment.row, message) for message in direction.add(segment)]
        return found


class _Direction:
    """One direction of a conversation."""

    def __init__(self) -> None:
        self.waiting = b""  # of a message that is not given yet
        self.passing = 0  # bytes to come of one that is
        self.following: int | None = None  # sequence number

    def add(self, segment: Segment) -> list[bytes]:
        known = self._known(segment.sequence)
        captured, length = segment.captured[known:], segment.length - known
        if length <= 0:
            return []  # a repetition
        if not known and segment.sequence != self.following:
            self.waiting, self.passing = b"", 0
        self.following = (segment.sequence + segment.length) % (1 << 32)
        passed = min(self.passing, length)
        self.passing -= passed
        self.waiting += captured[passed:]
        lacking = length - max(passed, len(captured))  # on the wire, but not captured
        found = list(self._messages(cut=lacking > 0))
        if lacking > 0:
            self.waiting, self.passing = b"", max(0, self.passing - lacking)
        return found

    def _known(self, sequence: int) -> int:
        """Bytes from `sequence` on that came before; 0 where it is far off, as in a new connection."""
        if self.following is None:
            return 0
        known = (self.following - sequence) % (1 << 32)
        return known if known < FARTHEST else 0

    def _messages(self, *, cut: bool) -> Iterator[bytes]:
        while len(self.waiting) >= 14:
            length = int.from_bytes(self.waiting[:2], "big")
            if length < 12:  # no DNS message: wait for a segment that begins with one
                self.waiting, self.following = b"", None
                return
            message = self.waiting[2 : 2 + length]
            asked = min(int.from_bytes(message[4:6], "big"), MOST_QUESTIONS)
            whole = len(message) == length or cut or len(message) >= ENOUGH_BYTES
            if not whole and not 0 < asked == len(questions(message)):
                return
            yield message
            self.waiting = self.waiting[2 + len(message) :]
            self.passing = length - len(message)
