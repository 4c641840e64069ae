"""The heap of all threads."""

import subprocess
import sys

import pytest

ASKED = """
import ctypes, threading
from edgeprint.edge.heap import one_heap
if {one}:
    one_heap()
libc, kept = ctypes.CDLL(None), []
libc.malloc.restype = ctypes.c_void_p
def work():
    kept.extend(libc.malloc(100) for _ in range(10))
    together.wait()
together = threading.Barrier(4)
threads = [threading.Thread(target=work) for _ in range(4)]
for each in threads: each.start()
for each in threads: each.join()
print(len({{address >> 26 for address in kept}}))  # an arena is aligned to 64 MB
"""

FREED = """
import ctypes
from edgeprint.edge.heap import give_back
from edgeprint.edge.metrics import resident_bytes
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
blocks = [libc.malloc(20_000) for _ in range(2000)]
for block in blocks:
    ctypes.memset(ctypes.c_void_p(block), 1, 20_000)
for block in blocks[:-1]:  # the last holds the end of the heap
    libc.free(block)
before = resident_bytes()
give_back()
print(before - resident_bytes())
"""


def heaps(one: bool) -> int:
    done = subprocess.run(
        [sys.executable, "-c", ASKED.format(one=one)], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def test_threads_share_one_heap() -> None:
    if heaps(one=False) == 1:
        pytest.skip("this system's malloc has one heap anyway")
    assert heaps(one=True) == 1


def test_what_was_freed_in_the_midst_of_the_heap_goes_back_to_the_system() -> None:
    done = subprocess.run([sys.executable, "-c", FREED], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 20_000_000
