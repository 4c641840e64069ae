"""The PacketTable: one row a frame, one numpy array a column.

    table = PacketTable.concatenate(chunks)
    mine = table.select(table.src == mac)
    mine.wire_len[mine.is_udp].sum()

Sizes are wire lengths, never capture lengths; times are nanoseconds since the epoch (UTC).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

ETHERTYPE_ARP = 0x0806
TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58

COLUMNS: dict[str, np.dtype] = {
    "time_ns": np.dtype("i8"),
    "wire_len": np.dtype("u4"),
    "src": np.dtype("u8"),  # MAC address, first octet most significant
    "dst": np.dtype("u8"),
    "vlan": np.dtype("u2"),  # innermost 802.1Q id, 0 where untagged
    "ethertype": np.dtype("u2"),  # after VLAN tags; 0 for 802.3 length frames
    "ip_version": np.dtype("u1"),  # 4, 6 or 0
    "ip_proto": np.dtype("u1"),  # IPv6: the header after the extensions
    "ttl": np.dtype("u1"),  # TTL or hop limit
    "df": np.dtype("?"),  # don't fragment (IPv4)
    "has_ports": np.dtype("?"),  # TCP or UDP header seen (no later fragment, not cut)
    "src_port": np.dtype("u2"),
    "dst_port": np.dtype("u2"),
    "tcp_window": np.dtype("u2"),
    "tcp_flags": np.dtype("u1"),
    "payload_offset": np.dtype("u4"),  # of the transport payload, from the frame's start; 0 where none
    "payload_len": np.dtype("u4"),  # of the transport payload on the wire
}


@dataclass(frozen=True)
class DnsTable:
    """DNS questions (port 53, UDP and TCP), one row a question."""

    packet: NDArray[np.int64]  # row of the PacketTable
    response: NDArray[np.bool_]
    qtype: NDArray[np.uint16]
    name: NDArray[np.object_]  # lower-case, without the final dot

    @classmethod
    def empty(cls) -> DnsTable:
        return cls(np.empty(0, "i8"), np.empty(0, "?"), np.empty(0, "u2"), np.empty(0, object))


@dataclass(frozen=True)
class HandshakeTable:
    """TLS handshakes, one row each (papers/cclp section IV.D).

    Up to TLS 1.2 `server_ns` is the packet that completes the server's certificate, `client_ns` the one that
    completes the client's key exchange. TLS 1.3 hides both: the end of the server's first flight and the
    start of the client's next. Resumed sessions have no certificate and no row.
    """

    client: NDArray[np.uint64]  # MAC that sent the ClientHello
    server: NDArray[np.uint64]  # MAC on the other side (often the router's)
    start_ns: NDArray[np.int64]  # ClientHello
    server_ns: NDArray[np.int64]
    client_ns: NDArray[np.int64]
    version: NDArray[np.uint16]  # 0x0303 is TLS 1.2, 0x0304 TLS 1.3; 0x0300 to 0x0302 are older

    @classmethod
    def empty(cls) -> HandshakeTable:
        macs, times = np.empty(0, "u8"), np.empty(0, "i8")
        return cls(macs, macs, times, times, times, np.empty(0, "u2"))

    def __len__(self) -> int:
        return len(self.start_ns)

    def select(self, rows: NDArray) -> HandshakeTable:
        """The given rows: a mask [n] or indices."""
        return HandshakeTable(**_rows(self, rows))


def _rows(side: object, keep: NDArray) -> dict[str, NDArray]:
    return {f.name: getattr(side, f.name)[keep] for f in fields(side)}  # type: ignore[arg-type]


@dataclass(frozen=True)
class PacketTable:
    """Parallel arrays [n], one row a frame, and two side tables; see COLUMNS for dtypes and meaning."""

    time_ns: NDArray[np.int64]
    wire_len: NDArray[np.uint32]
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
    dns: DnsTable
    handshakes: HandshakeTable

    def __len__(self) -> int:
        return len(self.time_ns)

    @classmethod
    def empty(cls) -> PacketTable:
        columns = {name: np.empty(0, dtype) for name, dtype in COLUMNS.items()}
        return cls(**columns, dns=DnsTable.empty(), handshakes=HandshakeTable.empty())

    @classmethod
    def from_columns(cls, columns: dict[str, NDArray], **sides: object) -> PacketTable:
        """Build from arrays [n]; a column not given is zero, a side table not given is empty."""
        n = len(next(iter(columns.values()))) if columns else 0
        full = {name: np.asarray(columns.get(name, np.zeros(n, t)), t) for name, t in COLUMNS.items()}
        return cls(**full, **{"dns": DnsTable.empty(), "handshakes": HandshakeTable.empty(), **sides})  # type: ignore[arg-type]

    @classmethod
    def concatenate(cls, tables: Sequence[PacketTable]) -> PacketTable:
        """Rows of all tables one after the other; DNS rows are renumbered."""
        if not tables:
            return cls.empty()
        columns = {name: np.concatenate([getattr(t, name) for t in tables]) for name in COLUMNS}
        starts = np.cumsum([0] + [len(t) for t in tables[:-1]])
        dns = {f.name: np.concatenate([getattr(t.dns, f.name) for t in tables]) for f in fields(DnsTable)}
        dns["packet"] = np.concatenate([t.dns.packet + s for t, s in zip(tables, starts, strict=True)])
        tls = {
            f.name: np.concatenate([getattr(t.handshakes, f.name) for t in tables])
            for f in fields(HandshakeTable)
        }
        return cls(**columns, dns=DnsTable(**dns), handshakes=HandshakeTable(**tls))

    def select(self, rows: NDArray) -> PacketTable:
        """The given rows: a mask [n], or indices in the wanted order. Keeps every handshake of the table."""
        index = np.flatnonzero(rows) if rows.dtype == bool else rows
        new = np.full(len(self), -1, "i8")
        new[index] = np.arange(len(index))
        kept = new[self.dns.packet] >= 0
        dns = _rows(self.dns, kept)
        dns["packet"] = new[dns["packet"]]
        columns = {name: getattr(self, name)[index] for name in COLUMNS}
        return PacketTable(**columns, dns=DnsTable(**dns), handshakes=self.handshakes)

    def in_time_order(self) -> PacketTable:
        """Rows sorted by time; packets of the same instant keep the capture's order."""
        if np.all(self.time_ns[1:] >= self.time_ns[:-1]):
            return self
        return self.select(np.argsort(self.time_ns, kind="stable"))

    def _port(self, *ports: int) -> NDArray[np.bool_]:
        return self.has_ports & (np.isin(self.src_port, ports) | np.isin(self.dst_port, ports))

    @property
    def is_arp(self) -> NDArray[np.bool_]:
        return self.ethertype == ETHERTYPE_ARP

    @property
    def is_tcp(self) -> NDArray[np.bool_]:
        return (self.ip_version > 0) & (self.ip_proto == TCP)

    @property
    def is_udp(self) -> NDArray[np.bool_]:
        return (self.ip_version > 0) & (self.ip_proto == UDP)

    @property
    def is_icmp(self) -> NDArray[np.bool_]:
        return ((self.ip_version == 4) & (self.ip_proto == ICMP)) | (
            (self.ip_version == 6) & (self.ip_proto == ICMPV6)
        )

    @property
    def is_dns(self) -> NDArray[np.bool_]:
        return self._port(53)

    @property
    def is_ntp(self) -> NDArray[np.bool_]:
        return self.is_udp & self._port(123)

    @property
    def is_dhcp(self) -> NDArray[np.bool_]:
        return self.is_udp & self._port(67, 68, 546, 547)


@dataclass(frozen=True)
class DevicePackets:
    """One device's packets of one capture, in time order, with the direction seen from the device."""

    device: str
    table: PacketTable  # [n]
    sent: NDArray[np.bool_]  # [n] True where one of the device's MACs is the source
    macs: frozenset[int] = frozenset()

    def __len__(self) -> int:
        return len(self.table)

    @property
    def signed_size(self) -> NDArray[np.int64]:
        """Wire length [n], positive where sent, negative where received (papers/binary-edge 3.1.1)."""
        size = self.table.wire_len.astype("i8")
        return np.where(self.sent, size, -size)
