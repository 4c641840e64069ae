"""Frames with other addresses: what the decoder sees of them is what it saw before."""

import numpy as np
import pytest

from edgeprint.packets.decode import Decoder, decode
from edgeprint.packets.frames import Frames
from edgeprint.packets.table import COLUMNS, TCP, PacketTable
from edgeprint.testbed.addresses import Addresses
from edgeprint.testbed.album import SENT, Album
from edgeprint.testbed.drift import Drift
from edgeprint.testbed.layout import HANDSHAKE, NO_PAYLOAD
from edgeprint.testbed.rewrite import Take, rewrite

PLACES = ("src", "dst", "payload_offset")  # addresses change; padding behind a header may be cut


@pytest.fixture(scope="module")
def addresses(read_home):
    return Addresses(list(read_home.recordings.values()))


def frames_of(take: Take, recording, rows) -> Frames:
    wire = take.wire[rows].astype("u4")
    link = np.ones(len(rows), "u4")
    return Frames(take.pool, take.at[rows], take.kept[rows], wire, recording.frames["time"][rows], link)


NONE = Drift()


def both(home, addresses, drift=NONE):
    """(recording, take, its table, the source's rows) of each device and capture."""
    for recording in home.recordings.values():
        take = rewrite(recording, addresses, drift)
        for number in np.unique(recording.frames["capture"]):
            rows = np.flatnonzero(recording.frames["capture"] == number)
            rows = rows[np.argsort(recording.frames["row"][rows])]
            decoder = Decoder()
            table = decoder.decode(frames_of(take, recording, rows))
            assert decoder.malformed == 0
            source = decode(home.captures[number])[0].select(recording.frames["row"][rows])
            yield recording, take, table, source


def shakes(table: PacketTable, macs) -> list[list[int]]:
    own = np.isin(table.handshakes.client, sorted(macs))
    h = table.handshakes.select(own)
    return sorted(
        zip(h.start_ns.tolist(), h.server_ns.tolist(), h.client_ns.tolist(), h.version.tolist(), strict=True)
    )


def test_every_column_question_and_handshake_is_as_before(read_home, addresses):
    asked = shaken = 0
    for recording, _, new, old in both(read_home, addresses):
        for column in COLUMNS:
            if column not in PLACES:
                assert (getattr(new, column) == getattr(old, column)).all(), column
        assert new.dns.name.tolist() == old.dns.name.tolist()
        assert (new.dns.response == old.dns.response).all()
        macs = {addresses.mac(mac) for mac in recording.device.macs}
        assert shakes(new, macs) == shakes(old, recording.device.macs)
        asked, shaken = asked + len(old.dns.name), shaken + len(shakes(new, macs))
    assert asked > 50 and shaken > 10


def test_addresses_are_exchanged_one_for_one(read_home, addresses):
    found = {}
    for _, _, new, old in both(read_home, addresses):
        for side in ("src", "dst"):
            pairs = np.unique(np.stack([getattr(old, side), getattr(new, side)], 1), axis=0).tolist()
            for before, after in pairs:
                assert found.setdefault(before, after) == after
    unicast = {a: b for a, b in found.items() if not a >> 40 & 1}
    assert len(set(unicast.values())) == len(unicast) > 6
    groups = {a: b for a, b in found.items() if a >> 40 & 1 and a >> 24 != 0x3333FF}
    assert groups and all(a == b for a, b in groups.items())


def ipv4_headers(recording, take):
    for row in np.flatnonzero(recording.frames["kind"] == 4).tolist():
        begin = int(take.at[row] + recording.frames["network"][row])
        yield take.pool[begin : begin + 20].tobytes()


def test_ipv4_headers_sum_up(read_home, addresses):
    for recording in read_home.recordings.values():
        for header in ipv4_headers(recording, rewrite(recording, addresses, Drift())):
            total = sum(int.from_bytes(header[i : i + 2], "big") for i in range(0, 20, 2))
            assert total % 65535 == 0


