"""Columns and DNS questions against scapy on real captures. No packet disagrees; two readings differ:

* scapy finds ports inside the IP packet that an ICMP error quotes; here the ICMP packet itself has none;
* scapy's payload is what was captured; here it is what the headers claim was on the wire.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from real_captures import DATA, joined, real
from scapy.layers.dns import DNS
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.utils import PcapReader
from second_reader import Question, Row, differences

from edgeprint.packets.inventory import mac_number

MOST = 400  # packets a file: scapy is slow
FILES = [
    "ucl-quarters/cpu__state__wlan2.4.pcap",
    "ucl-quarters/latency__philips-hue__base-firewall__lan.pcap",
    "ucl-quarters/latency__all-devices__my-firewall__wlan2.4.pcap",
    "sentinel-setup/D-LinkCam/Setup-A-2-STA.pcap",
    "sentinel-setup/HueBridge/Setup-C-1-STA.pcap",
]


@pytest.mark.parametrize("name", FILES)
def test_scapy_reads_the_same(tmp_path, name):
    real()
    (capture,) = joined([DATA / name], most=MOST)
    (tmp_path / "capture").write_bytes(capture.content)
    found = differences(tmp_path / "capture", capture.files, scapy_rows(tmp_path / "capture"))
    assert [str(difference) for difference in found] == []


def scapy_rows(path: Path) -> Iterator[Row]:
    with PcapReader(str(path)) as packets:
        for packet in packets:
            yield Row(columns(packet), None, questions(packet))


def columns(packet) -> dict[str, int]:
    seconds, rest = str(packet.time).split(".")
    values = {
        "time_ns": int(seconds) * 10**9 + int(rest.ljust(9, "0")),
        "wire_len": packet.wirelen,
        "src": mac_number(packet.src),
        "dst": mac_number(packet.dst),
        "vlan": 0,
        "ethertype": packet[Ether].type if Ether in packet else 0,
        "has_ports": False,
    }
    if isinstance(outer := packet.payload, IP):
        values |= {"ip_version": 4, "ip_proto": outer.proto, "ttl": outer.ttl, "df": bool(outer.flags.DF)}
        transport = outer.payload
        wire = outer.len - 4 * outer.ihl
    elif isinstance(outer, IPv6):
        transport = outer.payload
        wire = outer.plen
        while hasattr(transport, "nh"):
            wire -= len(transport) - len(transport.payload)
            transport = transport.payload
        values |= {"ip_version": 6, "ttl": outer.hlim, "df": False}
    else:
        return values | {"ip_version": 0, "ip_proto": 0, "payload_len": 0}
    if isinstance(transport, (TCP, UDP)):
        values |= {"has_ports": True, "src_port": transport.sport, "dst_port": transport.dport}
        values["payload_len"] = wire - (4 * transport.dataofs if isinstance(transport, TCP) else 8)
    if isinstance(transport, TCP):
        values |= {"tcp_window": transport.window, "tcp_flags": int(transport.flags) & 255}
    return values


def questions(packet) -> list[Question]:
    transport = packet.getlayer(UDP) or packet.getlayer(TCP)
    if DNS not in packet or transport is None or 53 not in (transport.sport, transport.dport):
        return []
    return [
        (asked.qname.decode().rstrip(".").lower(), asked.qtype, bool(packet[DNS].qr))
        for asked in packet[DNS].qd or []
    ]
