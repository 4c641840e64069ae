"""What is kept of a frame, and where its headers stand."""

import struct

import pytest
from real_home import ADDRESSES, PLUG, ROUTER, inventory, pcap, tcp

from edgeprint.packets.names import questions
from edgeprint.testbed import messages, sources
from edgeprint.testbed.addresses import Addresses
from edgeprint.testbed.drift import Drift
from edgeprint.testbed.rewrite import Take, rewrite


def ip(proto: int, body: bytes, src: str = PLUG, dst: str = ROUTER) -> bytes:
    header = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 7, 0, 64, proto, 0)
    ends = bytes.fromhex(ADDRESSES[src] + ADDRESSES[dst])
    return bytes.fromhex(dst + src) + b"\x08\x00" + header + ends + body


def udp(ports: tuple[int, int], body: bytes) -> bytes:
    return ip(17, struct.pack(">HHHH", *ports, 8 + len(body), 0xBEEF) + body)


def stream(port: int, body: bytes) -> bytes:
    return ip(6, struct.pack(">HHIIBBHHH", 50000, port, 1, 1, 5 << 4, 0x18, 64240, 0xBEEF, 0) + body)


@pytest.fixture
def rewritten(tmp_path):
    """A plug's frames, one a second, as the home would send them."""

    def make(*frames: bytes) -> list[bytes]:
        inventory(tmp_path, plug=PLUG)
        pcap(tmp_path / "a.pcap", list(enumerate(frames)))
        recording = sources.read([tmp_path]).recordings["plug"]
        take: Take = rewrite(recording, Addresses([recording]), Drift())
        assert take.wire.tolist() == [len(frame) for frame in frames]
        ends = zip(take.at.tolist(), take.kept.tolist(), strict=True)
        return [take.pool[at : at + kept].tobytes() for at, kept in ends]

    return make


QUERY = messages.dns_query("api.lumen.example.com", messages.A)
ANSWER = messages.dns_answer("api.lumen.example.com", messages.A, bytes([8, 8, 4, 4]), 300)


def test_of_a_tcp_segment_the_headers_are_kept(rewritten):
    (kept,) = rewritten(tcp(PLUG, ROUTER, 300))
    assert len(kept) == 54


def test_behind_a_vlan_tag_too(rewritten):
    plain = tcp(PLUG, ROUTER, 300)
    tagged = plain[:12] + b"\x81\x00\x00\x64" + plain[12:]
    kept, other = rewritten(tagged, plain)
    assert kept[:12] + kept[16:] == other and kept[12:16] == b"\x81\x00\x00\x64"


def test_padding_is_cut(rewritten):
    (kept,) = rewritten(stream(443, b"").ljust(60, b"p"))
    assert len(kept) == 54


def test_dns_is_kept_whole_and_other_datagrams_are_not(rewritten):
    dns, dhcp, mdns = rewritten(udp((5000, 53), QUERY), udp((68, 67), QUERY), udp((5353, 5353), QUERY))
    assert dns[42:] == QUERY and len(dhcp) == len(mdns) == 42


def test_an_answer_and_the_header_name_the_same_server(rewritten):
    answer, segment = rewritten(udp((53, 5000), ANSWER), tcp(PLUG, ROUTER, 90))
    assert answer[-4:] == segment[30:34] != bytes([8, 8, 4, 4])


def test_dns_over_tcp_is_kept_where_a_segment_is_a_message(rewritten):
    length = len(ANSWER).to_bytes(2, "big")
    whole, half = rewritten(stream(53, length + ANSWER), stream(53, length + ANSWER[:-6]))
    assert questions(whole[56:]) == questions(ANSWER) and whole[-4:] != ANSWER[-4:]
    assert len(half) == 54


def test_transport_checksums_are_zero(rewritten):
    segment, datagram, ping = rewritten(
        tcp(PLUG, ROUTER, 90), udp((1, 2), b"x"), ip(1, b"\x08\x00\xbe\xef" + bytes(8))
    )
    assert segment[50:52] == datagram[40:42] == ping[36:38] == b"\0\0"


def test_of_icmp_four_octets_are_kept(rewritten):
    (kept,) = rewritten(ip(1, b"\x05\x01\xbe\xef\xc0\xa8\x07\x20" + tcp(PLUG, ROUTER, 60)[14:34]))
    assert len(kept) == 38


def test_of_what_is_no_ip_the_link_header_is_kept(rewritten):
    (kept,) = rewritten(bytes.fromhex(ROUTER + PLUG) + b"\x88\x8e" + bytes.fromhex(PLUG) * 4)
    assert len(kept) == 14


@pytest.mark.parametrize("form", ["{}", "{:-}", "{:E}"])
def test_a_mac_in_a_name_is_the_new_one(rewritten, form):
    raw = bytes.fromhex(PLUG)
    texts = {"{}": raw.hex(), "{:-}": raw.hex("-").upper(), "{:E}": "50C7BFFFFE000002"}
    (kept,) = rewritten(udp((5000, 53), messages.dns_query(f"cam-{texts[form]}.example.com", messages.A)))
    new = {"{}": b"020000000001", "{:-}": b"02-00-00-00-00-01", "{:E}": b"020000FFFE000001"}
    assert new[form] in kept and texts[form].encode() not in kept


def test_a_cut_header_is_no_fault(rewritten):
    (kept,) = rewritten(tcp(PLUG, ROUTER, 300)[:30])
    assert len(kept) == 14
