"""DNS messages with other addresses and names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeprint.packets.names import questions
from edgeprint.testbed import messages
from edgeprint.testbed.dns_message import change, respelt, spelling

NAME = "api.lumen.example.com"


def changed(message: bytes, spell: bytes | None = None) -> bytes:
    data = bytearray(message)
    change(data, lambda _: 0xC6120007, lambda _: b"\x20" * 16, spell)
    return bytes(data)


def test_an_answer_s_address_is_another_and_all_else_stays():
    old = messages.dns_answer(NAME, messages.A, bytes([8, 8, 4, 4]), 300)
    assert changed(old) == old[:-4] + bytes.fromhex("c6120007")
    old = messages.dns_answer(NAME, messages.AAAA, bytes(range(16)), 300)
    assert changed(old) == old[:-16] + b"\x20" * 16


def test_a_question_stays_as_it_is():
    old = messages.dns_query(NAME, messages.A)
    assert changed(old) == old


def test_names_are_spelt_anew_but_for_their_last_label():
    spell = spelling("plug 1")
    for old in (
        messages.dns_query(NAME, messages.A),
        messages.dns_answer(NAME, messages.A, bytes(4), 300),
    ):
        ((_, name),) = questions(changed(old, spell))
        assert name == respelt(NAME, spell) != NAME
        assert name.endswith(".com") and len(name) == len(NAME)


def test_a_compressed_name_is_spelt_once():
    """The alias's data points into the question, whose labels must not be turned twice."""
    spell = spelling("plug 1")
    query = bytearray(messages.dns_query("a.example.com", messages.A))
    query[7] = 1  # one record: the same name is an alias of b + what stands at 14
    record = b"\xc0\x0c\x00\x05\x00\x01\x00\x00\x01\x2c\x00\x04\x01b\xc0\x0e"
    new = changed(bytes(query) + record, spell)
    assert questions(new)[0][1] == respelt("a.example.com", spell)
    assert new[-3:-2] == b"b".translate(spell) and new[-2:] == b"\xc0\x0e"


@pytest.mark.parametrize("seed", ["plug 1", "plug 2", "camera 1", ""])
def test_a_spelling_gives_each_letter_another_one(seed):
    letters = bytes(range(97, 123))
    new = letters.translate(spelling(seed))
    assert sorted(new) == sorted(letters) and all(a != b for a, b in zip(letters, new, strict=True))
    assert b"A-7".translate(spelling(seed))[1:] == b"-7"


@given(
    st.binary(max_size=200) | st.binary(max_size=80).map(lambda tail: b"\0\1\x81\x80\0\1\0\2\0\0\0\0" + tail)
)
def test_any_bytes_keep_their_length(data):
    assert len(changed(data, spelling("x"))) == len(data)


def test_a_name_that_points_at_itself_ends():
    query = messages.dns_query("a.example.com", messages.A)
    loop = query[:12] + b"\xc0\x0c" + query[-4:]
    assert changed(loop, spelling("x")) == loop