def test_a_device_has_one_private_address_and_servers_are_for_benchmarks(read_home, addresses):
    for recording in read_home.recordings.values():
        nets = set()
        for header in ipv4_headers(recording, rewrite(recording, addresses, Drift())):
            nets |= {header[12:14], header[16:18]}
        home = addresses.network.to_bytes(4, "big")[:2]
        assert home in nets
        assert nets <= {home, b"\xc6\x12", b"\xc6\x13", b"\0\0", b"\xff\xff"} | {
            bytes([a, b]) for a in range(224, 240) for b in range(256)
        }


def test_application_data_is_cut_and_its_length_stays(read_home, addresses):
    for recording in read_home.recordings.values():
        take = rewrite(recording, addresses, Drift())
        plain = (recording.frames["payload"] == NO_PAYLOAD) & (recording.frames["load"] > 0)
        assert plain.any() and take.kept[plain].max() <= 74
        assert (take.wire == recording.frames["wire"]).all()


def test_handshakes_are_kept_up_to_the_first_application_data(read_home):
    for recording in read_home.recordings.values():
        shaking = np.flatnonzero(recording.frames["payload"] == HANDSHAKE)
        begins = recording.frames["at"][shaking] + recording.frames["body"][shaking]
        assert len(shaking) and 23 not in recording.pool[begins]


def test_sizes_scale_payloads_but_no_questions_and_handshakes(read_home, addresses):
    for recording, take, new, old in both(read_home, addresses, Drift(sizes=1.5)):
        rows = np.isin(old.src_port, (53,)) | np.isin(old.dst_port, (53,))
        assert (new.payload_len[rows] == old.payload_len[rows]).all()
        assert shakes(new, {addresses.mac(m) for m in recording.device.macs}) == shakes(
            old, recording.device.macs
        )
        assert (take.wire >= recording.frames["wire"]).all() and take.wire.max() <= 1514
        udp = new.is_udp & ~rows & (old.wire_len < 900)
        assert (new.payload_len[udp] == np.rint(old.payload_len[udp] * 1.5)).all()
        assert (new.wire_len[udp] - old.wire_len[udp] == new.payload_len[udp] - old.payload_len[udp]).all()


def test_other_servers_have_other_names_and_addresses(read_home, addresses):
    before = {d: rewrite(r, addresses, Drift()) for d, r in read_home.recordings.items()}
    for recording, take, new, old in both(read_home, addresses, Drift(renewal="x 1")):
        assert [len(n) for n in new.dns.name] == [len(n) for n in old.dns.name]
        assert not set(new.dns.name) & {n for n in old.dns.name if "." in n}
        assert (take.wire == recording.frames["wire"]).all()
        first = before[recording.device.name]
        servers = [{h[12:16] for h in ipv4_headers(recording, t) if h[12] == 0xC6} for t in (first, take)]
        assert len(servers[0]) == len(servers[1]) > 0 and not servers[0] & servers[1]
        for name in {n for n in old.dns.name if n.count(".") > 1}:
            assert name.encode() not in take.pool.tobytes()


def test_a_connection_sent_again_has_other_numbers(read_home, addresses):
    recording = next(iter(read_home.recordings.values()))
    album = Album.of([rewrite(recording, addresses, Drift())])
    rows = np.zeros(2, SENT)
    rows["frame"] = np.flatnonzero(recording.frames["proto"] == TCP)[3]
    rows["shift"] = 0, 0xFFFFFFFF
    first, again = np.split(album.records(rows, 0), 2)
    place = 16 + recording.frames["transport"][rows["frame"][0]] + 4
    for at in (place, place + 4):  # sequence and acknowledgement number
        numbers = [int.from_bytes(r[at : at + 4].tobytes(), "big") for r in (first, again)]
        assert numbers[0] > 0 and numbers[0] - 1 == numbers[1]
    assert (first != again).sum() <= 8
