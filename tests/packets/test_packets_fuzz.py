"""What `make fuzz` found once, its starting points, and its minimiser."""

import sys

import pytest

from fuzz.findings import fault, minimise
from fuzz.reader import FileInMemory, check
from fuzz.seeds import made

linux = pytest.mark.skipif(sys.platform != "linux", reason="needs files in memory, which Linux has")
FOUND = {
    "a gzip stream that ends with a packet but without its end": bytes.fromhex(
        "1f8b0800000000000000bb7278d342260616060480b24fcdb20051aa50cc00c4ae0c0c8a0c8c0c0cbe829127b9181818"
        "819889259c631d03efac19205800"
    ),
}


@linux
@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_once_is_read(name):
    check(FOUND[name], FileInMemory())


@linux
def test_the_captures_it_starts_from_are_sound():
    file = FileInMemory()
    for content in made():
        check(content, file)


def test_an_input_is_minimised_while_its_fault_stays():
    def broken(content: bytes) -> None:
        if b"bug" in content:
            raise IndexError
        assert len(content) > 3

    found = minimise(broken, b"a long input with a bug in the middle of it")
    assert (found, fault(broken, found)[:10]) == (b"bug", "IndexError")
    assert fault(broken, b"sound") is None
