import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeprint.packets.table import ICMP, TCP, UDP
from edgeprint.testbed.frames import LONGEST, ROW, Endpoint, Wire, header, record_at
from edgeprint.testbed.writer import records

scapy = pytest.importorskip("scapy.all")
V4 = (
    Endpoint(0x020000000001, bytes([192, 168, 1, 20])),
    Endpoint(0x0200000000FE, bytes([192, 0, 2, 7]), ttl=51),
)
V6 = Endpoint(1 << 41 | 1, bytes(range(16))), Endpoint(1 << 41 | 2, bytes(range(100, 116)), ttl=51)


def row(flow, **values):
    rows = np.zeros(1, ROW)
    rows["flow"] = flow
    for name, value in ({"up": True, "whole": True} | values).items():
        rows[name] = value
    return rows


def frame(wire, rows):
    """The one frame of one row, without its record header."""
    return bytes(records(wire.seal(), rows, 0)[16:])


def recomputed(data):
    packet = scapy.Ether(data)
    for layer in packet.layers():
        for field in layer.fields_desc:
            if field.name in ("chksum", "cksum", "len", "plen"):
                packet[layer].delfieldval(field.name)
    return bytes(packet)


@settings(deadline=None, max_examples=60)
@given(
    payload=st.binary(max_size=300),
    sides=st.sampled_from([V4, V6]),
    proto=st.sampled_from([TCP, UDP]),
    up=st.booleans(),
    numbers=st.tuples(*[st.integers(0, 2**32 - 1)] * 2, st.integers(0, 2**16 - 1)),
)
def test_lengths_and_checksums_are_those_that_scapy_computes(payload, sides, proto, up, numbers):
    wire = Wire()
    flow = wire.open(*sides, proto, 50000, 443)
    seq, ack, ident = numbers
    rows = row(
        flow, up=up, tail=wire.keep(payload), length=len(payload), flags=24, seq=seq, ack=ack, ident=ident
    )
    data = frame(wire, rows)
    assert recomputed(data) == data
    assert data.endswith(payload)


def test_a_cut_frame_has_the_checksum_of_the_whole():
    wire = Wire()
    flow = wire.open(*V4, TCP, 50000, 443)
    size = {"tail": record_at(np.array([1201])), "length": 1201, "flags": 24}
    whole, cut = frame(wire, row(flow, **size)), frame(wire, row(flow, whole=False, **size))
    assert len(whole) == 54 + 1201 and len(cut) == 160
    assert whole.startswith(cut) and recomputed(whole) == whole


def test_the_two_directions_mirror_each_other():
    wire = Wire()
    flow = wire.open(*V4, UDP, 50000, 53)
    up, down = (scapy.Ether(frame(wire, row(flow, up=way))) for way in (True, False))
    assert (up.src, up["IP"].dst, up["UDP"].sport, up.ttl) == ("02:00:00:00:00:01", "192.0.2.7", 50000, 64)
    assert (down.dst, down["IP"].src, down["UDP"].dport, down.ttl) == (
        "02:00:00:00:00:01",
        "192.0.2.7",
        50000,
        51,
    )


def test_flows_opened_together_differ_in_their_ports():
    wire = Wire()
    flows = wire.open(*V4, UDP, np.array([40000, 40001]), 53)
    assert [scapy.Ether(frame(wire, row(f)))["UDP"].sport for f in flows] == [40000, 40001]


def test_options_count_in_the_header_and_not_in_the_payload():
    wire = Wire()
    options = bytes.fromhex("020405a001010402")
    rows = row(wire.open(*V4, TCP, 1, 2), tail=wire.keep(options), length=8, options=8, flags=2)
    packet = scapy.Ether(frame(wire, rows))
    assert packet["TCP"].options[0] == ("MSS", 1440) and not packet["TCP"].payload


@pytest.mark.parametrize("length", [6, 7, 99, LONGEST])
def test_every_record_is_a_tls_record_of_its_length(length):
    wire = Wire()
    rows = row(wire.open(*V4, TCP, 1, 443), tail=record_at(np.array([length])), length=length)
    record = frame(wire, rows)[54:]
    assert len(record) == length and record[:5] == b"\x17\x03\x03" + (length - 5).to_bytes(2, "big")


def test_headers_of_protocols_without_ports_end_early():
    assert header(*V4, ICMP).rstrip(b"\0") == header(*V4, ICMP)[:34]
    assert header(Endpoint(1), Endpoint(2), 0)[:14] == bytes(5) + b"\2" + bytes(5) + b"\1\x08\x06"


def test_tails_of_odd_length_do_not_run_into_each_other():
    wire = Wire()
    first, second = wire.keep(b"abc")[0], wire.keep(b"defgh")[0]
    assert first % 2 == second % 2 == 0 and second - first == 4
