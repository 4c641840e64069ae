import gzip
import itertools
from pathlib import Path

import capture_bytes as write
import pytest
from capture_bytes import Captured
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scapy.layers.dns import DNS, DNSQR
from scapy.layers.inet import IP, TCP, UDP, IPOption_Router_Alert
from scapy.layers.l2 import Ether
from scapy.packet import raw
from tls_talk import CHANGE_CIPHER, DONE, KEY_EXCHANGE, Talk, client_hello, record, server_hello

from edgeprint.errors import EdgeprintError, NotACapture
from edgeprint.packets import names, pcap, pcapng, rows
from edgeprint.packets.decode import decode, decode_chunks
from edgeprint.packets.table import COLUMNS, DnsTable, HandshakeTable

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
LOOPS = (rows._fill, names._find, pcap.index_pcap, pcapng.index_pcapng)


def query(name, number=0):
    return raw(Ether() / IP() / UDP(sport=4000 + number, dport=53) / DNS(qd=DNSQR(qname=name)))


def handshake():
    talk = Talk()
    talk.say(client_hello(), client=True)
    talk.say(record(server_hello()) + record(b"\x0b\x00\x05\x00" + bytes(1280)) + record(DONE), client=False)
    talk.say(record(KEY_EXCHANGE) + CHANGE_CIPHER, client=True)
    return talk.frames


def capture(frames) -> bytes:
    return write.pcap([Captured(1_600_000_000 * 10**9 + i * 10**6, frame) for i, frame in enumerate(frames)])


MIXED = capture([query("a.example"), *handshake(), query("b.example", 1), raw(Ether() / IP() / TCP())])


@pytest.fixture
def written(tmp_path):
    def write_file(content):
        (tmp_path / "x.pcap").write_bytes(content)
        return tmp_path / "x.pcap"

    return write_file


def contents(table):
    sides = [(table.dns, DnsTable), (table.handshakes, HandshakeTable)]
    found = {name: getattr(table, name).tolist() for name in COLUMNS}
    for side, kind in sides:
        found |= {f"{kind.__name__}.{f}": getattr(side, f).tolist() for f in kind.__dataclass_fields__}
    return found


def test_a_capture_becomes_rows_questions_handshakes_and_a_report(written):
    path = written(MIXED)
    table, report = decode(path)
    assert {name: getattr(table, name).dtype for name in COLUMNS} == COLUMNS
    assert (table.dns.packet.tolist(), table.dns.name.tolist()) == ([0, 4], ["a.example", "b.example"])
    assert (table.handshakes.client_ns - table.handshakes.server_ns).tolist() == [10**6]
    assert (report.path, report.packets, report.malformed, report.cut) == (path, 6, 0, None)
    assert report.last_ns - report.first_ns == 5 * 10**6


@pytest.mark.parametrize("block_bytes", [100, 1000, 1 << 20])
def test_blocks_do_not_show_in_the_result(written, block_bytes):
    path = written(MIXED)
    chunks = list(decode_chunks(path, block_bytes=block_bytes))
    whole, report = decode(path)
    together = type(whole).concatenate([table for table, _ in chunks])
    assert contents(together) == contents(whole)
    assert chunks[-1][1] == report


def test_dns_over_tcp_is_read(written):
    message = raw(DNS(qd=DNSQR(qname="tcp.example")))
    frame = raw(Ether() / IP() / TCP(dport=53) / (len(message).to_bytes(2, "big") + message))
    assert decode(written(capture([frame])))[0].dns.name.tolist() == ["tcp.example"]


def test_frames_of_unsupported_link_types_are_counted_by_number_and_left_out(written):
    content = write.section() + write.interface(link_type=147) + write.interface(link_type=1)
    content += write.enhanced(bytes(60)) + write.enhanced(query("a.b"), owner=1) + write.enhanced(bytes(60))
    table, report = decode(written(content))
    assert (len(table), report.packets, report.unsupported) == (1, 3, {147: 2})
    assert table.dns.packet.tolist() == [0]


