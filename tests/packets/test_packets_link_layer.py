import struct

import pytest
from one_row import UDP_PACKET, A, B, C, is_udp_packet, row
from scapy.layers.dot11 import LLC, Dot11, Dot11Beacon, Dot11QoS, RadioTap
from scapy.layers.inet import UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, SNAP, CookedLinux, CookedLinuxV2, Dot1AD, Dot1Q, Ether
from scapy.packet import Raw, raw

from edgeprint.packets.inventory import mac_number, mac_text


def test_tags_are_stripped_and_the_innermost_counts():
    assert row(Ether() / Dot1Q(vlan=5, prio=7, dei=1) / UDP_PACKET)["vlan"] == 5
    found = row(Ether() / Dot1AD(vlan=100) / Dot1Q(vlan=7) / UDP_PACKET)
    assert (found["vlan"], found["ethertype"]) == (7, 0x800)
    assert is_udp_packet(found, 14 + 8)


def test_arp_and_802_3_length_frames():
    assert row(Ether(type=0x806) / ARP())["ethertype"] == 0x806
    assert row(Ether(type=46) / bytes(46))["ethertype"] == 0


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
    assert row(struct.pack(family, 0x1E000002) + raw(UDP_PACKET), 0)["ethertype"] == 0


TO_DS, FROM_DS, PROTECTED, ORDER = 1, 2, 64, 128


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


def test_wireless_high_throughput_control_is_stepped_over():
    start = raw(wireless(subtype=8, FCfield=TO_DS + ORDER) / Dot11QoS())
    assert is_udp_packet(row(start + bytes(4) + raw(LLC() / SNAP() / UDP_PACKET), 105), 24 + 2 + 4 + 8)


def test_wireless_without_readable_payload_gives_macs_only():
    encrypted = wireless(FCfield=TO_DS + PROTECTED) / Raw(raw(LLC() / SNAP() / UDP_PACKET))
    empty = wireless(subtype=4, FCfield=TO_DS)
    beacon = Dot11(type=0, subtype=8, addr1=A, addr2=B, addr3=C) / Dot11Beacon()
    for packet, destination in ((encrypted, C), (empty, C), (beacon, A)):
        found = row(RadioTap() / packet, 127)
        assert (mac_text(found["src"]), mac_text(found["dst"]), found["ethertype"]) == (B, destination, 0)


def test_a_snap_header_of_another_organisation_has_no_ethertype():
    for organisation, known in ((0, True), (0x0000F8, True), (0x00000C, False), (0x000100, False)):
        found = row(wireless(FCfield=TO_DS) / LLC() / SNAP(OUI=organisation, code=0x800) / UDP_PACKET, 105)
        assert found["ethertype"] == (0x800 if known else 0)
    assert row(wireless(FCfield=TO_DS) / LLC() / SNAP(code=0x100) / bytes(40), 105)["ethertype"] == 0


def test_a_later_wireless_fragment_begins_with_no_header():
    found = row(wireless(FCfield=TO_DS, SC=16 + 3) / LLC() / SNAP() / UDP_PACKET, 105)
    assert (mac_text(found["src"]), mac_text(found["dst"]), found["ip_version"]) == (B, C, 0)


def test_management_frames_have_three_addresses_whatever_their_flags():
    beacon = Dot11(type=0, subtype=8, FCfield=TO_DS + FROM_DS, addr1=A, addr2=B, addr3=C, addr4=C)
    found = row(beacon / Dot11Beacon(), 105)
    assert (mac_text(found["src"]), mac_text(found["dst"])) == (B, A)


def test_wireless_control_frames():
    acknowledge, request = Dot11(type=1, subtype=13, addr1=A), Dot11(type=1, subtype=11, addr1=A, addr2=B)
    assert [row(acknowledge, 105)[m] for m in ("src", "dst")] == [0, mac_number(A)]
    assert [row(request, 105)[m] for m in ("src", "dst")] == [mac_number(B), mac_number(A)]


def test_a_radiotap_header_that_never_ends_is_malformed():
    row(b"\x00\x00\x10\x00" + b"\xff" * 12 + bytes(40), 127, malformed=1)
    row(b"\x00\x00\xff\xff" + bytes(40), 127, malformed=1)
