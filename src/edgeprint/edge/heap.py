"""The memory that the C library holds for this process: one heap for all threads, and what is free goes back.

    one_heap()      # at the start, before there are threads
    give_back()     # when much was freed at once

glibc gives threads heaps of their own, so that none waits for another. The page has a thread a request, and
Python's lock lets one of them work at a time anyway: all that more heaps do here is to hold free memory.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress

M_ARENA_MAX = -8  # malloc.h
LIBC = ctypes.CDLL(None)


def one_heap() -> None:
    """Where the system's malloc knows no such thing, it stays as it is."""
    with suppress(AttributeError, OSError):
        LIBC.mallopt(M_ARENA_MAX, 1)


def give_back() -> None:
    """Free memory in the midst of the heap stays the process's until it is told otherwise."""
    with suppress(AttributeError, OSError):
        LIBC.malloc_trim(0)
