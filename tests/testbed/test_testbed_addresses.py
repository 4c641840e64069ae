"""Everybody's new address."""

import struct

import pytest
from real_home import PLUG, ROUTER, inventory, pcap, tcp

from edgeprint.testbed import sources
from edgeprint.testbed.addresses import Addresses
from edgeprint.testbed.host import LOCAL, PREFIX, interface, mac_of
from edgeprint.testbed.host import ROUTER as HOME_ROUTER

PHONE = "a4b1c1000009"
LINK, GLOBAL = bytes.fromhex("fe80" + "00" * 6 + "52c7bffffe000002"), bytes.fromhex("2a01" + "11" * 14)


def ipv6(src: str, dst: str, source: bytes, destination: bytes) -> bytes:
    header = struct.pack(">IHBB", 6 << 28, 8, 17, 255) + source + destination
    return bytes.fromhex(dst + src) + b"\x86\xdd" + header + struct.pack(">HHHH", 1000, 2000, 8, 0)


def arp(src: str, sender: bytes, target: bytes) -> bytes:
    body = struct.pack(">HHBBH", 1, 0x0800, 6, 4, 1) + bytes.fromhex(src) + sender + bytes(6) + target
    return bytes.fromhex("ff" * 6 + src) + b"\x08\x06" + body


@pytest.fixture
def addresses(tmp_path):
    inventory(tmp_path, plug=PLUG)
    frames = [
        tcp(PLUG, ROUTER, 100),
        ipv6(PLUG, ROUTER, LINK, GLOBAL),
        ipv6(PLUG, ROUTER, GLOBAL[:-1] + b"\x22", GLOBAL),
        arp(PLUG, bytes([192, 168, 7, 32]), bytes([192, 168, 7, 9])),
        arp(PLUG, bytes([10, 200, 3, 4]), bytes([192, 168, 7, 9])),
        bytes.fromhex(PLUG + PHONE) + arp(PHONE, bytes([192, 168, 7, 9]), bytes([192, 168, 7, 32]))[12:],
    ]
    # One packet of the plug's came back through the router: that does not make the address the router's.
    frames.append(bytes.fromhex(PLUG + ROUTER) + tcp(PLUG, ROUTER, 100)[12:])
    frames.append(tcp(PLUG, ROUTER, 100))
    pcap(tmp_path / "a.pcap", list(enumerate(frames)))
    return Addresses(list(sources.read([tmp_path]).recordings.values()))


def number(*octets: int) -> int:
    return int.from_bytes(bytes(octets), "big")


def test_a_device_a_router_and_a_neighbour_have_their_own_macs(addresses):
    assert addresses.mac(int(PLUG, 16)) == mac_of(0)
    assert addresses.mac(int(ROUTER, 16)) == HOME_ROUTER.mac
    assert addresses.mac(int(PHONE, 16)) == 0x020000010000 == addresses.mac(int(PHONE, 16))


def test_groups_keep_their_macs_but_for_solicited_nodes(addresses):
    for group in (0xFFFFFFFFFFFF, 0x01005E0000FB, 0x333300000001):
        assert addresses.mac(group) == group
    new = LOCAL + interface(mac_of(0))
    assert addresses.mac(0x3333FF000002) == 0x3333FF000000 | int.from_bytes(new[-3:], "big")
    asked = bytes.fromhex("ff02" + "00" * 9 + "01ff")
    assert addresses.ipv6(0, asked + LINK[-3:]) == asked + new[-3:]


def test_all_private_addresses_of_a_device_become_one(addresses):
    assert addresses.ipv4(0, number(192, 168, 7, 32)) == addresses.ipv4(0, number(10, 200, 3, 4))


def test_the_home_s_network_is_one_that_no_source_uses(addresses):
    assert addresses.network == number(10, 201, 0, 0)


def test_the_same_address_in_another_folder_is_another_machine(addresses):
    here, there = (addresses.ipv4(folder, number(192, 168, 7, 9)) for folder in (0, 1))
    assert here != there and here >> 16 == there >> 16 == addresses.network >> 16


def test_addresses_without_a_machine_stay(addresses):
    for address in (0, number(255, 255, 255, 255), number(224, 0, 0, 251), number(127, 0, 0, 1)):
        assert addresses.ipv4(0, address) == address
    assert addresses.ipv6(0, bytes(16)) == bytes(16)


def test_a_broadcast_address_of_a_network_is_one_of_the_home(addresses):
    assert addresses.ipv4(0, number(192, 168, 7, 255)) == addresses.network | 0xFFFF


def test_servers_are_new_after_a_renewal_and_the_same_for_all_folders(addresses):
    one, other = (addresses.ipv4(0, number(8, 8, 4, 4), renewal) for renewal in ("", "plug 1"))
    assert one >> 17 == other >> 17 == number(198, 18, 0, 0) >> 17 and one != other
    assert addresses.ipv4(1, number(8, 8, 4, 4)) == one


def test_ipv6_addresses_show_the_new_mac(addresses):
    assert addresses.ipv6(0, LINK) == LOCAL + interface(mac_of(0))
    assert addresses.ipv6(0, GLOBAL[:-1] + b"\x22") == PREFIX + interface(mac_of(0))
    assert addresses.ipv6(0, GLOBAL)[:6] == bytes.fromhex("20010db8ffff")
