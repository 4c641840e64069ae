"""Frames by columns: a header template a flow and direction, and a slice of a byte pool for what follows it.

    wire = Wire()
    flow = wire.open(near, far, UDP, near_ports=np.array([50000]), far_ports=53)
    tail = wire.keep(query)  # its offset in the pool
    headers, lengths = wire.seal().render(rows)

A row says when, on which flow, in which direction and with which tail; rendering fills lengths, numbers
and checksums into copies of the templates. Checksums cover the whole packet, also where a frame is cut.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgeprint.packets.table import TCP, UDP

SNAP = 160  # bytes kept of bulk data; its headers end at 74 at the latest
WORDS = 37  # 16-bit words of the longest header: Ethernet, IPv6, TCP
LONGEST = 1440  # bytes of TCP payload, for IPv4 and IPv6 alike
ROW = np.dtype(
    [
        ("time", "i8"),  # microseconds since the day's midnight
        ("tail", "i8"),  # offset in the pool of what follows the header
        ("flow", "i8"),
        ("lag", "i4"),  # microseconds that what it acknowledges is older
        ("seq", "u4"),
        ("ack", "u4"),
        ("ident", "u2"),  # of IPv4
        ("length", "u2"),  # of the tail on the wire
        ("options", "u1"),  # bytes of the tail that are TCP options
        ("flags", "u1"),  # of TCP, 0 for others
        ("up", "?"),  # sent by the device
        ("whole", "?"),  # stored uncut
    ]
)


@dataclass(frozen=True)
class Endpoint:
    """One side of a flow as the router sees it; `ip` has 4 or 16 bytes, or none for ARP."""

    mac: int
    ip: bytes = b""
    ttl: int = 64
    window: int = 65535
    df: bool = True


def header(src: Endpoint, dst: Endpoint, proto: int) -> bytes:
    """Ethernet, IP and transport header [2 * WORDS], zero where each packet has a value of its own."""
    macs = dst.mac.to_bytes(6, "big") + src.mac.to_bytes(6, "big")
    transport = struct.pack(">12xBBH4x", 5 << 4, 0, src.window) if proto == TCP else b""
    if not src.ip:
        head = macs + b"\x08\x06"
    elif len(src.ip) == 4:
        fragment = 0x4000 if src.df else 0
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 0, 0, fragment, src.ttl, proto, 0) + src.ip + dst.ip
        head = macs + b"\x08\x00" + ip + transport
    else:
        ip = struct.pack(">IHBB", 6 << 28, 0, proto, src.ttl) + src.ip + dst.ip
        head = macs + b"\x86\xdd" + ip + transport
    return head.ljust(2 * WORDS, b"\0")


@lru_cache(1)
def _records() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """TLS application-data records of every length up to LONGEST, and the offset of each in the pool."""
    fill = np.random.default_rng(0).integers(0, 256, LONGEST + 1, "u1")
    stride = np.arange(LONGEST + 1) // 2 * 2 + 2
    at = np.cumsum(stride) - stride
    pool = np.zeros(at[-1] + stride[-1], "u1")
    for length in range(6, LONGEST + 1):
        record = pool[at[length] : at[length] + length]
        record[:] = fill[:length]
        record[:5] = np.frombuffer(struct.pack(">BHH", 23, 0x0303, length - 5), "u1")
    return pool, at


def record_at(lengths: NDArray) -> NDArray[np.int64]:
    """Pool offsets of application-data records [n] of the given wire lengths, 6 to LONGEST."""
    return _records()[1][lengths]


def _fold(total: NDArray) -> NDArray[np.uint16]:
    """The Internet checksum of sums of 16-bit words (RFC 1071)."""
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    return ((total & 0xFFFF) + (total >> 16) ^ 0xFFFF).astype("u2")


class Wire:
    """The flows and payload bytes of one day; rows refer to both by number."""

    def __init__(self) -> None:
        self._templates: list[NDArray[np.uint16]] = []  # [flows, 2, WORDS]
        self._protocols: list[NDArray[np.uint16]] = []  # [flows], IP version * 256 + protocol
        self._pool = [_records()[0]]
        self._flows, self._bytes = 0, len(self._pool[0])

    def open(
        self,
        near: Endpoint,
        far: Endpoint,
        proto: int = 0,
        near_ports: ArrayLike = 0,
        far_ports: ArrayLike = 0,
    ) -> NDArray[np.int32]:
        """Numbers [n] of new flows that differ in their ports only. ICMP and ARP have no ports."""
        ports = np.stack(np.broadcast_arrays(np.atleast_1d(near_ports), far_ports), 1)
        both = header(near, far, proto) + header(far, near, proto)
        words = np.frombuffer(both, ">u2").astype("u2").reshape(2, WORDS)
        templates = np.tile(words, (len(ports), 1, 1))
        if proto in (TCP, UDP):
            first = 17 if len(near.ip) == 4 else 27
            templates[:, 0, first : first + 2] = ports
            templates[:, 1, first : first + 2] = ports[:, ::-1]
        version = {0: 0, 4: 4, 16: 6}[len(near.ip)]
        self._templates.append(templates)
        self._protocols.append(np.full(len(ports), version * 256 + proto, "u2"))
        self._flows += len(ports)
        return np.arange(self._flows - len(ports), self._flows, dtype="i4")

    def keep(self, tails: NDArray[np.uint8] | bytes) -> NDArray[np.int64]:
        """Put tails [n, length] (or one as bytes) into the pool; their offsets [n]."""
        rows = np.frombuffer(tails, "u1")[None] if isinstance(tails, bytes) else tails
        padded = np.zeros((len(rows), (rows.shape[1] + 1) // 2 * 2), "u1")
        padded[:, : rows.shape[1]] = rows
        self._pool.append(padded.ravel())
        self._bytes += padded.size
        return self._bytes - padded.size + np.arange(len(rows), dtype="i8") * padded.shape[1]

    def seal(self) -> SealedWire:
        """The day's wire for rendering; what is opened or kept later is not in it."""
        pool = np.concatenate(self._pool)
        sums = np.zeros(len(pool) // 2 + 1, "i8")
        np.cumsum(pool.view(">u2"), out=sums[1:])
        return SealedWire(np.concatenate(self._templates), np.concatenate(self._protocols), pool, sums)


@dataclass(frozen=True)
class SealedWire:
    templates: NDArray[np.uint16]  # [flows, 2, WORDS]
    protocols: NDArray[np.uint16]  # [flows]
    pool: NDArray[np.uint8]
    sums: NDArray[np.int64]  # of the pool's 16-bit words before each

    def render(self, rows: NDArray) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Headers [n, 2 * WORDS] of rows [n] and the length of each."""
        words = self.templates[rows["flow"], (~rows["up"]).view("i1")]
        protocols = self.protocols[rows["flow"]]
        lengths = np.zeros(len(rows), "i8")
        for kind in np.unique(protocols):
            chosen = np.flatnonzero(protocols == kind)
            filled, length = self._fill(words[chosen], rows[chosen], kind // 256, kind % 256)
            words[chosen], lengths[chosen] = filled, length
        return words.astype(">u2").view("u1"), lengths

    def _fill(self, words: NDArray, rows: NDArray, version: int, proto: int) -> tuple[NDArray, int]:
        """Put lengths, numbers and checksums into headers [n, WORDS] of one protocol."""
        if version == 0:
            return words, 14
        first = 17 if version == 4 else 27  # word of the transport header
        size = {TCP: 20, UDP: 8}.get(proto, 0)
        length = rows["length"].astype("i8") + size
        if version == 4:
            words[:, 8], words[:, 9] = length + 20, rows["ident"]
            words[:, 12] = _fold(words[:, 7:17].sum(1, dtype="i8"))
        else:
            words[:, 9] = length
        if proto == TCP:
            _number(words[:, first:], rows)
        if proto == UDP:
            words[:, first + 2] = length
        if size:
            addresses = first - (4 if version == 4 else 16)
            total = words[:, addresses:].sum(1, dtype="i8") + self._tail_sums(rows) + proto + length
            check = _fold(total)
            at = first + (8 if proto == TCP else 3)
            words[:, at] = np.where((check == 0) & (proto == UDP), 0xFFFF, check)
        return words, 2 * first + size

    def _tail_sums(self, rows: NDArray) -> NDArray[np.int64]:
        begin, end = rows["tail"], rows["tail"] + rows["length"]
        odd = np.where(rows["length"] % 2 == 1, self.pool[end - 1].astype("i8") << 8, 0)
        return self.sums[end // 2] - self.sums[begin // 2] + odd


def _number(tcp: NDArray, rows: NDArray) -> None:
    """Sequence and acknowledgement number, data offset and flags of TCP headers [n, 10 or more words]."""
    tcp[:, 2], tcp[:, 3] = rows["seq"] >> 16, rows["seq"] & 0xFFFF
    tcp[:, 4], tcp[:, 5] = rows["ack"] >> 16, rows["ack"] & 0xFFFF
    tcp[:, 6] = (5 + rows["options"] // 4).astype("u2") << 12 | rows["flags"]
