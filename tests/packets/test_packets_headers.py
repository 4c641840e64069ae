import pytest
from one_row import A, B, is_udp_packet, row
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
from scapy.layers.l2 import Ether
from scapy.packet import raw

from edgeprint.packets.inventory import mac_text


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


def test_bytes_behind_a_datagram_inside_its_ip_packet_are_no_payload():
    assert row(Ether() / IP() / UDP(len=11) / b"abcxxxx")["payload_len"] == 3
    assert row(Ether() / IP() / UDP(len=3) / b"abcdefg")["payload_len"] == 7


def test_a_length_field_above_the_frame_is_held_to_the_frame():
    assert row(Ether() / IP(len=900) / UDP(len=880) / b"abc")["payload_len"] == 3


def test_a_total_length_of_zero_is_the_frame():
    assert row(Ether() / IP(len=0) / TCP() / bytes(3000))["payload_len"] == 3000


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


@pytest.mark.parametrize("ip", [IP(len=30, proto=6), IPv6(plen=10, nh=6), IP(len=27, proto=17)])
def test_what_follows_an_ip_packet_in_its_frame_is_no_header(ip):
    found = row(Ether() / ip / bytes(40), malformed=1)
    assert (found["ip_version"], found["has_ports"], found["payload_len"]) == (ip.version, False, 0)


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
