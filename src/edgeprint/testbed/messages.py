"""The payloads of plain protocols as bytes: ARP, DNS, DHCP, NTP, ICMP, ICMPv6, mDNS, SSDP.

Layouts: RFC 826, 1035, 2131, 5905, 792, 4861, 3810, 6762; UPnP 1.1. What differs from packet to packet
(identifiers, timestamps) is patched by the caller over many copies at once.
"""

from __future__ import annotations

import struct
import zlib

A, PTR, TXT, AAAA, SRV = 1, 12, 16, 28, 33
DISCOVER, OFFER, REQUEST, ACK = 1, 2, 3, 5
ALL_NODES = bytes.fromhex("ff020000000000000000000000000001")
ALL_ROUTERS = ALL_NODES[:-1] + b"\x02"
MLD_REPORTS = ALL_NODES[:-1] + b"\x16"
MDNS_4, MDNS_6 = bytes([224, 0, 0, 251]), ALL_NODES[:-1] + b"\xfb"
SSDP_4 = bytes([239, 255, 255, 250])


def multicast_mac(ip: bytes) -> int:
    """The Ethernet address of an IPv4 or IPv6 group (RFC 1112, RFC 2464)."""
    if len(ip) == 4:
        return 0x01005E000000 | int.from_bytes(ip[1:], "big") & 0x7FFFFF
    return 0x333300000000 | int.from_bytes(ip[-4:], "big")


def solicited_node(ip: bytes) -> bytes:
    return bytes.fromhex("ff0200000000000000000001ff") + ip[-3:]


