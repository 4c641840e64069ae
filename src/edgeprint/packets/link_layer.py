"""The link layer of a frame: MAC addresses, VLAN tags, ethertype, and where the packet inside begins.

Plain functions in the subset of Python that numba compiles (see hot_loop). Each reads `data` between `at` and
`end`, the end of the frame's captured bytes, and checks the length before it reads: no byte outside the frame
can be touched. `at` = -1 in a result: a header is cut or contradicts itself, nothing follows.

Sources: IEEE 802.1Q and 802.11; the link types of tcpdump.org; radiotap.org.
"""

from __future__ import annotations

from edgeprint.packets.frames import Octets, be16, be32, mac48, number32

NULL, ETHERNET, RAW_OLD, RAW_BSD, RAW, IEEE80211, LOOP, COOKED = 0, 1, 12, 14, 101, 105, 108, 113
RADIOTAP, RAW_IPV4, RAW_IPV6, COOKED_V2 = 127, 228, 229, 276
LINK_TYPES = (
    NULL, ETHERNET, RAW_OLD, RAW_BSD, RAW, IEEE80211, LOOP, COOKED, RADIOTAP, RAW_IPV4, RAW_IPV6, COOKED_V2,
)  # fmt: skip
LOOPBACKS = (NULL, LOOP)
IPV4, IPV6 = 0x0800, 0x86DD
VLAN_TAGS = (0x8100, 0x88A8, 0x9100)
INET6 = (10, 23, 24, 28, 30)  # the address family, one a system
ETHERTYPE_FOLLOWS = (0x000000, 0x0000F8)  # organisation codes of RFC 1042 and of 802.1H in a SNAP header
NETLINK = 824  # ARPHRD of a cooked frame whose protocol is no ethertype
Link = tuple[int, int, int, int]  # source MAC, destination MAC, ethertype, at


def ethertype_or_zero(number: int) -> int:
    """0 where the field is the length of an 802.3 frame."""
    return number if number >= 1536 else 0


def cooked(data: Octets, at: int, end: int, version: int) -> Link:
    """Linux cooked capture, 16 bytes or, in version 2, 20: (source, 0, ethertype, at)."""
    if version == 2:
        if at + 20 > end:
            return 0, 0, 0, -1
        family, address, protocol, after = be16(data, at + 8), at + 12, at, at + 20
        length = data[at + 11] + 0
    else:
        if at + 16 > end:
            return 0, 0, 0, -1
        family, address, protocol, after = be16(data, at + 2), at + 6, at + 14, at + 16
        length = be16(data, at + 4)
    source = mac48(data, address) if length == 6 else 0
    if family == NETLINK:
        return source, 0, 0, after
    return source, 0, ethertype_or_zero(be16(data, protocol)), after


def ip_by_version(data: Octets, at: int, end: int) -> Link:
    """A frame that starts with an IP header: (0, 0, ethertype by the version, at)."""
    if at >= end:
        return 0, 0, 0, -1
    version = data[at] // 16
    if version == 4:
        return 0, 0, IPV4, at
    if version == 6:
        return 0, 0, IPV6, at
    return 0, 0, 0, -1


def loopback(data: Octets, at: int, end: int) -> Link:
    """BSD loopback: an address family of four bytes in either byte order, then the packet."""
    if at + 4 > end:
        return 0, 0, 0, -1
    family = be32(data, at)
    if family > 65535:
        family = number32(data, at, False)
    if family == 2:
        return 0, 0, IPV4, at + 4
    if family in INET6:
        return 0, 0, IPV6, at + 4
    return 0, 0, 0, at + 4


