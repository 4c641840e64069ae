import ipaddress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeprint.testbed import messages, tls

scapy = pytest.importorskip("scapy.all")
MAC, IP, ROUTER = 0x020000000001, bytes([192, 168, 1, 20]), bytes([192, 168, 1, 1])
LINK = bytes.fromhex("fe80000000000000000000fffe000001")
DOCUMENTATION = [
    ipaddress.ip_network(n) for n in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
]


def test_the_checksum_is_that_of_rfc_1071():
    assert messages.checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0xFFFF ^ 0xDDF2


@given(st.binary(max_size=64))
def test_a_checksum_is_scapy_s(data):
    assert messages.checksum(data) == scapy.checksum(data)


@given(st.text("abcdefgh-", min_size=1, max_size=20), st.sampled_from([4, 6]))
def test_servers_have_addresses_for_documentation(name, version):
    address = ipaddress.ip_address(messages.address(name, version))
    assert address.version == version and any(address in network for network in DOCUMENTATION)
    assert messages.address(name, version) == messages.address(name, version)


def test_multicast_addresses_map_to_ethernet():
    assert f"{messages.multicast_mac(messages.MDNS_4):012x}" == "01005e0000fb"
    assert f"{messages.multicast_mac(messages.MDNS_6):012x}" == "3333000000fb"
    assert f"{messages.multicast_mac(messages.solicited_node(LINK)):012x}" == "3333ff000001"


def test_a_dns_answer_repeats_its_question():
    answer = scapy.DNS(messages.dns_answer("a.example.com", messages.A, IP, 300))
    assert (answer.qd[0].qname, answer.an[0].rdata, answer.an[0].ttl) == (
        b"a.example.com.",
        "192.168.1.20",
        300,
    )


def test_a_name_without_an_address_has_no_answer():
    assert scapy.DNS(messages.dns_answer("a.example.com", messages.AAAA, b"", 300)).ancount == 0


def test_an_announcement_names_service_instance_and_address():
    found = scapy.DNS(messages.mdns_announcement("tv", "_tv._tcp", IP, b"id=1"))
    assert [record.type for record in found.an] == [12, 33, 16, 1]
    assert found.an[3].rdata == "192.168.1.20" and found.an[1].target == b"tv.local."


@pytest.mark.parametrize("kind, name", [(1, "discover"), (2, "offer"), (3, "request"), (5, "ack")])
def test_dhcp_messages_are_what_they_say(kind, name):
    packet = scapy.BOOTP(messages.dhcp(kind, MAC, IP, ROUTER, "plug-a"))
    options = dict(o[:2] for o in packet["DHCP"].options if isinstance(o, tuple))
    assert scapy.DHCPTypes[options["message-type"]] == name
    assert packet.yiaddr == ("192.168.1.20" if kind in (2, 5) else "0.0.0.0")
    assert kind in (2, 5) or options["hostname"] == b"plug-a"


def test_a_renewal_comes_from_the_address_that_it_renews():
    packet = scapy.BOOTP(messages.dhcp(3, MAC, IP, ROUTER, "plug-a", renewing=True))
    assert packet.ciaddr == "192.168.1.20"
    assert "requested_addr" not in dict(o[:2] for o in packet["DHCP"].options if isinstance(o, tuple))


def test_neighbour_messages_carry_the_checksum_of_their_addresses():
    sent = messages.neighbour_solicitation(LINK, LINK, LINK, MAC)
    inner = scapy.ICMPv6ND_NS(sent)
    assert (inner.tgt, inner.payload.lladdr) == ("fe80::ff:fe00:1", "02:00:00:00:00:01")
    del inner.cksum
    outer = scapy.IPv6(src="fe80::ff:fe00:1", dst="fe80::ff:fe00:1", hlim=255)
    assert bytes(outer / inner)[40:] == sent


def test_ntp_is_48_bytes_of_version_4():
    packet = scapy.NTPHeader(messages.ntp(3, 0))
    assert (packet.version, packet.mode, len(messages.ntp(4, 2))) == (4, 3, 48)


def tls_records(stream):
    """(type, length) of each record; the stream must end with one."""
    found = []
    while stream:
        assert stream[1:3] == b"\x03\x03"
        length = int.from_bytes(stream[3:5], "big")
        assert len(stream) >= 5 + length
        found.append((stream[0], length))
        stream = stream[5 + length :]
    return found


@pytest.mark.parametrize("modern", [False, True])
@pytest.mark.parametrize("chain", [0, 1900, 4000])
def test_flights_are_whole_records(modern, chain):
    for stream in (
        tls.server_flight("a.example.com", modern, chain),
        tls.client_finish(modern),
        tls.server_finish(modern),
    ):
        assert tls_records(stream)


def test_a_modern_server_hides_its_certificate():
    kinds = [
        [kind for kind, _ in tls_records(tls.server_flight("a.example.com", modern, 2000))]
        for modern in (False, True)
    ]
    assert kinds == [[22, 22, 22, 22], [22, 20, 23]]


@pytest.mark.parametrize("size", [150, 233, 517])
def test_a_client_hello_has_the_size_that_it_is_given_or_the_least_it_needs(size):
    modern, old = (len(tls.client_hello("live.example.com", m, 4, size)) for m in (True, False))
    assert old == max(size, len(tls.client_hello("live.example.com", False, 4, 0)))
    assert modern >= size


def test_randoms_stand_where_the_patches_go():
    for hello in (tls.client_hello("a.example.com", True, 4, 517), tls.server_hello(True)):
        assert hello[slice(*tls.RANDOM)] == hello[slice(*tls.SESSION)] == tls.filler(32)
        assert hello[43] == 32  # length of the session


@pytest.mark.parametrize("size", [0, 700, 2100])
def test_certificates_are_certificates(size):
    x509 = pytest.importorskip("cryptography.x509")
    der = tls.certificate("live.example.com", size)
    certificate = x509.load_der_x509_certificate(der)
    assert certificate.subject.rfc4514_string() == "CN=live.example.com"
    assert abs(len(der) - max(size, 330)) < 200
    assert np.all([name.value.endswith("live.example.com") for name in certificate.extensions[0].value])
