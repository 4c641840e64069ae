import struct

from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.dns import DNS, DNSQR, DNSRR
from scapy.packet import raw

from edgeprint.packets import names
from edgeprint.packets.names import DnsStreams, questions, read_name
from edgeprint.packets.tcp_stream import Segment

QUERY = raw(DNS(qd=DNSQR(qname="Cam.Example.COM", qtype="AAAA")))
HEADER = struct.pack(">HHHHHH", 1, 0x0100, 1, 0, 0, 0)


def test_a_question_is_read_in_lower_case_without_the_final_dot():
    assert list(questions(QUERY)) == [(28, "cam.example.com")]


def test_a_response_gives_its_question_not_its_answers():
    message = raw(DNS(qr=1, qd=DNSQR(qname="a.b"), an=DNSRR(rrname="c.d", rdata="1.2.3.4")))
    assert list(questions(message)) == [(1, "a.b")]


def test_several_questions_and_a_compression_pointer():
    message = HEADER[:4] + b"\x00\x02" + HEADER[6:] + b"\x01a\x01b\x00\x00\x01\x00\x01"
    message += b"\x03www\xc0\x0c\x00\x1c\x00\x01"
    assert list(questions(message)) == [(1, "a.b"), (28, "www.a.b")]


def test_a_pointer_to_itself_or_forward_is_malformed():
    for pointer in (b"\xc0\x0c", b"\xc0\x20", b"\x01a\xc0\x0c"):
        assert list(questions(HEADER + pointer + b"\x00\x01\x00\x01" + bytes(40))) == []


def test_the_root_is_an_empty_name():
    assert list(questions(HEADER + b"\x00\x00\x02\x00\x01")) == [(2, "")]


def test_what_a_name_cannot_show_is_escaped():
    assert read_name(b"\x04a.\\ \x02\xc3\xa9\x00", 0) == ("a\\.\\\\\\032.\\195\\169", 9)


def test_names_and_labels_beyond_their_bounds_are_malformed():
    assert read_name((b"\x3f" + b"a" * 63) * 3 + b"\x3d" + b"a" * 61 + b"\x00", 0)[0] is not None
    assert read_name((b"\x3f" + b"a" * 63) * 4 + b"\x00", 0)[0] is None
    assert read_name(b"\x40" + b"a" * 64 + b"\x00", 0)[0] is None


def test_a_question_that_is_cut_is_left_out():
    assert [list(questions(QUERY[:n])) for n in range(len(QUERY))] == [[]] * len(QUERY)


def test_messages_other_than_queries_have_no_questions():
    update = bytearray(QUERY)
    update[2] |= 5 << 3
    assert list(questions(bytes(update))) == []


FRAMED = struct.pack(">H", len(QUERY)) + QUERY


def over_tcp(*pieces, first=7):
    """What DnsStreams gives for (sequence, bytes, length on the wire or None), one segment a row."""
    segments = [
        Segment(row, 1, False, True, 0, 2, 3, 53, (first + at) % 2**32, 0, length or len(piece), piece)
        for row, (at, piece, length) in enumerate(pieces)
    ]
    return DnsStreams().read(segments)


def test_a_tcp_segment_holds_messages_behind_their_lengths():
    assert over_tcp((0, FRAMED + FRAMED, None)) == [(0, QUERY), (0, QUERY)]


def test_a_message_over_several_segments_is_given_with_the_last():
    for cut in range(1, len(FRAMED)):
        pieces = (0, FRAMED[:cut], None), (cut, FRAMED[cut:], None)
        assert over_tcp(*pieces, first=2**32 - 3) == [(1, QUERY)]


def test_a_long_answer_is_given_as_soon_as_its_question_is_there():
    answer = struct.pack(">H", 3000) + QUERY
    assert over_tcp((0, answer, None), (len(answer), bytes(3000 - len(QUERY)), None)) == [(0, QUERY)]


def test_a_repeated_segment_gives_nothing_twice():
    assert over_tcp((0, FRAMED, None), (0, FRAMED, None)) == [(0, QUERY)]


def test_after_a_hole_reading_begins_with_the_next_message():
    assert over_tcp((0, FRAMED[:9], None), (500, FRAMED, None)) == [(1, QUERY)]


def test_what_came_before_is_not_read_again_with_what_is_new():
    assert over_tcp((0, FRAMED, None), (0, FRAMED + FRAMED, None)) == [(0, QUERY), (1, QUERY)]


def test_a_new_connection_between_the_same_ports_is_no_repetition():
    first = 3_000_000_000
    pieces = [(0, FRAMED, None), (-1_000_000_000, FRAMED, None), (-1_500_000_000, FRAMED, None)]
    assert [row for row, _ in over_tcp(*pieces, first=first)] == [0, 1, 2]


def test_the_rest_of_a_message_that_was_cut_is_no_message():
    long = struct.pack(">H", 2000) + QUERY + FRAMED * 80
    pieces = (0, long[:100], 1000), (1000, long[1000:1100], 1002), (2002, FRAMED, None)
    assert [row for row, _ in over_tcp(*pieces)] == [0, 2]


def test_both_directions_may_have_port_53():
    def half(source, octets, at):
        return Segment(at, 1, False, True, 0, source, 5 - source, 53, 7 + at, 0, len(octets), octets)

    found = DnsStreams().read([half(2, FRAMED[:9], 0), half(3, FRAMED, 1), half(2, FRAMED[9:], 9)])
    assert found == [(1, QUERY), (9, QUERY)]


def test_of_many_questions_the_first_are_read():
    message = HEADER[:4] + b"\x00\xff" + HEADER[6:] + b"\x01a\x00\x00\x01\x00\x01" * 255
    assert questions(message) == [(1, "a")] * names.MOST_QUESTIONS


def test_a_segment_that_was_cut_gives_what_it_has():
    assert over_tcp((0, FRAMED, 900), (900, FRAMED, None)) == [(0, QUERY), (1, QUERY)]


def test_bytes_that_are_no_message_are_skipped():
    assert over_tcp((0, bytes(40), None), (40, FRAMED, None)) == [(1, QUERY)]


def test_only_so_many_conversations_are_followed(monkeypatch):
    monkeypatch.setattr(names, "MOST_STREAMS", 2)
    streams = DnsStreams()
    for number in range(5):
        streams.read([Segment(0, number, False, True, 0, 2, 3, 53, 0, 0, 3, FRAMED[:3])])
    assert len(streams._open) == 2


@settings(deadline=None)
@given(st.binary(max_size=600))
def test_any_bytes_are_read_without_fault(message):
    assert all(0 <= qtype < 65536 for qtype, _ in questions(message))


@given(st.lists(st.text("abcdefghijklmnopqrstuvwxyz-0123456789", min_size=1, max_size=20), max_size=8))
def test_a_name_that_is_written_is_read_back(labels):
    wire = b"".join(bytes([len(label)]) + label.encode() for label in labels) + b"\x00"
    assert read_name(wire, 0) == (".".join(labels), len(wire))
