"""The loop that fills the PacketTable's columns, a row a frame, and marks TLS handshakes and DNS over TCP."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgeprint.packets.frames import Frames, Octets, be16
from edgeprint.packets.headers import HEADER_PARTS, conversation, is_client_hello, network, transport
from edgeprint.packets.hot_loop import HotLoop
from edgeprint.packets.link_layer import IPV4, IPV6, LINK_PARTS, link_layer, untag
from edgeprint.packets.table import COLUMNS, TCP

IP = (IPV4, IPV6)

INTERPRETED_FRAMES = 100_000  # before compiling
SLOTS = 16384  # TLS conversations followed at a time
DNS = 53
SEGMENTS = 40  # with payload, followed from a ClientHello on: a handshake takes 4 to 15


class Columns(NamedTuple):
    """The columns [n] that come from the bytes; a row that the loop does not fill must be zero."""

    src: NDArray[np.uint64]
    dst: NDArray[np.uint64]
    vlan: NDArray[np.uint16]
    ethertype: NDArray[np.uint16]
    ip_version: NDArray[np.uint8]
    ip_proto: NDArray[np.uint8]
    ttl: NDArray[np.uint8]
    df: NDArray[np.bool_]
    has_ports: NDArray[np.bool_]
    src_port: NDArray[np.uint16]
    dst_port: NDArray[np.uint16]
    tcp_window: NDArray[np.uint16]
    tcp_flags: NDArray[np.uint8]
    payload_offset: NDArray[np.uint32]
    payload_len: NDArray[np.uint32]

    @classmethod
    def zeros(cls, n: int) -> Columns:
        return cls(*(np.zeros(n, COLUMNS[name]) for name in cls._fields))


class Followed(NamedTuple):
    """Conversations in which a ClientHello was seen: arrays [SLOTS]; a later one may take another's slot."""

    conversation: NDArray[np.int64]
    segments_left: NDArray[np.int64]

    @classmethod
    def none(cls) -> Followed:
        return cls(np.zeros(SLOTS, "i8"), np.zeros(SLOTS, "i8"))


class Marked(NamedTuple):
    """Packets that may belong to a TLS handshake, or carry DNS over TCP: arrays [n]."""

    row: NDArray[np.int64]
    conversation: NDArray[np.int64]
    tcp_at: NDArray[np.int64]  # the TCP header's place in the bytes of the block
    hello: NDArray[np.bool_]
    dns: NDArray[np.bool_]

    @classmethod
    def room(cls, n: int) -> Marked:
        row, conversation, tcp_at = (np.empty(n, "i8") for _ in range(3))
        return cls(row, conversation, tcp_at, np.empty(n, "?"), np.empty(n, "?"))

    def first(self, n: int) -> Marked:
        return Marked(*(column[:n] for column in self))  # type: ignore[arg-type]


def fill_rows(
    data: Octets,
    offset: NDArray[np.int64],
    cap_len: NDArray[np.int64],
    wire_len: NDArray[np.uint32],
    link_type: NDArray[np.uint32],
    columns: Columns,
    followed: Followed,
    marked: Marked,
) -> tuple[int, int]:
    """Fill `columns` and `marked`, update `followed`; return (packets marked, malformed frames).

    A frame counts as malformed when it was captured whole and yet a header is cut or contradicts itself.
    """
    malformed = 0
    marks = 0
    for row in range(len(offset)):
        start = int(offset[row])
        end, wire_end = start + int(cap_len[row]), start + int(wire_len[row])
        source, destination, ethertype, at = link_layer(data, start, end, int(link_type[row]))
        columns.src[row] = source
        columns.dst[row] = destination
        if at >= 0:
            vlan, ethertype, at = untag(data, at, end, ethertype)
            columns.vlan[row] = vlan
        columns.ethertype[row] = ethertype
        if at >= 0 and ethertype in IP:
            ip_at = at
            protocol, ttl, df, later, at, stop = network(data, at, end, wire_end, ethertype)
            if at >= 0:
                columns.ip_version[row] = 4 if ethertype == IPV4 else 6
                columns.ip_proto[row] = protocol
                columns.ttl[row] = ttl
                columns.df[row] = df
                tcp_at = at
                ports, here, there, window, flags, at, stop = transport(data, at, end, stop, protocol, later)
                columns.has_ports[row] = ports
                columns.src_port[row] = here
                columns.dst_port[row] = there
                columns.tcp_window[row] = window
                columns.tcp_flags[row] = flags
                if 0 <= at < stop:
                    columns.payload_offset[row] = at - start
                    columns.payload_len[row] = stop - at
                    if ports and protocol == TCP and at < end:
                        marks += mark(data, row, ip_at, tcp_at, at, end, followed, marked, marks)
        if at < 0 and end >= wire_end:
            malformed += 1
    return marks, malformed


def mark(
    data: Octets,
    row: int,
    ip_at: int,
    tcp_at: int,
    payload: int,
    end: int,
    followed: Followed,
    marked: Marked,
    marks: int,
) -> int:
    """Write row `marks` of `marked`, and return 1, if this TCP segment is part of a TLS handshake or DNS."""
    here, there = be16(data, tcp_at), be16(data, tcp_at + 2)
    dns = here == DNS or there == DNS
    number = conversation(data, ip_at, here, there)
    slot = number % SLOTS
    hello = is_client_hello(data, payload, end)
    if hello:
        followed.conversation[slot] = number
        followed.segments_left[slot] = SEGMENTS
    handshake = followed.conversation[slot] == number and followed.segments_left[slot] > 0
    if not handshake and not dns:
        return 0
    if handshake:
        followed.segments_left[slot] -= 1
    marked.row[marks] = row
    marked.conversation[marks] = number
    marked.tcp_at[marks] = tcp_at
    marked.hello[marks] = hello
    marked.dns[marks] = dns
    return 1


_fill = HotLoop(fill_rows, *LINK_PARTS, *HEADER_PARTS, mark, patience=INTERPRETED_FRAMES)


def fill(frames: Frames, followed: Followed) -> tuple[Columns, Marked, int]:
    """Columns of the frames, packets of TLS handshakes and of DNS over TCP, number of malformed frames."""
    n = len(frames)
    columns = Columns.zeros(n)
    marked = Marked.room(n)
    marks, malformed = _fill(
        frames.data, frames.offset, frames.cap_len, frames.wire_len, frames.link_type,
        columns, followed, marked, work=n,
    )  # fmt: skip
    return columns, marked.first(marks), malformed
