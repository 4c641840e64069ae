"""A spectrogram as a PNG picture: time to the right, frequency upward, loud is light.

    png(columns)            # [w, h] amplitudes -> bytes

Written out because a Pi needs no picture library for one palette and one compressed block (RFC 2083).
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

# Five points of matplotlib's viridis: readable in grey and by the colour-blind.
ANCHORS = np.array([(68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37)], float)
PALETTE = np.stack(
    [np.interp(np.linspace(0, 4, 256), np.arange(5), ANCHORS[:, colour]) for colour in range(3)], axis=1
).astype("u1")
SIGNATURE = b"\x89PNG\r\n\x1a\n"
INDEXED = 3


def png(columns: NDArray[np.float32]) -> bytes:
    """One pixel an amplitude of columns [w, h], on a logarithmic scale of its own from 0 to its loudest."""
    loud = np.log10(1 + np.nan_to_num(columns.T[::-1]))
    shades = np.round(255 * loud / max(float(loud.max(initial=0)), 1e-9)).astype("u1")
    height, width = shades.shape
    lines = np.hstack([np.zeros((height, 1), "u1"), shades])  # each line begins with its filter: none
    return b"".join(
        [
            SIGNATURE,
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, INDEXED, 0, 0, 0)),
            _chunk(b"PLTE", PALETTE.tobytes()),
            _chunk(b"IDAT", zlib.compress(lines.tobytes(), 6)),
            _chunk(b"IEND", b""),
        ]
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
