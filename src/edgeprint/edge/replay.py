"""Captures as a source: from a table in memory, or a file read as it goes, in the same batches.

    Replay(table, speed=1)                                  # as it was
    Streamed(Path("week.pcap"), hours=24)                   # in bounded memory, however long the capture

`len` is the number of batches. `speed` 1 replays as it was, 10 ten times as fast, None as fast as it goes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from edgeprint.edge.batch import Batch, Packets, Sluice
from edgeprint.edge.frame_head import FRAME, packets
from edgeprint.packets.capture_file import CaptureFile
from edgeprint.packets.decode import Decoder
from edgeprint.packets.frames import Frames
from edgeprint.packets.link_layer import ETHERNET, LINK_TYPES
from edgeprint.packets.table import PacketTable

HOUR_NS = 3600 * 10**9
AS_FAST_AS_IT_GOES_NS = 60 * 10**9  # of traffic in a batch
AT_A_SPEED_NS = 10**9
BLOCK_BYTES = 1024 * 1024  # what is made of a block takes several times as much, and a Pi has little
HELD_NS = 60 * 10**9  # a packet that stands farther behind in a file than this is not found while streaming


class Replay:
    """A PacketTable in time order as batches."""

    def __init__(
        self,
        table: PacketTable,
        *,
        notes: Sequence[str] = (),
        speed: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`notes`: what is to be said of the captures, such as where one breaks off."""
        self._table, self.notes = table.in_time_order(), notes
        self._speed, self._clock, self._sleep = speed, clock, sleep
        self._span_ns = span_ns(speed)

    def __len__(self) -> int:
        return len(np.unique(self._table.time_ns // self._span_ns))

    def __iter__(self) -> Iterator[Batch]:
        table = self._table
        whole = Packets(table.time_ns, table.wire_len, table.src, table.dst)
        return paced(cut(whole, self._span_ns), self._span_ns, self._speed, self._clock, self._sleep)


class Streamed:
    """A capture file as batches, in memory that its blocks bound: twice through, first only for its times.

    Raises NotACapture. `in_order` is false where packets stand too far out of order to be streamed.
    """

    def __init__(
        self,
        path: Path,
        *,
        hours: float | None = None,
        speed: float | None = None,
        block_bytes: int = BLOCK_BYTES,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._path, self._block_bytes = path, block_bytes
        self._speed, self._clock, self._sleep = speed, clock, sleep
        self._span_ns = span_ns(speed)
        self._last_in_span: dict[int, int] = {}  # the latest time in each span that has packets
        self.in_order = True
        self._survey()
        last = max(self._last_in_span.values(), default=0)
        self._after = None if hours is None else last - round(hours * HOUR_NS)

    def _survey(self) -> None:
        capture = CaptureFile(self._path, block_bytes=self._block_bytes)
        latest = 0
        for frames in capture:
            times = frames.time_ns[np.isin(frames.link_type, LINK_TYPES)]
            for span in np.unique(times // self._span_ns).tolist():
                here = int(times[times // self._span_ns == span].max())
                self._last_in_span[span] = max(here, self._last_in_span.get(span, here))
            so_far = np.maximum.accumulate(np.concatenate([[latest], times]))
            self.in_order &= bool(np.all(times > so_far[:-1] - HELD_NS))
            latest = int(so_far[-1])
        self.notes = [f"{self._path}: {capture.cut}"] if capture.cut else []

    def __len__(self) -> int:
        return sum(self._after is None or last > self._after for last in self._last_in_span.values())

    def __iter__(self) -> Iterator[Batch]:
        return paced(self._batches(), self._span_ns, self._speed, self._clock, self._sleep)

    def _batches(self) -> Iterator[Batch]:
        decoder, sluice, latest = Decoder(), Sluice(), 0
        for frames in CaptureFile(self._path, block_bytes=self._block_bytes):
            here = headers(frames, decoder)
            if self._after is not None:
                here = here.select(here.time_ns > self._after)
            sluice.take(here)
            latest = max([latest, *here.time_ns.tolist()[-1:]])
            whole_spans_ns = (latest - HELD_NS) // self._span_ns * self._span_ns
            yield from cut(sluice.until(whole_spans_ns), self._span_ns)
        yield from cut(sluice.rest(), self._span_ns)


def headers(frames: Frames, decoder: Decoder) -> Packets:
    """What the agent needs of frames [n]; those of Ethernet, as nearly all are, need no decoder."""
    if np.all(frames.link_type == ETHERNET) and len(frames.data) >= FRAME.itemsize:
        octets = frames.data.take(frames.offset[:, None] + np.arange(FRAME.itemsize), mode="clip")
        frame, kept = octets.view(FRAME)[:, 0], frames.cap_len.astype("u4")
        return packets(time_ns=frames.time_ns, wire_len=frames.wire_len, frame=frame, kept=kept)
    table = decoder.decode(frames)
    return Packets(table.time_ns, table.wire_len, table.src, table.dst)


def span_ns(speed: float | None) -> int:
    return AS_FAST_AS_IT_GOES_NS if speed is None else AT_A_SPEED_NS


def cut(whole: Packets | Batch, span: int) -> Iterator[Batch]:
    """Packets in time order, a batch for each span that has some."""
    spans, first = np.unique(whole.time_ns // span, return_index=True)
    for number, (begin, end) in zip(spans.tolist(), pairwise([*first, len(whole.time_ns)]), strict=True):
        rows = slice(begin, end)
        columns = (whole.time_ns[rows], whole.wire_len[rows], whole.src[rows], whole.dst[rows])
        yield Batch(*columns, now_ns=(number + 1) * span)


def paced(
    batches: Iterable[Batch],
    span: int,
    speed: float | None,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> Iterator[Batch]:
    """Each when its span is over, counted from the first."""
    start, begin_ns = clock(), None
    for batch in batches:
        if speed is not None:
            begin_ns = batch.now_ns - span if begin_ns is None else begin_ns
            due = start + (batch.now_ns - begin_ns) / 1e9 / speed
            sleep(max(0.0, due - clock()))
        yield batch
