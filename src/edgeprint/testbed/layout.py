"""Which bytes of a captured frame a resampled home keeps, and where its headers stand.

    rows = lay_out(frames, table, marked)   # one FRAME row a frame
    pool = kept_bytes(frames, rows)         # what is kept, frame after frame

Kept: Ethernet, ARP, IP and transport headers; DNS messages; TLS handshakes. Everything else that a frame
carried is cut from storage, its length on the wire stays: ICMP and IGMP behind their first four bytes, DHCP,
mDNS and all application data behind the transport header, other ethertypes behind the link header.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgeprint.packets.frames import Frames
from edgeprint.packets.link_layer import VLAN_TAGS
from edgeprint.packets.rows import DNS, Marked
from edgeprint.packets.table import ETHERTYPE_ARP, ICMP, ICMPV6, TCP, UDP, PacketTable
from edgeprint.testbed.pool import spread

IGMP, HOP_BY_HOP = 2, 0
APPLICATION_DATA = 23  # type of a TLS record
OTHER, ARP, IPV4, IPV6 = 0, 1, 4, 6  # kind of a frame
NO_PAYLOAD, DNS_MESSAGE, HANDSHAKE = 0, 1, 2  # what is kept behind the headers
FRAME = np.dtype(
    [
        ("time", "i8"),  # nanoseconds since the epoch
        ("at", "i8"),  # of its kept bytes in the pool
        ("flow", "u8"),  # the same for both directions of a TCP connection, else 0
        ("wire", "u4"),  # length on the wire
        ("load", "u4"),  # of it, what the transport header carries
        ("kept", "u4"),  # bytes kept
        ("network", "u2"),  # where the network header begins, after VLAN tags
        ("transport", "u2"),  # where the transport header begins; 0: there is none
        ("body", "u2"),  # where the headers end
        ("kind", "u1"),
        ("proto", "u1"),
        ("payload", "u1"),
        ("device", "i2"),
        ("folder", "i2"),
        ("session", "i4"),
        ("capture", "i4"),  # with `row` the source frame's name
        ("row", "i8"),
    ]
)


def lay_out(frames: Frames, table: PacketTable, marked: Marked) -> NDArray:
    """FRAME rows [n] of Ethernet frames [n] with their `table` [n]; device, session and capture are zero."""
    rows = np.zeros(len(frames), FRAME)
    rows["time"], rows["wire"], rows["load"] = frames.time_ns, frames.wire_len, table.payload_len
    rows["network"] = 14 + 4 * _tags(frames)
    arp = (table.ethertype == ETHERTYPE_ARP) & _is_plain_arp(frames, rows["network"])
    rows["kind"] = np.where(arp, ARP, table.ip_version)
    rows["proto"] = np.where(table.ip_version > 0, table.ip_proto, 0)
    behind = _behind_network(frames, rows)
    segment = table.has_ports & (rows["proto"] == TCP)
    datagram = table.has_ports & (rows["proto"] == UDP)
    rows["transport"] = np.where(segment | datagram, behind, 0)
    size = np.where(datagram, 8, (_octet(frames, behind + 12) >> 4) * 4)
    note = np.isin(rows["proto"], (ICMP, ICMPV6, IGMP)) * 4
    rows["body"] = behind + np.where(segment | datagram, size, note)
    _keep_payload(frames, table, marked, rows)
    end = np.where(rows["payload"] > 0, table.payload_offset + table.payload_len, rows["body"])
    rows["kept"] = np.minimum(end, frames.cap_len)
    rows["body"] = np.minimum(rows["body"], frames.cap_len)
    rows["flow"][segment] = _connections(frames, table, rows)[segment]
    return rows


def kept_bytes(frames: Frames, rows: NDArray) -> NDArray[np.uint8]:
    """The kept bytes of frames [n], one after the other; fills rows["at"] with where each begins."""
    rows["at"] = np.cumsum(rows["kept"], dtype="i8") - rows["kept"]
    return frames.data[spread(frames.offset, rows["kept"])]


def _octet(frames: Frames, at: NDArray) -> NDArray[np.int64]:
    """The byte [n] at `at` of each frame, 0 where it was not captured."""
    inside = (at >= 0) & (at < frames.cap_len)
    return np.where(inside, frames.data[np.where(inside, frames.offset + at, 0)], 0).astype("i8")


def _number(frames: Frames, at: NDArray, size: int) -> NDArray[np.uint64]:
    total = np.zeros(len(frames), "u8")
    for i in range(size):
        total = total * np.uint64(256) + _octet(frames, at + i).astype("u8")
    return total


def _tags(frames: Frames) -> NDArray[np.int64]:
    """The number [n] of VLAN tags, up to two."""
    tags = np.zeros(len(frames), "i8")
    for before in range(2):
        tags += (tags == before) & np.isin(_number(frames, 12 + 4 * tags, 2), VLAN_TAGS)
    return tags


def _is_plain_arp(frames: Frames, at: NDArray) -> NDArray[np.bool_]:
    """ARP for IPv4 over Ethernet (RFC 826), captured whole."""
    sizes = _number(frames, at.astype("i8") + 4, 2) == 0x0604
    return sizes & (at.astype("i8") + 28 <= frames.cap_len)


def _behind_network(frames: Frames, rows: NDArray) -> NDArray[np.int64]:
    """Where [n] the network header ends: of IPv6 behind one hop-by-hop header too."""
    network = rows["network"].astype("i8")
    first = _octet(frames, network + 6)
    options = np.where(first == HOP_BY_HOP, (_octet(frames, network + 41) + 1) * 8, 0)
    size = np.select(
        [rows["kind"] == ARP, rows["kind"] == IPV4, rows["kind"] == IPV6],
        [28, (_octet(frames, network) & 15) * 4, 40 + options],
        0,
    )
    return network + size


def _keep_payload(frames: Frames, table: PacketTable, marked: Marked, rows: NDArray) -> None:
    """Mark DNS messages, and TLS segments from a ClientHello to the first application data each way."""
    domain = (table.src_port == DNS) | (table.dst_port == DNS)
    rows["payload"][domain & (rows["proto"] == UDP) & (table.payload_len > 0)] = DNS_MESSAGE
    over: set[tuple[int, int]] = set()  # directions of connections that are past their handshake
    first = _octet(frames, table.payload_offset.astype("i8"))[marked.row]
    columns = (marked.row, marked.conversation, table.src_port[marked.row], marked.hello, marked.dns, first)
    for row, talk, port, hello, dns, octet in zip(*(c.tolist() for c in columns), strict=True):
        if dns:
            rows["payload"][row] = DNS_MESSAGE
            continue
        if hello:
            over = {way for way in over if way[0] != talk}
        elif octet == APPLICATION_DATA:
            over.add((talk, port))
        if (talk, port) not in over:
            rows["payload"][row] = HANDSHAKE


def _connections(frames: Frames, table: PacketTable, rows: NDArray) -> NDArray[np.uint64]:
    """A number [n] for the two ends of each connection, the same in both directions."""
    network, four = rows["network"].astype("i8"), rows["kind"] == IPV4
    ends = []
    for ours, port in ((0, table.src_port), (1, table.dst_port)):
        short = _number(frames, network + 12 + 4 * ours, 4)
        long = _number(frames, network + 8 + 16 * ours, 8) * np.uint64(31)
        long = long + _number(frames, network + 16 + 16 * ours, 8)
        ends.append(np.where(four, short, long) * np.uint64(65536) + port.astype("u8"))
    low, high = np.minimum(*ends), np.maximum(*ends)
    return mixed(mixed(low) + high)


def mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Numbers [n] scattered over 1 to 2^64 - 1, equal for equal ones (the finaliser of splitmix64)."""
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        numbers = (numbers ^ numbers >> np.uint64(shift)) * np.uint64(factor)
    return np.maximum(numbers ^ numbers >> np.uint64(31), np.uint64(1))
