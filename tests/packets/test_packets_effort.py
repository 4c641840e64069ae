"""What a packet can cost: each of its bytes is looked at a bounded number of times, however it is made."""

import struct

import numpy as np

from edgeprint.packets import names
from edgeprint.packets.tcp_stream import Segment

MOST_READS = 150  # of a byte: a question of six bytes may repeat a name of 255, in at most 127 pieces


class Counted:
    """Bytes that count how often they are read."""

    def __init__(self, content: bytes) -> None:
        self.content, self.reads = content, 0

    def __getitem__(self, at: int) -> int:
        self.reads += 1
        return self.content[at]


def chain(length: int) -> bytes:
    """A DNS message in which each question's name is a pointer to the name before it."""
    places = [12, *range(17, length, 6)]
    pointers = (struct.pack(">HHH", 0xC000 + before, 1, 1) for before in places[:-1])
    return struct.pack(">6H", 1, 0x0100, len(places), 0, 0, 0) + b"\x00\x00\x01\x00\x01" + b"".join(pointers)


def test_a_chain_of_pointers_costs_no_more_than_its_length():
    message = chain(9000)
    data = Counted(message)
    found = names.Questions.room(len(message))
    start, end = np.array([0]), np.array([len(message)])
    assert names.find_questions(data, start, end, *names.KEYS, found) == names.MOST_QUESTIONS
    _, behind = names.walk_name(data, 0, len(message) - 6, len(message), *names.KEYS)
    assert behind == -1  # through more pointers than a name has labels
    assert data.reads < 10 * names.MOST_POINTERS


def segment(row: int, sequence: int, captured: bytes) -> Segment:
    return Segment(
        row=row, conversation=1, hello=False, dns=True, time_ns=0, source=1, destination=2, port=40000,
        sequence=sequence, acknowledged=0, length=len(captured), captured=captured,
    )  # fmt: skip


def test_a_dns_message_in_many_segments_is_read_once(monkeypatch):
    message = struct.pack(">7H", 9000, 1, 0x0100, 65535, 0, 0, 0) + b"\x00\x00\x01\x00\x01" * 1600
    read, questions = [], names.questions
    monkeypatch.setattr(names, "questions", lambda octets: read.append(len(octets)) or questions(octets))
    pieces = [message[at : at + 8] for at in range(0, len(message), 8)]
    names.DnsStreams().read(segment(row, 8 * row, piece) for row, piece in enumerate(pieces))
    assert sum(read) < 20 * len(message)
