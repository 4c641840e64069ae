"""DNS questions from the packets of port 53 (RFC 1035, sections 4.1 and 4.2.2).

Over TCP a message is read where it starts with its segment, as nearly all do; questions stand in front, so a
message that goes on in the next segment still gives its own. Malformed messages give the questions before the
fault.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from edgeprint.packets.frames import Frames
from edgeprint.packets.table import TCP, DnsTable, PacketTable

LONGEST_NAME = 255
PRINTABLE = {octet: chr(octet) for octet in range(33, 127)} | {ord("."): "\\.", ord("\\"): "\\\\"}


def read_questions(frames: Frames, table: PacketTable) -> DnsTable:
    """The questions in the frames [n] whose rows are `table` [n], queries and responses alike."""
    rows = np.flatnonzero(table.is_dns & (table.payload_len > 0))
    starts = frames.offset[rows] + table.payload_offset[rows]
    ends = np.minimum(starts + table.payload_len[rows], frames.offset[rows] + frames.cap_len[rows])
    octets = memoryview(frames.data)  # type: ignore[arg-type]
    found: list[tuple[int, bool, int, str]] = []
    over_tcp = table.ip_proto[rows] == TCP
    for row, start, end, tcp in zip(*(c.tolist() for c in (rows, starts, ends, over_tcp)), strict=True):
        payload = bytes(octets[start:end])
        for message in segment_messages(payload) if tcp else (payload,):
            response = len(message) > 2 and message[2] >= 128
            found += [(row, response, qtype, name) for qtype, name in questions(message)]
    if not found:
        return DnsTable.empty()
    packet, answered, qtype, name = zip(*found, strict=True)
    names = np.empty(len(name), object)
    names[:] = name
    return DnsTable(np.array(packet, "i8"), np.array(answered, "?"), np.array(qtype, "u2"), names)


def segment_messages(payload: bytes) -> Iterator[bytes]:
    """The messages of a TCP segment, each behind its length; the last may be cut."""
    at = 0
    while at + 14 <= len(payload):
        length = int.from_bytes(payload[at : at + 2], "big")
        if length < 12:
            return
        yield payload[at + 2 : at + 2 + length]
        at += 2 + length


def questions(message: bytes) -> list[tuple[int, str]]:
    """(type, name) of each question of a DNS message, until the first that is malformed."""
    if len(message) < 12 or message[2] & 0x70:  # operation codes above 1 are not questions about names
        return []
    count, at = int.from_bytes(message[4:6], "big"), 12
    if count == 1 and (plain := _plain_question(message[12 : message.find(0, 12) + 5])):
        return [plain]
    found: list[tuple[int, str]] = []
    while len(found) < count:
        name, at = read_name(message, at)
        if name is None or at + 4 > len(message):
            break
        found.append((int.from_bytes(message[at : at + 2], "big"), name))
        at += 4
    return found


@lru_cache(maxsize=4096)
def _plain_question(octets: bytes) -> tuple[int, str] | None:
    """A question with neither a pointer nor a zero inside its name: devices ask the same few all day."""
    name, at = read_name(octets, 0)
    return (int.from_bytes(octets[at : at + 2], "big"), name) if name and at + 4 == len(octets) else None


def read_name(message: bytes, at: int) -> tuple[str | None, int]:
    """The name at a place and the place behind it; None where it is malformed.

    A compression pointer must point before the place it was reached from, so that none can loop.
    """
    labels: list[str] = []
    behind, lowest, length = 0, at, 0
    while at < len(message):
        size = message[at]
        if size == 0:
            return ".".join(labels), behind or at + 1
        if size >= 0xC0:
            if at + 2 > len(message):
                break
            behind = behind or at + 2
            at = int.from_bytes(message[at : at + 2], "big") & 0x3FFF
            if at >= lowest:
                break
            lowest = at
            continue
        length += size + 1
        if size >= 0x40 or length >= LONGEST_NAME or at + 1 + size > len(message):
            break
        labels.append(_label(message[at + 1 : at + 1 + size]))
        at += 1 + size
    return None, 0


def _label(octets: bytes) -> str:
    """The label in lower case; what a name's text form cannot hold is escaped as in a zone file."""
    return "".join(PRINTABLE.get(octet, f"\\{octet:03d}") for octet in octets.lower())
