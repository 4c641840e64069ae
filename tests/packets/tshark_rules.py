"""Why our reading of a packet may differ from tshark's: by design, each with a sentence and a predicate."""

import re

import tshark
from second_reader import Difference, Question, Rule

WHOLE_PACKET = {"ip_version", "ip_proto", "ttl", "df", "has_ports", "src_port", "dst_port", "tcp_window"}
WHOLE_PACKET |= {"tcp_flags", "payload_len", "payload", "questions"}
TRANSPORT = {"has_ports", "src_port", "dst_port", "tcp_window", "tcp_flags", "payload_len", "payload"}
CONTROL, DATA = 4, 8  # kinds of 802.11 frames, as the lower half of their first byte
RARE_WIRELESS = {0x10, 0x11, 0x12, 0x13, 0x17, 0x1E, 0x1F, *range(0x30, 0x40), *range(0x160, 0x170)}
LINK_HEADERS = {0: 4, 1: 14, 101: 40, 105: 0, 113: 16, 127: 0, 276: 20}  # bytes; of raw IP the IP header's
EXTENSIONS = (0, 43, 44, 51, 60, 135, 139, 140)
ETHERNET, RAW_IPV4, RAW_IPV6, WIRELESS, RADIOTAP = 1, 228, 229, 105, 127


def layers(found: Difference) -> list[str]:
    return ":".join(found.theirs.words["frame.protocols"]).split(":")


def longer_than_frame(found: Difference) -> bool:
    """Ours ends with the frame, or has as many bytes as tshark shows of a frame captured whole."""
    ours, theirs = found.ours.columns, found.theirs.columns
    at_end = ours["payload_offset"] + ours["payload_len"] == ours["wire_len"]
    shown = len(found.frame) == ours["wire_len"] and len(found.theirs.payload or b"") == ours["payload_len"]
    return theirs["payload_len"] > ours["payload_len"] and (at_end or shown)


def cut_link_header(found: Difference) -> bool:
    size = LINK_HEADERS[found.link_type]
    if found.link_type == ETHERNET:
        size += 4 * sum(layer in tshark.TAGS for layer in layers(found))
    if found.link_type == RADIOTAP:
        size += int.from_bytes(found.frame[2:4], "little")
    if found.link_type in (WIRELESS, RADIOTAP) and len(found.frame) > size:
        size += wireless_header(*found.frame[size : size + 2])
    return len(found.frame) < size


def wireless_header(kind: int, flags: int = 0) -> int:
    """Bytes of an 802.11 header up to its addresses and QoS field."""
    if kind % 16 == CONTROL:
        return 16
    return 24 + 6 * (kind % 16 == DATA and flags % 4 == 3) + 2 * (kind % 16 == DATA and kind >= 0x80)


def cut_extension(found: Difference) -> bool:
    ours = found.ours.columns
    at = ours["payload_offset"] or len(found.frame)
    return ours["ip_proto"] in EXTENSIONS and len(found.frame) < at + 8


def same_but_escapes(ours: list[Question], theirs: list[Question]) -> bool:
    """The same questions, if each escape of ours stands for whatever sign tshark shows."""
    if len(ours) != len(theirs) or [q[1:] for q in ours] != [q[1:] for q in theirs]:
        return False
    plain = [re.split(r"\\\d{3}|\\[.\\]", name) for name, *_ in ours]
    patterns = [".{1,4}".join(map(re.escape, parts)) for parts in plain]
    return all(re.fullmatch(pattern, name) for pattern, (name, *_) in zip(patterns, theirs, strict=True))


def until_malformed(ours: list[Question], theirs: list[Question]) -> bool:
    """The same questions until the first in whose place tshark shows <a complaint>."""
    first = next((i for i, (name, *_) in enumerate(theirs) if name.startswith("<")), None)
    return first is not None and same_but_escapes(ours, theirs[:first])


def overflown(ours: int, theirs: int) -> bool:
    return (ours - theirs) % 2**32 == 0 or ours == -theirs


