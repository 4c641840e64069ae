"""From captures to PacketTables.

    table, report = decode("monday.pcap")               # the whole file
    for table, report in decode_chunks("monday.pcap"):  # in bounded memory; the last report is the final one
        ...
    table = Decoder().decode(frames)                    # frames from elsewhere, such as a live interface

One row a frame, in the capture's order. Only a file that is no capture raises; what is malformed, cut or of
an unsupported link type is counted in the report.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from edgeprint.packets.capture_file import BLOCK_BYTES, CaptureFile
from edgeprint.packets.frames import Frames
from edgeprint.packets.handshakes import Handshakes
from edgeprint.packets.link_layer import LINK_TYPES
from edgeprint.packets.names import DnsStreams, read_questions
from edgeprint.packets.rows import Followed, fill
from edgeprint.packets.table import PacketTable
from edgeprint.packets.tcp_stream import segments


@dataclass(frozen=True)
class CaptureReport:
    """What was found in a capture, beside its table."""

    path: Path
    packets: int = 0  # frames in the file; those of an unsupported link type are not in the table
    first_ns: int | None = None  # earliest and latest time of the frames in the table
    last_ns: int | None = None
    unsupported: dict[int, int] = field(default_factory=dict)  # LINKTYPE_ number: frames
    malformed: int = 0  # whole frames with a header that is cut or contradicts itself, broken packet blocks
    cut: str | None = None  # one sentence where the file breaks off or is damaged


def decode(path: Path | str) -> tuple[PacketTable, CaptureReport]:
    """All frames of a pcap or pcapng file, or gzip of either. Raises NotACapture."""
    tables, report = [], CaptureReport(Path(path))
    for table, report in decode_chunks(path):  # noqa: B007
        tables.append(table)
    return PacketTable.concatenate(tables), report


def decode_chunks(
    path: Path | str, *, block_bytes: int = BLOCK_BYTES
) -> Iterator[tuple[PacketTable, CaptureReport]]:
    """Tables of the frames in each block of a file, with the report so far; the last one is final.

    DNS rows count from the start of their own table; a handshake stands in the table in which it ends. The
    last table is empty. Raises NotACapture.
    """
    capture, decoder = CaptureFile(path, block_bytes=block_bytes), Decoder()
    report = CaptureReport(capture.path)
    for frames in capture:
        table = decoder.decode(frames)
        report = _extended(report, table, capture, decoder)
        yield table, report
    nothing = PacketTable.empty()
    yield nothing, _extended(report, nothing, capture, decoder)


def _extended(
    report: CaptureReport, table: PacketTable, capture: CaptureFile, decoder: Decoder
) -> CaptureReport:
    first, last = report.first_ns, report.last_ns
    if len(table):
        here = int(table.time_ns.min()), int(table.time_ns.max())
        first = here[0] if first is None else min(first, here[0])
        last = here[1] if last is None else max(last, here[1])
    return replace(
        report,
        packets=capture.frames,
        first_ns=first,
        last_ns=last,
        unsupported=dict(decoder.unsupported),
        malformed=capture.malformed + decoder.malformed,
        cut=capture.cut,
    )


class Decoder:
    """Decodes runs of frames of one capture; TLS handshakes may go on from run to run."""

    def __init__(self) -> None:
        self.unsupported: dict[int, int] = {}
        self.malformed = 0
        self._followed = Followed.none()
        self._handshakes = Handshakes()
        self._dns_streams = DnsStreams()

    def decode(self, frames: Frames) -> PacketTable:
        """One row a frame, in the frames' order; frames of an unsupported link type are only counted."""
        frames = self._supported(frames)
        columns, marked, malformed = fill(frames, self._followed)
        self.malformed += malformed
        table = PacketTable.from_columns(
            {"time_ns": frames.time_ns, "wire_len": frames.wire_len, **columns._asdict()},
        )
        with _cycles_left_alone():
            tcp = segments(frames, table, marked)
            messages = self._dns_streams.read(segment for segment in tcp if segment.dns)
            handshakes = self._handshakes.read(tcp)
        return replace(table, dns=read_questions(frames, table, messages), handshakes=handshakes)

    def _supported(self, frames: Frames) -> Frames:
        kinds, counts = np.unique(frames.link_type, return_counts=True)
        strange = {int(k): int(n) for k, n in zip(kinds, counts, strict=True) if k not in LINK_TYPES}
        for kind, n in strange.items():
            self.unsupported[kind] = self.unsupported.get(kind, 0) + n
        return frames.select(np.isin(frames.link_type, LINK_TYPES)) if strange else frames


@contextmanager
def _cycles_left_alone() -> Iterator[None]:
    """No search for reference cycles: thousands of small tuples, none in a cycle, would set it off each time,
    and walking all that is loaded took a sixth of the decoder's time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
