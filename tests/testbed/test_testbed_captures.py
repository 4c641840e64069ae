"""Written captures, as scapy, tshark and the project's own decoder see them."""

import shutil
import subprocess
from collections import defaultdict

import numpy as np
import pytest
from written_home import records

from edgeprint.packets.decode import decode
from edgeprint.packets.table import TCP

scapy = pytest.importorskip("scapy.all")
ACK, FIN, SYN = 16, 1, 2


@pytest.fixture(scope="module")
def packets(half_hour):
    return list(scapy.PcapReader(str(half_hour.capture(1))))


def test_scapy_reads_every_packet_and_length(half_hour, packets):
    found = records(half_hour.capture(1))
    assert [(len(p), p.wirelen) for p in packets] == [(len(r.data), r.wire_len) for r in found]
    assert not any(p.haslayer("Padding") for p in packets[:2000])


def test_every_protocol_of_a_home_is_there(packets):
    layers = {layer.__name__ for p in packets[:4000] for layer in p.layers()}
    assert {"ARP", "BOOTP", "DNS", "NTPHeader", "ICMP", "TCP", "IPv6", "ICMPv6ND_NS"} <= layers
    assert {p["UDP"].dport for p in packets if p.haslayer("UDP")} >= {53, 67, 123, 5353}


def test_checksums_hold_where_the_whole_packet_is_stored(packets):
    for packet in packets[::7]:
        if packet.wirelen == len(packet) and not packet.haslayer("ARP"):
            fresh = scapy.Ether(bytes(packet))
            for layer in fresh.layers():
                for field in ("chksum", "cksum", "len", "plen"):
                    if field in [f.name for f in layer.fields_desc]:
                        fresh[layer].delfieldval(field)
            assert bytes(fresh) == bytes(packet), packet.summary()


def test_only_bulk_data_is_cut(packets):
    cut = [p for p in packets if p.wirelen > len(p)]
    assert cut and {len(p) for p in cut} == {160}
    assert all(
        (p.haslayer("TCP") and p["TCP"].sport in (443, 8883)) or p["TCP"].dport in (443, 8883) for p in cut
    )


def conversations(found):
    """(by the opener, sequence, acknowledged, payload, flags) of the TCP segments of each conversation."""
    talks = defaultdict(list)
    for record in found:
        data = record.data
        if data[12:14] == b"\x08\x00" and data[23] == TCP:
            ports = int.from_bytes(data[34:36], "big"), int.from_bytes(data[36:38], "big")
            seq, ack = int.from_bytes(data[38:42], "big"), int.from_bytes(data[42:46], "big")
            load = record.wire_len - 34 - (data[46] >> 4) * 4
            talks[min(ports), max(ports)].append((ports[0] > ports[1], seq, ack, load, data[47]))
    return talks


def test_tcp_numbers_follow_from_what_was_said(half_hour):
    talks = conversations(records(half_hour.capture(1)))
    assert len(talks) > 15
    for talk in talks.values():
        assert [t[4] for t in talk[:3]] == [SYN, SYN | ACK, ACK]
        following = {up: (seq + 1) & 0xFFFFFFFF for up, seq, _, _, flags in talk if flags & SYN}
        acknowledged = {}
        for up, seq, ack, load, flags in talk[2:]:
            behind = (following[up] - seq) & 0xFFFFFFFF  # more than 0 where it is sent again
            assert behind == 0 or (load and behind < 1 << 20)
            if behind == 0:
                following[up] = (seq + load + (flags & FIN)) & 0xFFFFFFFF
            assert (following[not up] - ack) & 0xFFFFFFFF < 1 << 20  # nothing that was not said
            assert (ack - acknowledged.get(up, ack)) & 0xFFFFFFFF < 1 << 20  # and never back
            acknowledged[up] = ack


def test_some_data_is_lost_and_sent_again(evening):
    copies = 0
    for talk in conversations(records(evening.capture(1))).values():
        said = [(up, seq) for up, seq, _, load, _ in talk if load]
        copies += len(said) - len(set(said))
    assert copies > 5


def tshark(path, *arguments):
    if not shutil.which("tshark"):
        pytest.skip("tshark is not installed")
    checks = [x for name in ("ip", "tcp", "udp") for x in ("-o", f"{name}.check_checksum:TRUE")]
    done = subprocess.run(
        ["tshark", "-r", str(path), *checks, *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_tshark_finds_no_fault(evening):
    for quarter in (1, 4):
        faults = "_ws.malformed || _ws.expert.severity >= 6291456"  # warnings and errors
        assert tshark(evening.capture(quarter), "-Y", faults) == ""


def test_tshark_sees_both_versions_of_tls(evening):
    found = tshark(
        evening.capture(1),
        "-Y",
        "tls.handshake.type == 2",
        "-T",
        "fields",
        "-e",
        "tls.handshake.extensions.supported_version",
    )
    assert {"", "0x0304"} <= set(found.split("\n"))


@pytest.fixture(scope="module")
def table(evening):
    return decode(evening.capture(1))[0]


def test_the_decoder_sees_every_packet_and_size(evening, table):
    assert table.wire_len.tolist() == [r.wire_len for r in records(evening.capture(1))]


def test_the_decoder_finds_each_device_s_version_and_reaction_time(evening, table):
    reaction_ms = (table.handshakes.client_ns - table.handshakes.server_ns) / 1e6
    for name, version, expected in (
        ("camera-a", 0x0303, 58),
        ("plug-a", 0x0303, 92),
        ("speaker", 0x0304, 11),
    ):
        own = np.isin(table.handshakes.client, list(evening.inventory[name].macs))
        assert set(table.handshakes.version[own]) == {version}
        assert abs(np.median(reaction_ms[own]) - expected) < 8  # and the way to the router


def test_the_decoder_finds_the_names_that_devices_ask_for(evening, table):
    assert {"live.lumen.example.com", "pool.ntp.example.org", "push.sonora.example.com"} <= set(
        table.dns.name
    )
