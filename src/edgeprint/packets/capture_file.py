"""The frames of a pcap or pcapng file, or of gzip of either, block by block.

    capture = CaptureFile("monday.pcap")
    for frames in capture:
        frames[0]                 # bytes of the first frame of this block
    capture.cut                   # None, or one sentence on where the file broke off

The kind is told by the first bytes, never by the name. Memory is bounded by the block, whatever the file's
size. Not read: pcap's old relatives with longer records (magic a1b2cd34 and others), snoop, ERF.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeprint.errors import NotACapture
from edgeprint.packets import pcap, pcapng
from edgeprint.packets.frames import Frames

BLOCK_BYTES = 8 * 1024 * 1024
ReadInto = Callable[[memoryview], int | None]  # fills the front of a buffer, returns the number of bytes
GZIP_MAGIC = b"\x1f\x8b"


class CaptureFile:
    """One pass over a capture: iterate for its Frames; `cut`, `frames` and `malformed` are final at its end.

    Raises NotACapture, naming the file, when it cannot be read or is no capture. Damage further on ends the
    pass: all whole frames before it are yielded and `cut` says where it is.
    """

    def __init__(self, path: Path | str, *, block_bytes: int = BLOCK_BYTES) -> None:
        self.path = Path(path)
        self.block_bytes = block_bytes
        self.frames = 0
        self.malformed = 0  # pcapng packet blocks whose lengths or interface contradict the file
        self.cut: str | None = None

    def __iter__(self) -> Iterator[Frames]:
        try:
            with self.path.open("rb", buffering=0) as file:
                zipped = file.read(2) == GZIP_MAGIC
                file.seek(0)
                # One piece at a time, since a gzip stream that breaks off must not take what it held along.
                yield from self._blocks(gzip.GzipFile(fileobj=file).readinto1 if zipped else file.readinto)
        except OSError as error:
            raise NotACapture(f"{self.path} cannot be read: {error}") from error

    def _blocks(self, read_into: ReadInto) -> Iterator[Frames]:
        data = self._read_on(read_into, np.empty(0, "u1"))
        reader = self._reader(data[:24].tobytes())
        behind = 0  # bytes of the capture before `data`
        while True:
            frames, used = reader.index(data)
            behind += used
            self.frames += len(frames)
            self.malformed = reader.malformed
            if len(frames):
                yield frames
            if reader.damage:
                self.cut = f"{reader.damage} at byte {behind:,}, after {self.frames:,} packets"
                return
            rest = data[used:]
            data = self._read_on(read_into, rest)
            if len(data) == len(rest):
                break
        if len(rest) or self.cut:
            where = f"at byte {behind:,}, after {self.frames:,} packets"
            self.cut = f"{self.cut or 'the capture ends in the middle of a packet'} {where}"

    def _read_on(self, read_into: ReadInto, rest: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The rest of the last block and the bytes that come next; only the rest at its end."""
        data = np.empty(len(rest) + self.block_bytes, "u1")
        data[: len(rest)] = rest
        filled, room = len(rest), memoryview(data)  # type: ignore[arg-type]
        try:
            while filled < len(data):
                got = read_into(room[filled:])
                if not got:
                    break
                filled += got
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            self.cut = f"the gzip stream is damaged ({error})"
        return data[:filled]

    def _reader(self, start: bytes) -> pcap.Pcap | pcapng.Pcapng:
        if not start:
            raise NotACapture(f"{self.path} is empty{f': {self.cut}' if self.cut else ''}")
        if start[:4] in pcap.MAGIC and len(start) == pcap.HEADER_BYTES:
            return pcap.Pcap(start)
        if start[:4] == pcapng.MAGIC and start[8:12] in pcapng.BYTE_ORDER:
            return pcapng.Pcapng()
        raise NotACapture(f"{self.path} is neither pcap nor pcapng: it begins with {start[:12].hex(' ')}")
