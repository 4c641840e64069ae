"""The headers inside a frame: IP, TCP, UDP, and whether a TLS handshake begins.

Plain functions in the subset of Python that numba compiles (see hot_loop). Each reads `data` between `at` and
`end`, the end of the frame's captured bytes, and checks the length before it reads: no byte outside the frame
can be touched. `stop` is where the packet ends on the wire, which may be behind `end`. `at` = -1 in a result:
a header is cut or contradicts itself, nothing follows.

Sources: RFC 791 and 8200 (IP), 9293 (TCP), 768 (UDP).
"""

from __future__ import annotations

from edgeprint.packets.frames import Octets, be16, be32
from edgeprint.packets.link_layer import IPV4
from edgeprint.packets.table import TCP, UDP

FRAGMENT, AUTHENTICATION = 44, 51
EXTENSIONS = (0, 43, 60, 135, 139, 140)  # hop-by-hop, routing, destination, mobility, HIP, shim6
MODULUS = 2147483647  # prime
Network = tuple[int, int, bool, bool, int, int]  # protocol, TTL, don't fragment, later fragment, at, stop
Transport = tuple[bool, int, int, int, int, int, int]  # has ports, both ports, window, flags, payload, stop


def ipv4(data: Octets, at: int, end: int, wire_end: int) -> Network:
    """(protocol, TTL, don't fragment, later fragment, at, end of the packet on the wire)."""
    if at + 20 > end or data[at] // 16 != 4:
        return 0, 0, False, False, -1, 0
    header, total = (data[at] % 16) * 4, be16(data, at + 2)
    if header < 20 or (total != 0 and total < header):
        return 0, 0, False, False, -1, 0
    fragment = be16(data, at + 6)
    stop = wire_end if total == 0 else min(at + total, wire_end)  # 0: left to the network card
    dont = (fragment // 16384) % 2 == 1
    return data[at + 9] + 0, data[at + 8] + 0, dont, fragment % 8192 != 0, at + header, stop


def ipv6(data: Octets, at: int, end: int, wire_end: int) -> Network:
    """As ipv4; the protocol is the first header that is no extension, or the last one that was captured."""
    if at + 40 > end or data[at] // 16 != 6:
        return 0, 0, False, False, -1, 0
    length, protocol, hops = be16(data, at + 4), data[at + 6] + 0, data[at + 7] + 0
    stop = wire_end if length == 0 else min(at + 40 + length, wire_end)  # 0: a jumbogram
    at += 40
    later = False
    while at + 8 <= end and not later:
        if protocol == FRAGMENT:
            later = be16(data, at + 2) // 8 != 0
            size = 8
        elif protocol == AUTHENTICATION:
            size = (data[at + 1] + 2) * 4
        elif protocol in EXTENSIONS:
            size = (data[at + 1] + 1) * 8
        else:
            break
        protocol = data[at] + 0
        at += size
    return protocol, hops, False, later, at, stop


def network(data: Octets, at: int, end: int, wire_end: int, ethertype: int) -> Network:
    """The IP header of a frame whose ethertype is IPV4 or IPV6."""
    if ethertype == IPV4:
        return ipv4(data, at, end, wire_end)
    return ipv6(data, at, end, wire_end)


def transport(data: Octets, at: int, end: int, stop: int, protocol: int, later: bool) -> Transport:
    """Ports, TCP's window and flags, and where the payload begins and stops on the wire."""
    if later or (protocol != TCP and protocol != UDP):
        return False, 0, 0, 0, 0, at, stop
    header_end = at + (20 if protocol == TCP else 8)
    if header_end > end:
        return False, 0, 0, 0, 0, stop, stop
    if header_end > stop:  # what follows the IP packet in its frame is no header
        return False, 0, 0, 0, 0, -1, stop
    source_port, destination_port = be16(data, at), be16(data, at + 2)
    if protocol == UDP:
        length = be16(data, at + 4)
        datagram_stop = min(stop, at + length) if length >= 8 else stop
        return True, source_port, destination_port, 0, 0, at + 8, datagram_stop
    size = data[at + 12] // 16 * 4
    payload = at + size if size >= 20 else -1
    return True, source_port, destination_port, be16(data, at + 14), data[at + 13] + 0, payload, stop


def endpoint(data: Octets, address: int, length: int, port: int) -> int:
    """One number below 2^31 - 1 for an IP address of `length` bytes and a port; equal for equal ones."""
    number = port + 1
    for word in range(address, address + length, 4):
        number = (number * 65599 + be32(data, word)) % MODULUS
    return number


def conversation(data: Octets, ip_at: int, source_port: int, destination_port: int) -> int:
    """One number for the two ends of a TCP connection, the same in both directions, never 0."""
    size, first = (4, ip_at + 12) if data[ip_at] // 16 == 4 else (16, ip_at + 8)
    here = endpoint(data, first, size, source_port)
    there = endpoint(data, first + size, size, destination_port)
    return here * there + here + there + 1


def is_client_hello(data: Octets, at: int, end: int) -> bool:
    """A TLS record that opens with a ClientHello (RFC 8446, 5.1), or one in SSL 2 format (RFC 5246, E.2)."""
    if at + 7 > end:
        return False
    if data[at] == 22:
        tls = data[at + 1] == 3 and data[at + 2] <= 4 and be16(data, at + 3) >= 40
        return tls and data[at + 5] == 1 and data[at + 6] == 0
    return be16(data, at) >= 0x8020 and be16(data, at) < 0x8100 and be16(data, at + 2) == 0x0103


HEADER_PARTS = (ipv4, ipv6, network, transport, endpoint, conversation, is_client_hello)