def radiotap(data: Octets, at: int, end: int) -> tuple[int, bool]:
    """(start of the 802.11 frame or -1, whether its header is padded to four bytes)."""
    if at + 8 > end:
        return -1, False
    length = data[at + 2] + data[at + 3] * 256
    if length < 8 or at + length > end:
        return -1, False
    present, word = data[at + 4], at + 4
    while data[word + 3] >= 128:  # another word of flags follows
        word += 4
        if word + 4 > at + length:
            return -1, False
    flags = word + 4
    if present % 2 == 1:  # a time of eight bytes, aligned to eight from the header's start
        flags = at + (flags - at + 7) // 8 * 8 + 8
    padded = (present // 2) % 2 == 1 and flags < at + length and (data[flags] // 32) % 2 == 1
    return at + length, padded


def wireless(data: Octets, at: int, end: int, padded: bool) -> Link:
    """802.11: (source, destination, ethertype, at); the payload only of data frames in clear."""
    if at + 10 > end or data[at] % 4 != 0:
        return 0, 0, 0, -1
    kind, subtype, flags = (data[at] // 4) % 4, data[at] // 16, data[at + 1]
    if kind == 1:  # control frames have a receiver and most of them a transmitter
        clear_or_ack = subtype == 12 or subtype == 13
        source = 0 if clear_or_ack or at + 16 > end else mac48(data, at + 10)
        return source, mac48(data, at + 4), 0, end
    if kind == 3:
        return 0, 0, 0, end
    to_ds, from_ds = (flags % 2, (flags // 2) % 2) if kind == 2 else (0, 0)
    after = at + 24 + 6 * (to_ds * from_ds)
    if after > end:
        return 0, 0, 0, -1
    source_at, destination_at = at + 10, at + 4
    if to_ds:
        destination_at = at + 16
    if from_ds:
        source_at = at + 24 if to_ds else at + 16
    source, destination = mac48(data, source_at), mac48(data, destination_at)
    protected, no_data = (flags // 64) % 2, (subtype // 4) % 2
    later_fragment = data[at + 22] % 16 > 0
    if kind == 0 or no_data or protected or later_fragment:
        return source, destination, 0, end
    if subtype >= 8:
        if after + 2 > end or data[after] >= 128:  # an aggregate of several frames
            return source, destination, 0, end
        after += 2 + 4 * (flags // 128)
    if padded:
        after = at + (after - at + 3) // 4 * 4
    if after + 8 > end or be32(data, after) // 256 != 0xAAAA03:  # no SNAP header
        return source, destination, 0, end
    organisation = be32(data, after + 2) % 16777216
    if organisation not in ETHERTYPE_FOLLOWS:
        return source, destination, 0, end
    return source, destination, ethertype_or_zero(be16(data, after + 6)), after + 8


def link_layer(data: Octets, at: int, end: int, link_type: int) -> Link:
    """(source MAC, destination MAC, ethertype, at): what a frame of a link type in LINK_TYPES begins with."""
    if link_type == ETHERNET:
        if at + 14 > end:
            return 0, 0, 0, -1
        ethertype = ethertype_or_zero(be16(data, at + 12))
        return mac48(data, at + 6), mac48(data, at), ethertype, at + 14
    if link_type == COOKED:
        return cooked(data, at, end, 1)
    if link_type == COOKED_V2:
        return cooked(data, at, end, 2)
    if link_type in LOOPBACKS:
        return loopback(data, at, end)
    if link_type == IEEE80211:
        return wireless(data, at, end, False)
    if link_type == RADIOTAP:
        start, padded = radiotap(data, at, end)
        return wireless(data, start, end, padded) if start >= 0 else (0, 0, 0, -1)
    return ip_by_version(data, at, end)


def untag(data: Octets, at: int, end: int, ethertype: int) -> tuple[int, int, int]:
    """(innermost VLAN id, ethertype, at) behind any number of 802.1Q tags."""
    vlan = 0
    while ethertype in VLAN_TAGS:
        if at + 4 > end:
            return vlan, ethertype, -1
        vlan = be16(data, at) % 4096
        ethertype = ethertype_or_zero(be16(data, at + 2))
        at += 4
    return vlan, ethertype, at


LINK_PARTS = (
    be16, be32, mac48, number32, ethertype_or_zero, cooked, ip_by_version, loopback, radiotap, wireless,
    link_layer, untag,
)  # fmt: skip
