"""One heap for all threads of this process.

    one_heap()      # at the start, before there are threads

glibc gives threads heaps of their own, so that none waits for another. The page has a thread a request, and
Python's lock lets one of them work at a time anyway: all that more heaps do here is to hold free memory.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress

M_ARENA_MAX = -8  # malloc.h


def one_heap() -> None:
    """Where the system's malloc knows no such thing, it stays as it is."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)
