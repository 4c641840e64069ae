"""A row a packet by scapy, read one by one."""

from __future__ import annotations

from pathlib import Path

from scapy import all as scapy  # loads every layer, as its users do
from scapy.layers.dns import DNS, DNSQR
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Packet


def read(path: Path) -> list[tuple]:
    with scapy.PcapReader(str(path)) as packets:
        return [_row(packet) for packet in packets]


def _row(packet: Packet) -> tuple:
    if Ether not in packet:  # 802.3, from the spanning tree
        return (packet.time, packet.wirelen)
    ether = packet[Ether]
    vlan = packet[Dot1Q].vlan if Dot1Q in packet else 0
    row = (packet.time, packet.wirelen, ether.src, ether.dst, vlan, ether.type)
    return (*row, *_ip(packet), *_transport(packet))


def _ip(packet: Packet) -> tuple:
    if IP in packet:
        ip = packet[IP]
        return (4, ip.proto, ip.ttl, bool(ip.flags.DF))
    if IPv6 in packet:
        return (6, packet[IPv6].nh, packet[IPv6].hlim, False)
    return ()


def _transport(packet: Packet) -> tuple:
    if TCP in packet:
        tcp = packet[TCP]
        return (tcp.sport, tcp.dport, tcp.window, int(tcp.flags), len(tcp.payload))
    if UDP in packet:
        udp = packet[UDP]
        return (udp.sport, udp.dport, 0, 0, len(udp.payload), *_questions(packet))
    return ()


def _questions(packet: Packet) -> list[tuple]:
    if DNS not in packet:
        return []
    dns = packet[DNS]
    asked = [question for question in dns.qd or [] if isinstance(question, DNSQR)]  # or else cut
    return [(dns.qr, question.qtype, question.qname) for question in asked]