def test_an_empty_capture_is_an_empty_table(written):
    table, report = decode(written(write.pcap([])))
    assert (len(table), report.packets, report.first_ns, report.cut) == (0, 0, None, None)


def test_what_is_no_capture_is_refused(written):
    with pytest.raises(NotACapture, match=r"x\.pcap is neither pcap nor pcapng"):
        decode(written(b"mac,device,category,iot\n"))


def test_a_cut_capture_gives_its_whole_packets_and_says_where(written):
    table, report = decode(written(MIXED[:-1]))
    assert len(table) == 5
    assert report.cut.endswith("after 5 packets")


def test_compiled_and_interpreted_give_the_same(monkeypatch):
    pytest.importorskip("numba")
    files = [p for p in samples() if p.stat().st_size < 200_000]
    results = []
    for patience in (10**12, -1):
        for loop in LOOPS:
            monkeypatch.setattr(loop, "_compiled", None)
            monkeypatch.setattr(loop, "patience", patience)
        results.append([outcome(path) for path in files])
        assert all((loop._compiled is None) == (patience > 0) for loop in LOOPS)
    interpreted, compiled = results
    assert compiled == interpreted


def samples():
    if not DATA.exists():
        pytest.skip("needs ../shared/data, captures that are not part of this repository")
    return [path for path in sorted((DATA / "robustness").rglob("*")) if path.is_file()]


def outcome(path):
    try:
        table, report = decode(path)
    except EdgeprintError as error:
        return str(error)
    return contents(table), report


def test_every_odd_capture_is_decoded_or_refused():
    results = {path.name: outcome(path) for path in samples()}
    refused = [result for result in results.values() if isinstance(result, str)]
    assert len(refused) == 5
    assert all("neither pcap nor pcapng" in sentence for sentence in refused)
    cut = {name for name, result in results.items() if not isinstance(result, str) and result[1].cut}
    assert cut == {"truncated-mid-packet.pcap", "test901.pcapng"}  # the latter has a section of version 2


def test_every_prefix_of_a_capture_is_decoded(written):
    ends = set(itertools.accumulate((len(f) + 16 for f in frames_of(MIXED)), initial=24))
    for keep in range(24, len(MIXED), 7):
        table, report = decode(written(MIXED[:keep]))
        assert len(table) == sum(end <= keep for end in ends) - 1
        assert (report.cut is None) == (keep in ends)


def frames_of(content):
    at = 24
    while at < len(content):
        length = int.from_bytes(content[at + 8 : at + 12], "little")
        yield content[at + 16 : at + 16 + length]
        at += 16 + length


MIXED_NG = write.pcapng([Captured(i, frame) for i, frame in enumerate(frames_of(MIXED))])
changes = st.lists(st.tuples(st.integers(0, len(MIXED) - 1), st.integers(0, 255)), min_size=1, max_size=12)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=changes, content=st.sampled_from([MIXED, MIXED_NG]), zipped=st.booleans())
def test_corruption_is_decoded_or_refused_and_never_a_fault(written, changes, content, zipped):
    damaged = bytearray(gzip.compress(content) if zipped else content)
    for at, value in changes:
        damaged[at % len(damaged)] = value
    outcome(written(bytes(damaged)))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=120), max_size=8), st.sampled_from([0, 1, 101, 105, 108, 113, 127, 276]))
def test_any_bytes_as_frames_are_decoded(written, frames, link_type):
    content = write.pcap([Captured(0, frame, 200) for frame in frames], link_type=link_type)
    table, _ = decode(written(content))
    assert len(table) == len(frames)


def test_ipv4_options_from_scapy_do_not_move_the_ports(written):
    frame = raw(Ether() / IP(options=[IPOption_Router_Alert()]) / UDP(sport=7, dport=9))
    assert decode(written(capture([frame])))[0].dst_port.tolist() == [9]


def test_memory_does_not_grow_with_the_capture(written):
    frames = [bytes(1000)] * 3000
    chunks = list(decode_chunks(written(capture(frames)), block_bytes=100_000))
    assert max(len(table) for table, _ in chunks) <= 120
    assert sum(len(table) for table, _ in chunks) == 3000
