"""What the identify server is sent, and what is believed of honest, slow, broken and hostile answers."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeprint.edge.ranking import DEADLINE_S, MOST, MOST_BYTES, Candidate, address, ask, question, ranking
from edgeprint.errors import BadParams, NotIdentified

COLUMNS = np.random.default_rng(1).random((60, 75), "f4") * 5000
ROW = {"device": "tapo-c200", "confidence": 0.9, "category": "camera", "iot": True}


def answer(*rows: object) -> bytes:
    return json.dumps({"predictions": rows}).encode()


def http(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    length = f"Content-Length: {len(body)}"
    return "\r\n".join([f"HTTP/1.1 {status}", length, *headers, "", ""]).encode() + body


@contextlib.contextmanager
def server(say: Callable[[socket.socket], None]) -> Iterator[tuple[str, list[bytes]]]:
    """Reads one whole request a connection and says what it likes; gives its URL and the requests."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection, contextlib.suppress(OSError):
                        heard.append(whole_request(connection))
                        say(connection)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/models", heard
        listener.shutdown(socket.SHUT_RDWR)


def whole_request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
    )
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def asked(reply: bytes | Callable[[socket.socket], None], **options: float) -> tuple[Candidate, ...]:
    say = reply if callable(reply) else lambda connection: connection.sendall(reply)
    with server(say) as (url, _):
        return ask(address(url), COLUMNS, **options)


def test_the_answer_comes_best_first_and_each_device_once() -> None:
    rows = [{**ROW, "confidence": 0.2, "device": "plug"}, ROW, {**ROW, "confidence": 0.1}]
    assert asked(http(answer(*rows))) == (
        Candidate("tapo-c200", 0.9, "camera", True),
        Candidate("plug", 0.2, "camera", True),
    )


def test_the_columns_are_sent_bit_for_bit_and_nothing_else() -> None:
    with server(lambda connection: connection.sendall(http(answer(ROW)))) as (url, heard):
        ask(address(url + "/"), COLUMNS)
    head, _, body = heard[0].partition(b"\r\n\r\n")
    sent = json.loads(body)
    assert list(sent) == ["inputs"]
    assert np.array_equal(np.array(sent["inputs"], "f4").view("u4"), COLUMNS.view("u4"))
    first, *headers = head.decode().split("\r\n")
    assert first == "POST /models/invocations HTTP/1.1"
    assert {line.partition(":")[0] for line in headers} == {
        "Host", "Accept-Encoding", "Content-Length", "Content-Type",
    }  # fmt: skip


def test_an_empty_ranking_is_one() -> None:
    assert asked(http(answer())) == ()


def test_of_many_candidates_the_best_are_kept() -> None:
    rows = [{**ROW, "device": f"camera-{i}", "confidence": i / 2000} for i in range(900)]
    assert [c.device for c in asked(http(answer(*rows)))] == [f"camera-{899 - i}" for i in range(MOST)]


BROKEN = {
    "another status": http(b"no such model", "500 Internal Server Error"),
    "a redirection to elsewhere": http(b"", "307 Temporary Redirect", "Location: http://192.0.2.1/"),
    "nothing": b"",
    "no HTTP": b"\x00\xff" * 100 + b"\r\n\r\n",
    "an endless header": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 10**6,
    "a header without end": b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 10**5,
    "half a body": http(answer(ROW))[:-20],
    "a chunk that is none": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "a body too long": http(b" " * (MOST_BYTES + 1)),
    "no JSON": http(b"<html>"),
    "no UTF-8": http(b'{"predictions": "\xff"}'),
    "brackets without end": http(b"[" * 200_000),
    "another object": http(b'{"error": "no"}'),
    "a list": http(b"[]"),
    "a number": http(b"7"),
    "rows that are none": http(answer(1)),
    "rows that lack something": http(answer({"device": "plug"})),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_answer_is_one_sentence(what: str) -> None:
    with pytest.raises(NotIdentified) as refused:
        asked(BROKEN[what])
    assert str(refused.value).startswith("127.0.0.1") and len(str(refused.value)) < 200


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("device", "<script>alert(1)</script>"),
        ("device", "../../etc/passwd"),
        ("device", "x" * 65),
        ("device", None),
        ("confidence", 1.5),
        ("confidence", -0.1),
        ("confidence", float("nan")),
        ("confidence", float("inf")),
        ("confidence", True),
        ("confidence", "0.9"),
        ("category", "x" * 41),
        ("category", "a\nb"),
        ("category", "\u202e"),
        ("category", 1),
        ("iot", 1),
        ("iot", "true"),
    ],
)
def test_a_hostile_row_refuses_the_whole_answer(key: str, value: object) -> None:
    with pytest.raises(NotIdentified, match="no ranking"):
        ranking(answer(ROW, {**ROW, key: value}))


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3)
)
rows = st.fixed_dictionaries(dict.fromkeys(ROW, json_values)) | json_values


@given(body=st.binary(max_size=60) | st.lists(rows, max_size=3).map(lambda some: answer(*some)))
def test_any_bytes_are_a_ranking_or_one_sentence(body: bytes) -> None:
    with contextlib.suppress(NotIdentified):
        assert all(0 <= candidate.confidence <= 1 for candidate in ranking(body))


def test_a_server_that_drips_a_byte_at_a_time_is_hung_up_on() -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(b"X")
            time.sleep(0.02)

    with pytest.raises(NotIdentified):
        asked(drip, deadline_s=0.3)
    assert DEADLINE_S < 60


def test_an_answer_without_end_is_cut_off_by_its_size() -> None:
    def flood(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b" " * 10_000)

    with pytest.raises(NotIdentified, match="more than 262,144 bytes"):
        asked(flood, deadline_s=5)


def test_a_server_that_never_answers_is_hung_up_on() -> None:
    forever = threading.Event()
    with pytest.raises(NotIdentified):
        asked(lambda _: forever.wait(5) and None, deadline_s=0.2)


def test_a_server_that_is_not_there_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(NotIdentified, match=r"127\.0\.0\.1 cannot be asked: .*refused"):
        ask(address(f"http://127.0.0.1:{port}"), COLUMNS)


@pytest.mark.parametrize(
    "url",
    [
        "models.example",
        "ftp://models.example",
        "http://",
        "http://models.example:port",
        "http://me:secret@models.example",
        "http://models.example/?a=1",
        "http://models.example/#a",
        "http://models.example/\r\nX: 1",
    ],
)
def test_what_is_no_plain_url_is_refused(url: str) -> None:
    with pytest.raises(BadParams, match="--identify"):
        address(url)


def test_https_is_spoken_where_it_is_asked_for() -> None:
    assert address("https://models.example:8443/a/").tls
    assert address("https://models.example:8443/a/").path == "/a/invocations"


def test_a_question_of_nothing_is_still_json() -> None:
    assert json.loads(question(np.empty((0, 75), "f4"))) == {"inputs": []}
