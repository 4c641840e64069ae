"""What must hold of any bytes given to the reader as a file."""

import os
import zlib
from pathlib import Path

import numpy as np
from sound_table import assert_sound

from edgeprint.errors import NotACapture
from edgeprint.packets.capture_file import GZIP_MAGIC
from edgeprint.packets.decode import CaptureReport, decode_chunks
from edgeprint.packets.table import COLUMNS, PacketTable

ONE_BLOCK = 65_536  # bytes: more than the fuzzer's longest input, unless it is a gzip stream
SMALL_BLOCK = 100
ONE_IN = 8  # contents that are read in small blocks too, which takes ten times as long
Reading = tuple[PacketTable, CaptureReport] | str


class FileInMemory:
    """A file of the process's own that no disk sees; writing it anew takes microseconds."""

    def __init__(self) -> None:
        self._file = os.memfd_create("capture")
        self.path = Path(f"/proc/self/fd/{self._file}")

    def hold(self, content: bytes) -> None:
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, content, 0)


def check(content: bytes, file: FileInMemory) -> None:
    """The content is refused, or gives a sound table, the same whatever the block. Raises AssertionError."""
    file.hold(content)
    whole = _read(file, ONE_BLOCK)
    if not isinstance(whole, str):
        assert_sound(*whole)
    if zlib.crc32(content) % ONE_IN == 0 and content[:2] != GZIP_MAGIC:  # where that is damaged, more is lost
        assert_same(whole, _read(file, SMALL_BLOCK))


def assert_same(whole: Reading, pieces: Reading) -> None:
    if isinstance(whole, str) or isinstance(pieces, str):
        assert whole == pieces
        return
    assert whole[1] == pieces[1]
    for name in COLUMNS:
        assert np.array_equal(getattr(whole[0], name), getattr(pieces[0], name)), name
    assert whole[0].dns.name.tolist() == pieces[0].dns.name.tolist()
    assert whole[0].handshakes.client_ns.tolist() == pieces[0].handshakes.client_ns.tolist()


def _read(file: FileInMemory, block_bytes: int) -> Reading:
    tables, report = [], CaptureReport(file.path)
    try:
        for table, report in decode_chunks(file.path, block_bytes=block_bytes):  # noqa: B007
            tables.append(table)
    except NotACapture as error:
        return str(error)
    return PacketTable.concatenate(tables), report
