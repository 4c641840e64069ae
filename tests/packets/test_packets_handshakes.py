import itertools
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tls_talk import (
    CERTIFICATE,
    CHANGE_CIPHER,
    CLIENT,
    DONE,
    HIDDEN,
    KEY_EXCHANGE,
    SERVER,
    TLS12,
    TLS13,
    Talk,
    client_hello,
    record,
    server_hello,
)

from edgeprint.packets.decode import Decoder
from edgeprint.packets.rows import SEGMENTS, Followed, fill
from edgeprint.packets.tls import RETRY

FLIGHT = record(server_hello()) + record(CERTIFICATE) + record(DONE)
CERTIFICATE_END = len(FLIGHT) - len(record(DONE))
CLIENT_FLIGHT = record(KEY_EXCHANGE) + CHANGE_CIPHER + record(bytes(40))


def times(*runs):
    """(start, server, client, version) of each handshake that ends in the runs of frames."""
    decoder = Decoder()
    tables = [decoder.decode(run).handshakes for run in runs]
    columns = (np.concatenate([getattr(t, c) for t in tables]) for c in COLUMNS)
    return list(zip(*(column.tolist() for column in columns), strict=True))


COLUMNS = ("start_ns", "server_ns", "client_ns", "version")


def opened(**fields):
    talk = Talk(**fields)
    talk.say(b"", client=False)
    return talk, talk.say(client_hello(), client=True)


def answered(talk, pieces=(1400, 2800), flight=FLIGHT):
    """The server's flight in segments that end at the given places; the time at which each was sent."""
    edges = [0, *pieces, len(flight)]
    return [talk.say(flight[a:b], client=False) for a, b in itertools.pairwise(edges)]


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("port", [443, 8883, 12345])
def test_tls_1_2_on_any_port_over_both_ip_versions(version, port):
    talk, start = opened(version=version, port=port)
    *_, last = answered(talk)
    end = talk.say(CLIENT_FLIGHT, client=True)
    assert times(talk.taken()) == [(start, last, end, TLS12)]


def test_the_row_names_both_sides():
    talk, _ = opened()
    answered(talk)
    talk.say(CLIENT_FLIGHT, client=True)
    table = Decoder().decode(talk.taken()).handshakes
    assert (table.client.tolist(), table.server.tolist()) == ([CLIENT], [SERVER])


def test_the_certificate_counts_when_it_is_complete():
    talk, _ = opened()
    _first, second, _third = answered(talk, (1400, CERTIFICATE_END))
    talk.say(CLIENT_FLIGHT, client=True)
    assert times(talk.taken())[0][1] == second


def test_the_key_exchange_counts_when_it_is_complete():
    talk, _ = opened()
    answered(talk)
    talk.say(CLIENT_FLIGHT[:20], client=True)
    end = talk.say(CLIENT_FLIGHT[20:], client=True)
    assert times(talk.taken())[0][2] == end


@pytest.mark.parametrize("version", [0x0301, 0x0302])
def test_older_versions_are_read_alike(version):
    talk, _ = opened()
    answered(talk, (100,), record(server_hello(version)) + record(CERTIFICATE) + record(DONE))
    talk.say(CLIENT_FLIGHT, client=True)
    assert times(talk.taken())[0][3] == version


def test_messages_in_one_record_and_messages_over_several_records():
    together = server_hello() + CERTIFICATE + DONE
    for flight in (record(together), b"".join(record(together[i : i + 500]) for i in range(0, 3200, 500))):
        talk, _ = opened()
        *_, last = answered(talk, flight=flight)
        end = talk.say(CLIENT_FLIGHT, client=True)
        assert times(talk.taken())[0][1:3] == (last, end)


def test_a_client_that_shows_a_certificate_of_its_own():
    talk, _ = opened()
    answered(talk)
    flight = record(CERTIFICATE) + record(KEY_EXCHANGE) + CHANGE_CIPHER
    talk.say(flight[:1400], client=True)
    talk.say(flight[1400:2800], client=True)
    end = talk.say(flight[2800:], client=True)
    assert times(talk.taken())[0][2] == end


