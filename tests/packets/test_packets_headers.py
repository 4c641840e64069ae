"""Frames are built by scapy, whose author's reading of each protocol is not ours."""

import struct

import numpy as np
import pytest
from scapy.layers.dot11 import LLC, Dot11, Dot11Beacon, Dot11QoS, RadioTap
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
)
from scapy.layers.ipsec import AH
from scapy.layers.l2 import ARP, SNAP, CookedLinux, CookedLinuxV2, Dot1AD, Dot1Q, Ether
from scapy.packet import Raw, raw

from edgeprint.packets.decode import Decoder
from edgeprint.packets.frames import Frames
from edgeprint.packets.inventory import mac_number, mac_text

A, B, C = "02:00:00:00:00:0a", "02:00:00:00:00:0b", "02:00:00:00:00:0c"
UDP_PACKET = IP(src="10.0.0.1", dst="10.0.0.2", ttl=77) / UDP(sport=1111, dport=2222) / b"hello"


def row(packet, link_type=1, captured=None, wire=None, malformed=0):
    """The one row of a packet, of which `captured` bytes are kept."""
    whole = raw(packet)
    data = np.frombuffer(whole[:captured], "u1")
    lengths = np.array([len(data)], "i8"), np.array([wire or len(whole)], "u4")
    frames = Frames(data, np.zeros(1, "i8"), *lengths, np.zeros(1, "i8"), np.array([link_type], "u4"))
    decoder = Decoder()
    table = decoder.decode(frames)
    assert decoder.malformed == malformed
    return {name: getattr(table, name)[0] for name in table.__dataclass_fields__ if name not in SIDES}


SIDES = ("dns", "handshakes")


def is_udp_packet(found, at):
    values = ("ip_version", "ip_proto", "ttl", "src_port", "dst_port", "payload_offset", "payload_len")
    return [int(found[v]) for v in values] == [4, 17, 77, 1111, 2222, at + 28, 5]


def test_ethernet_and_tcp():
    packet = Ether(src=A, dst=B) / IP(flags="DF", ttl=3) / TCP(sport=5, dport=6, flags="SAE", window=999)
    found = row(packet / b"data")
    assert (mac_text(found["src"]), mac_text(found["dst"])) == (A, B)
    assert (found["ethertype"], found["df"], found["ttl"], found["has_ports"]) == (0x800, True, 3, True)
    assert (found["src_port"], found["dst_port"], found["tcp_window"]) == (5, 6, 999)
    assert (found["tcp_flags"], found["payload_offset"], found["payload_len"]) == (0x52, 54, 4)


def test_padding_is_no_payload():
    found = row(Ether() / IP(len=28) / UDP(len=8) / bytes(18))
    assert (found["wire_len"], found["payload_len"], found["payload_offset"]) == (60, 0, 0)


def test_a_length_field_above_the_frame_is_held_to_the_frame():
    assert row(Ether() / IP(len=900) / UDP(len=880) / b"abc")["payload_len"] == 3


def test_a_total_length_of_zero_is_the_frame():
    assert row(Ether() / IP(len=0) / TCP() / bytes(3000))["payload_len"] == 3000


def test_tags_are_stripped_and_the_innermost_counts():
    assert row(Ether() / Dot1Q(vlan=5) / UDP_PACKET)["vlan"] == 5
    found = row(Ether() / Dot1AD(vlan=100) / Dot1Q(vlan=7) / UDP_PACKET)
    assert (found["vlan"], found["ethertype"]) == (7, 0x800)
    assert is_udp_packet(found, 14 + 8)


def test_arp_and_802_3_length_frames():
    assert row(Ether(type=0x806) / ARP())["ethertype"] == 0x806
    assert row(Ether(type=46) / bytes(46))["ethertype"] == 0


def test_ipv4_options_are_stepped_over():
    found = row(Ether() / IP(ttl=77, options=b"\x94\x04\x00\x00") / UDP(sport=1111, dport=2222) / b"hello")
    assert is_udp_packet(found, 14 + 4)


def test_only_the_first_fragment_has_ports():
    first, later = IP(flags="MF", proto=17) / UDP(len=3000) / bytes(80), IP(frag=10, proto=17) / bytes(100)
    assert row(Ether() / first)["has_ports"]
    found = row(Ether() / later)
    assert (found["has_ports"], found["ip_proto"]) == (False, 17)
    assert (found["payload_offset"], found["payload_len"]) == (34, 100)


def test_ipv6_extension_headers_are_stepped_over():
    options = IPv6ExtHdrHopByHop() / IPv6ExtHdrRouting(addresses=["::1", "::2"]) / IPv6ExtHdrDestOpt()
    security = AH(nh=17, payloadlen=4, icv=bytes(12))
    found = row(Ether() / IPv6(hlim=9) / options / security / UDP(sport=1, dport=2) / b"abc")
    assert (found["ip_version"], found["ip_proto"], found["ttl"]) == (6, 17, 9)
    assert (found["src_port"], found["dst_port"], found["payload_len"]) == (1, 2, 3)


def test_later_ipv6_fragments_have_no_ports():
    found = row(Ether() / IPv6() / IPv6ExtHdrFragment(offset=5, nh=17) / bytes(24))
    assert (found["has_ports"], found["ip_proto"], found["payload_len"]) == (False, 17, 24)
    assert row(Ether() / IPv6() / IPv6ExtHdrFragment(m=1, nh=17) / UDP(sport=8) / bytes(8))["src_port"] == 8