def address(name: str, version: int = 4) -> bytes:
    """The address of a server by its name, in the ranges for documentation (RFC 5737, RFC 3849)."""
    digest = zlib.crc32(name.encode())
    if version == 6:
        return bytes.fromhex("20010db80000") + struct.pack(">HQ", digest >> 16, digest)
    network = (b"\xc0\x00\x02", b"\xc6\x33\x64", b"\xcb\x00\x71")[digest % 3]
    return network + bytes([1 + digest // 3 % 254])


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    total = sum(struct.unpack(f">{len(data) // 2}H", data[: len(data) // 2 * 2]))
    total += data[-1] << 8 if len(data) % 2 else 0
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def arp(operation: int, mac: int, ip: bytes, target_mac: int, target_ip: bytes) -> bytes:
    head = struct.pack(">HHBBH", 1, 0x0800, 6, 4, operation)
    return head + mac.to_bytes(6, "big") + ip + target_mac.to_bytes(6, "big") + target_ip


def dns_name(name: str) -> bytes:
    labels = name.encode().split(b".")
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def dns_query(name: str, qtype: int, flags: int = 0x0100) -> bytes:
    return struct.pack(">6H", 0, flags, 1, 0, 0, 0) + dns_name(name) + struct.pack(">HH", qtype, 1)


def dns_answer(name: str, qtype: int, data: bytes, ttl: int) -> bytes:
    """One answer, or none where `data` is empty."""
    head = struct.pack(">6H", 0, 0x8180, 1, 1 if data else 0, 0, 0)
    question = dns_name(name) + struct.pack(">HH", qtype, 1)
    answer = struct.pack(">HHHIH", 0xC00C, qtype, 1, ttl, len(data)) + data if data else b""
    return head + question + answer


def mdns_announcement(instance: str, service: str, ip: bytes, text: bytes) -> bytes:
    """The PTR, SRV, TXT and address records of a service on the link."""
    host, full = f"{instance}.local", f"{instance}.{service}.local"
    records = [
        (f"{service}.local", PTR, 1, dns_name(full)),
        (full, SRV, 0x8001, struct.pack(">HHH", 0, 0, 8009) + dns_name(host)),
        (full, TXT, 0x8001, bytes([len(text)]) + text),
        (host, A if len(ip) == 4 else AAAA, 0x8001, ip),
    ]
    body = b"".join(
        dns_name(name) + struct.pack(">HHIH", kind, cls, 120, len(data)) + data
        for name, kind, cls, data in records
    )
    return struct.pack(">6H", 0, 0x8400, 0, len(records), 0, 0) + body


def ssdp_search(target: str) -> bytes:
    lines = (
        "M-SEARCH * HTTP/1.1",
        "HOST: 239.255.255.250:1900",
        'MAN: "ssdp:discover"',
        "MX: 2",
        f"ST: {target}",
    )
    return "\r\n".join((*lines, "", "")).encode()


def ssdp_notify(location: str, target: str, agent: str) -> bytes:
    lines = (
        "NOTIFY * HTTP/1.1",
        "HOST: 239.255.255.250:1900",
        "CACHE-CONTROL: max-age=1800",
        f"LOCATION: {location}",
        f"NT: {target}",
        "NTS: ssdp:alive",
        f"SERVER: {agent}",
        f"USN: uuid:2fac1234-31f8-11b4-a222-08002b34c003::{target}",
    )
    return "\r\n".join((*lines, "", "")).encode()


def dhcp(kind: int, mac: int, ip: bytes, router: bytes, hostname: str, *, renewing: bool = False) -> bytes:
    """A DHCP message; `ip` is the lease. Bytes 4 to 8 are the transaction, for the caller to patch."""
    reply = kind in (OFFER, ACK)
    client, yours = (ip if renewing else bytes(4)), (ip if reply else bytes(4))
    head = struct.pack(">BBBBIHH", 2 if reply else 1, 1, 6, 0, 0, 0, 0) + client + yours + bytes(8)
    options = [(53, bytes([kind]))]
    if reply:
        options += [
            (54, router),
            (51, struct.pack(">I", 7200)),
            (1, b"\xff\xff\xff\x00"),
            (3, router),
            (6, router),
        ]
    else:
        options += [
            (61, b"\1" + mac.to_bytes(6, "big")),
            (12, hostname.encode()),
            (55, bytes([1, 3, 6, 15, 28])),
        ]
        if kind == REQUEST and not renewing:
            options += [(50, ip), (54, router)]
    body = b"".join(bytes([code, len(value)]) + value for code, value in options)
    packet = head + mac.to_bytes(6, "big") + bytes(10 + 64 + 128) + b"\x63\x82\x53\x63" + body + b"\xff"
    return packet.ljust(300, b"\0")


def ntp(mode: int, stratum: int) -> bytes:
    """48 bytes; the client's transmit time stands at 40 to 48, the server's copy of it at 24 to 32."""
    leap = 4 << 3 | mode
    return struct.pack(">BBbbII4s", leap, stratum, 6, -20, 0x0100, 0x0200, b"\xc0\x00\x02\x01") + bytes(32)


def echo(reply: bool, size: int) -> bytes:
    """An ICMP echo with `size` bytes of data."""
    data = bytes(i % 256 for i in range(size))
    bare = struct.pack(">BBHHH", 0 if reply else 8, 0, 0, 0x1B2A, 1) + data
    return bare[:2] + struct.pack(">H", checksum(bare)) + bare[4:]


def icmpv6(src: bytes, dst: bytes, kind: int, body: bytes) -> bytes:
    """An ICMPv6 message with the checksum over its pseudo-header; `body` follows the checksum."""
    bare = struct.pack(">BBH", kind, 0, 0) + body
    check = checksum(src + dst + struct.pack(">II", len(bare), 58) + bare)
    return struct.pack(">BBH", kind, 0, check) + body


def neighbour_solicitation(src: bytes, dst: bytes, target: bytes, mac: int) -> bytes:
    link = b"\x01\x01" + mac.to_bytes(6, "big") if any(src) else b""  # none while probing an own address
    return icmpv6(src, dst, 135, bytes(4) + target + link)


def neighbour_advertisement(src: bytes, dst: bytes, mac: int) -> bytes:
    return icmpv6(src, dst, 136, b"\x60\0\0\0" + src + b"\x02\x01" + mac.to_bytes(6, "big"))


def router_solicitation(src: bytes, mac: int) -> bytes:
    return icmpv6(src, ALL_ROUTERS, 133, bytes(4) + b"\x01\x01" + mac.to_bytes(6, "big"))


def router_advertisement(src: bytes, mac: int, prefix: bytes) -> bytes:
    head = struct.pack(">BBHII", 64, 0, 1800, 0, 0)
    offer = struct.pack(">BBBBIII", 3, 4, 64, 0xC0, 86400, 14400, 0) + prefix
    return icmpv6(src, ALL_NODES, 134, head + b"\x01\x01" + mac.to_bytes(6, "big") + offer)


def mld_report(src: bytes, group: bytes) -> bytes:
    """A hop-by-hop header with the router alert and the MLDv2 report after it: next header 0, not 58."""
    record = struct.pack(">HHBBH", 0, 1, 4, 0, 0) + group
    return b"\x3a\x00\x05\x02\x00\x00\x01\x00" + icmpv6(src, MLD_REPORTS, 143, record)