def test_segments_out_of_order_and_repeated():
    talk, start = opened()
    base = talk.position[False]
    talk.say(client_hello(), client=True, at=talk.position[True] - len(client_hello()))
    talk.say(FLIGHT[1400:], client=False, at=base + 1400)
    talk.say(FLIGHT[1400:], client=False, at=base + 1400)
    last = talk.say(FLIGHT[:1400], client=False)
    end = talk.say(CLIENT_FLIGHT, client=True)
    assert times(talk.taken()) == [(start, last, end, TLS12)]


def test_a_hello_in_two_segments():
    talk = Talk()
    start = talk.say(client_hello()[:30], client=True)
    talk.say(client_hello()[30:], client=True)
    *_, last = answered(talk)
    end = talk.say(CLIENT_FLIGHT, client=True)
    assert times(talk.taken()) == [(start, last, end, TLS12)]


def test_a_hello_in_ssl_2_format():
    talk = Talk()
    talk.say(b"\x80\x4b\x01\x03\x01" + bytes(72), client=True)
    *_, last = answered(talk)
    end = talk.say(CLIENT_FLIGHT, client=True)
    assert times(talk.taken()) == [(0, last, end, TLS12)]


@pytest.mark.parametrize("snaplen", [150, 200])
def test_of_cut_packets_those_in_which_messages_start_stand_in(snaplen):
    talk, start = opened(snaplen=snaplen)
    first, *_ = answered(talk)
    end = talk.say(CLIENT_FLIGHT, client=True)
    ((begun, server_ns, client_ns, _),) = times(talk.taken())
    assert (begun, client_ns) == (start, end)
    assert server_ns >= first


def test_tls_1_3_from_the_last_of_the_servers_flight_to_the_clients_next():
    talk, start = opened()
    talk.say(record(server_hello(TLS13)) + CHANGE_CIPHER + HIDDEN, client=False)
    last = talk.say(HIDDEN, client=False)
    end = talk.say(CHANGE_CIPHER + HIDDEN, client=True)
    talk.say(HIDDEN, client=False)
    talk.say(HIDDEN, client=True)
    assert times(talk.taken()) == [(start, last, end, TLS13)]


def test_resumed_sessions_give_no_row():
    for answer in (
        record(server_hello()) + CHANGE_CIPHER + record(bytes(40)),
        record(server_hello(TLS13, extra=[(41, b"\x00\x00")])) + CHANGE_CIPHER + HIDDEN,
    ):
        talk, _ = opened()
        talk.say(answer, client=False)
        talk.say(CHANGE_CIPHER + HIDDEN, client=True)
        talk.say(CLIENT_FLIGHT, client=True)
        assert times(talk.taken()) == []


def test_early_data_gives_no_row():
    talk, _ = opened()
    talk.say(HIDDEN, client=True)
    talk.say(record(server_hello(TLS13)) + HIDDEN, client=False)
    talk.say(HIDDEN, client=True)
    assert times(talk.taken()) == []


def test_after_a_retry_the_second_hello_starts_the_handshake():
    talk, _ = opened()
    talk.say(record(server_hello(TLS13, random=RETRY)), client=False)
    start = talk.say(client_hello(), client=True)
    last = talk.say(record(server_hello(TLS13)) + HIDDEN, client=False)
    end = talk.say(HIDDEN, client=True)
    assert times(talk.taken()) == [(start, last, end, TLS13)]


def test_an_alert_gives_no_row():
    talk, _ = opened()
    talk.say(record(b"\x02\x28", 21), client=False)
    talk.say(record(b"\x01\x00", 21), client=True)
    assert times(talk.taken()) == []


def test_a_lost_segment_gives_no_row():
    talk, _ = opened()
    answered(talk)
    del talk.frames[3]
    talk.say(CLIENT_FLIGHT, client=True)
    assert times(talk.taken()) == []