def test_icmp_of_both_versions():
    assert row(Ether() / IP() / ICMP())["ip_proto"] == 1
    assert row(Ether() / IPv6() / ICMPv6EchoRequest())["ip_proto"] == 58


def test_linux_cooked():
    address = bytes.fromhex(A.replace(":", "")) + bytes(2)
    packet = CookedLinux(lladdrlen=6, src=address, proto=0x800) / UDP_PACKET
    found = row(packet, 113)
    assert (mac_text(found["src"]), found["dst"]) == (A, 0)
    assert is_udp_packet(found, 16)
    second = CookedLinuxV2(lladdrlen=6, src=address, proto=0x8100) / Dot1Q(vlan=3) / UDP_PACKET
    found = row(second, 276)
    assert (mac_text(found["src"]), found["vlan"]) == (A, 3)
    assert is_udp_packet(found, 24)


def test_netlink_in_cooked_frames_is_no_ip():
    packet = CookedLinux(lladdrtype=824, proto=0x800) / bytes(40)
    assert row(packet, 113)["ethertype"] == 0


@pytest.mark.parametrize("link_type", [12, 14, 101, 228])
def test_raw_ip(link_type):
    found = row(UDP_PACKET, link_type)
    assert is_udp_packet(found, 0)
    assert (found["ethertype"], found["src"]) == (0x800, 0)


def test_raw_ipv6():
    assert row(IPv6(hlim=4) / UDP(sport=3), 229)["ttl"] == 4
    assert row(b"\x00" * 40, 101, malformed=1)["ip_version"] == 0


@pytest.mark.parametrize("family", ["<I", ">I"])
def test_bsd_loopback_in_both_byte_orders(family):
    assert is_udp_packet(row(struct.pack(family, 2) + raw(UDP_PACKET), 0), 4)
    assert row(struct.pack(family, 30) + raw(IPv6(hlim=6) / UDP()), 108)["ttl"] == 6
    assert row(struct.pack(family, 7) + bytes(40), 0)["ethertype"] == 0


TO_DS, FROM_DS, PROTECTED = 1, 2, 64


def wireless(**fields):
    return Dot11(type=2, addr1=A, addr2=B, addr3=C, addr4="02:00:00:00:00:0d", **fields)


@pytest.mark.parametrize(
    ("direction", "source", "destination"),
    [(0, B, A), (TO_DS, B, C), (FROM_DS, C, A), (TO_DS + FROM_DS, "02:00:00:00:00:0d", C)],
)
def test_wireless_data_in_clear(direction, source, destination):
    start = wireless(FCfield=direction)
    found = row(start / LLC() / SNAP() / UDP_PACKET, 105)
    assert (mac_text(found["src"]), mac_text(found["dst"])) == (source, destination)
    assert is_udp_packet(found, (30 if direction == 3 else 24) + 8)


def test_wireless_quality_of_service_behind_radiotap_with_padding():
    packet = RadioTap(present="TSFT+Flags", mac_timestamp=1, Flags="pad")
    start = raw(wireless(subtype=8, FCfield=TO_DS) / Dot11QoS())
    found = row(raw(packet) + start + bytes(2) + raw(LLC() / SNAP() / UDP_PACKET), 127)
    assert is_udp_packet(found, len(raw(packet)) + 28 + 8)


def test_wireless_without_readable_payload_gives_macs_only():
    encrypted = wireless(FCfield=TO_DS + PROTECTED) / Raw(bytes(60))
    empty = wireless(subtype=4, FCfield=TO_DS)
    beacon = Dot11(type=0, subtype=8, addr1=A, addr2=B, addr3=C) / Dot11Beacon()
    for packet, destination in ((encrypted, C), (empty, C), (beacon, A)):
        found = row(RadioTap() / packet, 127)
        assert (mac_text(found["src"]), mac_text(found["dst"]), found["ethertype"]) == (B, destination, 0)


def test_wireless_control_frames():
    acknowledge, request = Dot11(type=1, subtype=13, addr1=A), Dot11(type=1, subtype=11, addr1=A, addr2=B)
    assert [row(acknowledge, 105)[m] for m in ("src", "dst")] == [0, mac_number(A)]
    assert [row(request, 105)[m] for m in ("src", "dst")] == [mac_number(B), mac_number(A)]


def test_a_radiotap_header_that_never_ends_is_malformed():
    row(b"\x00\x00\x10\x00" + b"\xff" * 12 + bytes(40), 127, malformed=1)
    row(b"\x00\x00\xff\xff" + bytes(40), 127, malformed=1)


@pytest.mark.parametrize(
    "packet",
    [
        Ether() / IP(ihl=4) / bytes(20),
        Ether(type=0x800) / IPv6(),
        Ether() / IP(len=12) / bytes(20),
        Ether() / IP() / TCP(dataofs=3),
        raw(Ether())[:9],
    ],
)
def test_headers_that_contradict_themselves_are_counted(packet):
    row(packet, malformed=1)


def test_a_cut_frame_keeps_what_was_captured_and_is_not_malformed():
    packet = Ether(src=A, dst=B) / IP(ttl=5) / TCP(sport=1, dport=2) / bytes(1000)
    for captured in range(len(packet)):
        found = row(packet, captured=captured, wire=1054)
        assert found["wire_len"] == 1054
        assert found["ip_version"] == (4 if captured >= 34 else 0)
        assert found["has_ports"] == (captured >= 54)
        assert found["payload_len"] == (1000 if captured >= 54 else 0)
