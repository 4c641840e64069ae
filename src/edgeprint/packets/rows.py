"""The loop that fills the PacketTable's columns, one row a frame, and marks the packets of TLS handshakes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgeprint.packets.frames import Frames, be16
from edgeprint.packets.headers import HEADER_PARTS, conversation, is_client_hello, network, transport
from edgeprint.packets.hot_loop import HotLoop
from edgeprint.packets.link_layer import IPV4, IPV6, LINK_PARTS, link_layer, untag
from edgeprint.packets.table import COLUMNS, TCP

IP = (IPV4, IPV6)

INTERPRETED_FRAMES = 100_000  # before compiling
SLOTS = 16384  # TLS conversations followed at a time
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
    """Packets that may belong to a TLS handshake: their rows, conversations and TCP headers, arrays [n]."""

    row: NDArray[np.int64]
    conversation: NDArray[np.int64]
    tcp_at: NDArray[np.int64]  # in the bytes of the block
    hello: NDArray[np.bool_]

    def first(self, n: int) -> Marked:
        return Marked(self.row[:n], self.conversation[:n], self.tcp_at[:n], self.hello[:n])


def fill_rows(data, offset, cap_len, wire_len, link_type, columns, followed, marked):
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


def mark(data, row, ip_at, tcp_at, payload, end, followed, marked, marks):
    """Write row `marks` of `marked`, and return 1, if this TCP segment opens or continues a TLS handshake."""
    number = conversation(data, ip_at, be16(data, tcp_at), be16(data, tcp_at + 2))
    slot = number % SLOTS
    hello = is_client_hello(data, payload, end)
    if hello:
        followed.conversation[slot] = number
        followed.segments_left[slot] = SEGMENTS
    if followed.conversation[slot] != number or followed.segments_left[slot] == 0:
        return 0
    followed.segments_left[slot] -= 1
    marked.row[marks] = row
    marked.conversation[marks] = number
    marked.tcp_at[marks] = tcp_at
    marked.hello[marks] = hello
    return 1


_fill = HotLoop(fill_rows, *LINK_PARTS, *HEADER_PARTS, mark, patience=INTERPRETED_FRAMES)


def fill(frames: Frames, followed: Followed) -> tuple[Columns, Marked, int]:
    """Columns of the frames, packets that may belong to TLS handshakes, number of malformed frames."""
    n = len(frames)
    columns = Columns.zeros(n)
    marked = Marked(np.empty(n, "i8"), np.empty(n, "i8"), np.empty(n, "i8"), np.empty(n, "?"))
    marks, malformed = _fill(
        frames.data, frames.offset, frames.cap_len, frames.wire_len, frames.link_type,
        columns, followed, marked, work=n,
    )  # fmt: skip
    return columns, marked.first(marks), malformed