def test_a_connection_may_shake_hands_again_on_the_same_ports():
    talk, _ = opened()
    for _ in range(3):
        answered(talk)
        talk.say(CLIENT_FLIGHT, client=True)
        talk.say(client_hello(), client=True)
    assert len(times(talk.taken())) == 3


def test_a_handshake_goes_on_from_one_run_of_frames_to_the_next():
    talk, _ = opened()
    answered(talk)
    talk.say(CLIENT_FLIGHT, client=True)
    whole = times(talk.taken())
    for cut in range(len(talk.frames)):
        assert times(talk.taken(0, cut), talk.taken(cut)) == whole


@pytest.mark.parametrize("other", [{"client_port": 50001}, {"host": 9}, {"host": 9, "version": 6}])
def test_connections_do_not_mix(other):
    first, _ = opened(version=other.get("version", 4))
    second, _ = opened(**other)
    for talk in (first, second):
        answered(talk)
        talk.say(CLIENT_FLIGHT, client=True)
    first.frames = [frame for pair in zip(first.frames, second.frames, strict=True) for frame in pair]
    found = times(first.taken())
    assert [(start, server, end) for start, server, end, _ in found] == [
        (2_000_000, 8_000_000, 10_000_000),
        (3_000_000, 9_000_000, 11_000_000),
    ]


@settings(max_examples=50, deadline=None)
@given(st.sets(st.integers(1, len(FLIGHT) - 1), max_size=8), st.randoms())
def test_however_the_flight_is_cut_and_shuffled_the_certificate_is_complete_with_its_last_byte(cuts, random):
    talk, start = opened()
    base, edges = talk.position[False], [0, *sorted(cuts), len(FLIGHT)]
    pieces = list(itertools.pairwise(edges))
    random.shuffle(pieces)
    sent = {(a, b): talk.say(FLIGHT[a:b], client=False, at=base + a) for a, b in pieces}
    end = talk.say(CLIENT_FLIGHT, client=True)
    complete = max(time_ns for (a, _), time_ns in sent.items() if a < CERTIFICATE_END)
    assert times(talk.taken()) == [(start, complete, end, TLS12)]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.binary(max_size=60), st.booleans()), max_size=12), st.booleans())
def test_any_bytes_after_a_hello_are_read_without_fault(segments, answer):
    talk, _ = opened()
    if answer:
        talk.say(record(server_hello())[: len(segments) * 9], client=False)
    for payload, client in segments:
        talk.say(payload, client=client)
    times(talk.taken())


def test_a_connection_is_followed_for_a_bounded_number_of_segments():
    talk, _ = opened()
    for _ in range(100):
        talk.say(HIDDEN, client=False)
    _, marked, _ = fill(talk.taken(), Followed.none())
    assert len(marked.row) == SEGMENTS


def test_both_ends_may_have_the_same_port():
    talk, _ = opened(client_port=443)
    answered(talk)
    talk.say(CLIENT_FLIGHT, client=True)
    assert len(times(talk.taken())) == 1


def test_a_repeated_hello_does_not_keep_a_handshake_open(monkeypatch):
    monkeypatch.setattr("edgeprint.packets.handshakes.MOST_SEGMENTS", 5)
    talk = Talk()
    talk.say(client_hello(), client=True)
    for _ in range(5):
        talk.say(b"?", client=False)
        talk.say(client_hello(), client=True, at=2**32 - 50)
    decoder = Decoder()
    decoder.decode(talk.taken())
    assert all(handshake.segments <= 5 for handshake in decoder._handshakes._open.values())


def test_many_open_handshakes_stay_bounded(monkeypatch):
    monkeypatch.setattr("edgeprint.packets.handshakes.MOST_OPEN", 10)
    decoder = Decoder()
    for port in range(40000, 40050):
        decoder.decode(opened(client_port=port)[0].taken())
    assert len(decoder._handshakes._open) == 10


def test_random_traffic_has_no_handshakes():
    talk = Talk()
    for _ in range(200):
        talk.say(os.urandom(50), client=True)
    assert times(talk.taken()) == []