RULES = {
    "longer than its frame": Rule(
        "A length that says more than the frame has is held to the frame.",
        {"payload_len"},
        longer_than_frame,
    ),
    "name of other octets": Rule(
        "An octet of a label that is a dot or no printable ASCII is escaped in decimal, as in a zone file "
        "(RFC 4343); tshark escapes in octal or not at all, or shows a replacement sign.",
        {"questions"},
        lambda found: same_but_escapes(*found.values["questions"]),
    ),
    "malformed name": Rule(
        "A malformed name is no question and ends the reading; tshark puts a complaint in its place.",
        {"questions"},
        lambda found: until_malformed(*found.values["questions"]),
    ),
    "other operations": Rule(
        "Only queries and inverse queries ask for names; tshark lists what stands in the place of questions "
        "in a status, notify or update message too.",
        {"questions"},
        lambda found: found.ours.questions == [] and found.theirs.words.number("dns.flags.opcode") > 1,
    ),
    "data of a reset": Rule(
        "The data of a segment with RST is its payload; tshark shows it as the reason of the reset.",
        {"payload"},
        lambda found: found.ours.columns["tcp_flags"] & 4 and found.theirs.payload == b"",
    ),
    "UDP length below 8": Rule(
        "A UDP length below the header's own, 0 in a jumbogram, leaves the length to IP; tshark stops at it.",
        TRANSPORT | {"questions"},
        lambda found: found.ours.columns["ip_proto"] == 17 and found.theirs.words.number("udp.length") < 8,
    ),
    "TCP header below 20 bytes": Rule(
        "A TCP header that claims less than 20 bytes has ports and no payload; tshark stops at the claim.",
        TRANSPORT,
        lambda found: (
            bool(found.theirs.words["tcp.hdr_len"]) and found.theirs.words.number("tcp.hdr_len") < 20
        ),
    ),
    "payload length 0 in IPv6": Rule(
        "An IPv6 packet whose length is 0 ends with its frame; tshark wants a fitting jumbo payload option.",
        {"ip_proto", "payload_len"},
        lambda found: (
            found.ours.columns["ip_version"] == 6
            and found.theirs.words.number("ipv6.plen") == 0
            and found.ours.columns["payload_offset"] + found.ours.columns["payload_len"]
            == found.ours.columns["wire_len"]
        ),
    ),
    "mobility, HIP, shim6": Rule(
        "These are extension headers (IANA's list of them); to tshark they are protocols.",
        {"ip_proto"} | TRANSPORT,
        lambda found: (
            found.theirs.columns["ip_proto"] in (135, 139, 140) and layers(found)[-1] in ("mipv6", "data")
        ),
    ),
    "cut extension header": Rule(
        "An extension header of which less than 8 bytes were captured is not stepped over; tshark reads its "
        "first byte.",
        {"ip_proto", "payload_len"},
        cut_extension,
    ),
    "malformed extension header": Rule(
        "An extension header is stepped over whatever it holds; tshark stops at a malformed option in it.",
        {"ip_proto"} | TRANSPORT | {"questions"},
        lambda found: (
            found.theirs.columns["ip_proto"] in EXTENSIONS and layers(found)[-1] in tshark.EXTENSIONS
        ),
    ),
    "cut IPv4 options": Rule(
        "An IPv4 header needs 20 bytes to be read; tshark wants its options too.",
        {"ip_version", "ip_proto", "ttl", "df", "payload_len"},
        lambda found: (
            found.ours.columns["ip_version"] == 4 and layers(found)[-1] == "ip" and not found.theirs.payload
        ),
    ),
    "IP of the other version": Rule(
        "A packet of link type IPv4 or IPv6 is read by the version it claims.",
        WHOLE_PACKET | {"ethertype"},
        lambda found: (
            found.link_type in (RAW_IPV4, RAW_IPV6)
            and (found.link_type == RAW_IPV4) != (found.ours.columns["ip_version"] == 4)
        ),
    ),
    "cut link header": Rule(
        "Of a link-layer header that is cut nothing is given, or the addresses if only 802.11's QoS field is "
        "missing; tshark gives the fields that are there.",
        {"src", "dst", "vlan", "ethertype"},
        cut_link_header,
    ),
    "802.11 of another version": Rule(
        "An 802.11 frame of a protocol version other than 0 is malformed; tshark reads on.",
        {"src", "dst"},
        lambda found: (
            found.link_type in (WIRELESS, RADIOTAP) and found.theirs.words.number("wlan.fc.version") > 0
        ),
    ),
    "802.11 control and extension": Rule(
        "A control frame has a receiver and, but for two kinds, a transmitter, an extension frame nothing; "
        "tshark knows which address the rarer kinds have.",
        {"src", "dst"},
        lambda found: found.theirs.words.number("wlan.fc.type_subtype") in RARE_WIRELESS,
    ),
    "802.11 aggregate": Rule(
        "Of an aggregate of frames the outer addresses are given; tshark reads the frames in it.",
        WHOLE_PACKET | {"src", "dst", "ethertype"},
        lambda found: found.theirs.words.true("wlan.qos.amsdupresent"),
    ),
    "802.11 with four addresses": Rule(
        "A frame between distribution systems has four addresses; tshark guesses from what follows whether "
        "the fourth is there.",
        WHOLE_PACKET | {"ethertype"},
        lambda found: found.theirs.words.number("wlan.fc.ds") == 3 and found.ours.columns["ip_version"] == 0,
    ),
    "frame check sequence": Rule(
        "A frame check sequence that radiotap announces counts as part of the frame.",
        {"payload"},
        lambda found: found.theirs.words.true("radiotap.flags.fcs"),
    ),
    "loopback family": Rule(
        "The family of BSD loopback says what follows; tshark also looks at the packet's version.",
        {"ethertype"},
        lambda found: found.ours.columns["ip_version"] == 0 and layers(found) == ["null", "data"],
    ),
    "802.3 with SNAP": Rule(
        "Of an 802.3 frame, whose type field is a length, only the addresses are read.",
        WHOLE_PACKET,
        lambda found: (
            found.link_type == ETHERNET
            and found.ours.columns["ethertype"] == 0
            and layers(found)[:3] == ["eth", "llc", "ip"]
        ),
    ),
    "ISL": Rule(
        "Cisco's ISL wraps an Ethernet frame, whose addresses tshark gives; ours are of the outer one.",
        {"dst"},
        lambda found: found.ours.columns["dst"] >> 8 == 0x01000C0000 and layers(found)[:2] == ["eth", "eth"],
    ),
    "fraction beyond a second": Rule(
        "A fraction of a second beyond one second is carried over; tshark's overflows 32 bits.",
        {"time_ns"},
        lambda found: overflown(*found.values["time_ns"]),
    ),
}
