import pytest
from hypothesis import given
from hypothesis import strategies as st
from tls_talk import CERTIFICATE, CHANGE_CIPHER, TLS12, TLS13, message, record, server_hello

from edgeprint.packets.tcp_stream import Stream
from edgeprint.packets.tls import RETRY, Message, ServerHello, messages


def stream(content, captured=None):
    made = Stream(0)
    made.add(0, content[:captured], len(content), 0)
    return made


def test_messages_stand_where_their_bytes_are():
    first, second = record(message(2, b"abc") + message(11, b"de")), record(message(14, b""))
    assert list(messages(stream(first + second + CHANGE_CIPHER))) == [
        Message(2, 5, 12, b"abc"),
        Message(11, 12, 18, b"de"),
        Message(14, 23, 27, b""),
    ]


def test_a_message_over_two_records():
    content = message(11, b"abcdef")
    first, *_ = messages(stream(record(content[:6]) + record(content[6:])))
    assert first == Message(11, 5, 20, b"abcdef")


def test_messages_end_at_another_record_and_are_open_where_bytes_lack():
    assert list(messages(stream(CHANGE_CIPHER + record(CERTIFICATE)))) == []
    assert list(messages(stream(record(message(2, b"abc")))))[-1] == Message(None, 12, None)
    assert list(messages(stream(b""))) == [Message(None, 0, None)]


def test_a_cut_message_keeps_its_length_and_what_was_captured():
    assert next(iter(messages(stream(record(CERTIFICATE), 20)))) == Message(11, 5, 5 + 3004, bytes(11))


@pytest.mark.parametrize("version", [0x0301, TLS12, TLS13])
def test_a_server_hello_says_its_version(version):
    assert ServerHello.parse(server_hello(version)[4:]) == ServerHello(version, False, False)


def test_a_server_hello_says_retry_and_resumed():
    assert ServerHello.parse(server_hello(TLS13, random=RETRY)[4:]).retry
    assert ServerHello.parse(server_hello(TLS13, extra=[(41, b"\x00\x00")])[4:]).resumed


def test_a_server_hello_without_its_version_is_none():
    assert ServerHello.parse(server_hello()[4:30]) is None


@given(st.binary(max_size=300), st.integers(0, 300))
def test_any_bytes_are_read_without_fault(content, captured):
    list(messages(stream(content, captured)))
    ServerHello.parse(content)
