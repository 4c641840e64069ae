"""A row a packet by dpkt's own Ethernet parser. Its reader does not tell the wire length: one column less."""

from __future__ import annotations

from pathlib import Path

from dpkt import UnpackError
from dpkt.dns import DNS
from dpkt.ethernet import Ethernet
from dpkt.ip import IP
from dpkt.ip6 import IP6
from dpkt.pcap import Reader
from dpkt.tcp import TCP
from dpkt.udp import UDP


def read(path: Path) -> list[tuple]:
    with path.open("rb") as file:
        return [_row(time, octets) for time, octets in Reader(file)]


def _row(time: float, octets: bytes) -> tuple:
    try:
        frame = Ethernet(octets)
    except UnpackError:
        return (time, len(octets))
    tags = getattr(frame, "vlan_tags", None)
    vlan = tags[-1].id if tags else 0
    return (time, len(octets), frame.src, frame.dst, vlan, frame.type, *_ip(frame.data))


def _ip(packet: object) -> tuple:
    if isinstance(packet, IP):
        return (4, packet.p, packet.ttl, bool(packet.df), *_transport(packet.data))
    if isinstance(packet, IP6):
        return (6, packet.nxt, packet.hlim, False, *_transport(packet.data))
    return ()


def _transport(segment: object) -> tuple:
    if isinstance(segment, TCP):
        return (segment.sport, segment.dport, segment.win, segment.flags, len(segment.data))
    if isinstance(segment, UDP):
        asked = _questions(segment.data) if 53 in (segment.sport, segment.dport) else []
        return (segment.sport, segment.dport, 0, 0, len(segment.data), *asked)
    return ()


def _questions(message: bytes) -> list[tuple]:
    try:
        dns = DNS(message)
    except (UnpackError, IndexError, UnicodeDecodeError):
        return []
    return [(dns.qr, question.type, question.name) for question in dns.qd]
