"""Numbers in a pool of bytes, many places at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def number(pool: NDArray[np.uint8], at: NDArray, size: int) -> NDArray[np.uint64]:
    """The unsigned integers [n] of `size` octets, most significant first, at places [n]."""
    total = np.zeros(len(at), "u8")
    for i in range(size):
        total = total * np.uint64(256) + pool[at + i]
    return total


def put(pool: NDArray[np.uint8], at: NDArray, values: NDArray, size: int) -> None:
    """Write unsigned integers [n] of `size` octets, most significant first, to places [n]."""
    values = values.astype("u8")
    for i in range(size):
        pool[at + i] = values >> np.uint64(8 * (size - 1 - i)) & np.uint64(255)


def octets(pool: NDArray[np.uint8], at: NDArray, size: int) -> list[bytes]:
    """The `size` octets at each place [n]."""
    return [row.tobytes() for row in pool[at[:, None] + np.arange(size)]]


def spread(begins: NDArray, lengths: NDArray) -> NDArray[np.int64]:
    """The indices begins[i], begins[i] + 1, ... of `lengths[i]` each, one after the other."""
    lengths = lengths.astype("i8")
    shift = begins - (np.cumsum(lengths) - lengths)
    return np.repeat(shift, lengths) + np.arange(lengths.sum())
