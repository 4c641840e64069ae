"""Every column against scapy on real captures. No packet disagrees; two readings differ by design:

* scapy finds ports inside the IP packet that an ICMP error quotes; here the ICMP packet itself has none;
* scapy's payload is what was captured; here it is what the headers claim was on the wire.
"""

from pathlib import Path

import pytest
from scapy.layers.dns import DNS
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.utils import PcapReader

from edgeprint.packets.decode import decode
from edgeprint.packets.inventory import mac_number

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
MOST = 400  # packets a file: scapy is slow
FILES = [
    "ucl-quarters/cpu__state__wlan2.4.pcap",
    "ucl-quarters/latency__philips-hue__base-firewall__lan.pcap",
    "ucl-quarters/latency__all-devices__my-firewall__wlan2.4.pcap",
    "sentinel-setup/D-LinkCam/Setup-A-2-STA.pcap",
    "sentinel-setup/HueBridge/Setup-C-1-STA.pcap",
]


@pytest.mark.parametrize("name", FILES)
def test_scapy_reads_the_same(name):
    if not DATA.exists():
        pytest.skip("needs ../shared/data, captures that are not part of this repository")
    table, _ = decode(DATA / name)
    with PcapReader(str(DATA / name)) as packets:
        for row, packet in zip(range(MOST), packets, strict=False):
            for column, value in expected(packet).items():
                assert getattr(table, column)[row] == value, f"packet {row + 1}, {column}"
            assert table.dns.name[table.dns.packet == row].tolist() == names(packet), f"packet {row + 1}"


def expected(packet) -> dict:
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


def names(packet) -> list[str]:
    transport = packet.getlayer(UDP) or packet.getlayer(TCP)
    if DNS not in packet or transport is None or 53 not in (transport.sport, transport.dport):
        return []
    return [question.qname.decode().rstrip(".").lower() for question in packet[DNS].qd or []]
