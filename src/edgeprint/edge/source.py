"""Where the agent's packets come from: an iterator of batches, in time order.

    for batch in open_source("file:monday.pcap", hours=2):
        batch.time_ns, batch.wire_len, batch.src, batch.dst       # arrays [n], as in the PacketTable

file:CAPTURE    replays one capture
newest:DIR      replays the capture of a folder that ends last, with those that overlap it
live:INTERFACE  reads a network interface until it is stopped; see live.py
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgeprint.edge.batch import Batch
from edgeprint.edge.live import Live
from edgeprint.edge.replay import HOUR_NS, Replay, Streamed
from edgeprint.errors import BadParams, EdgeprintError, NotACapture
from edgeprint.packets.capture_file import CaptureFile
from edgeprint.packets.decode import decode
from edgeprint.packets.table import PacketTable

Source = Replay | Streamed | Live
__all__ = ["Batch", "Live", "Replay", "Source", "Streamed", "newest", "open_source"]


def open_source(
    source: str, *, hours: float | None = None, speed: float | None = None, backend: str = "ring"
) -> Source:
    """The source that `source` names; `hours` replays only the end of captures, `backend` reads interfaces.

    Raises NotACapture for a file that is none, CannotCapture for an interface that cannot be read, BadParams
    for a source of another kind.
    """
    kind, _, place = source.partition(":")
    if kind == "live":
        return Live(place, backend)
    if kind == "file":
        streamed = Streamed(Path(place), hours=hours, speed=speed)
        if streamed.in_order:
            return streamed
        captures = [Path(place)]
    elif kind == "newest":
        captures = newest(Path(place), hours)
    else:
        raise BadParams(f"{source!r} is not a source; give file:CAPTURE, newest:DIR or live:INTERFACE")
    tables, reports = zip(*map(decode, captures), strict=True)
    table = _joined(tables)
    if hours is not None and len(table):
        table = table.select(table.time_ns > table.time_ns.max() - round(hours * HOUR_NS))
    notes = [f"{report.path}: {report.cut}" for report in reports if report.cut]
    return Replay(table, notes=notes, speed=speed)


def newest(folder: Path, hours: float | None) -> list[Path]:
    """The capture that ends last, and all with packets in its last `hours` (or, without, in its whole span).

    Raises NotACapture when the folder holds no capture with packets.
    """
    spans = {path: span for path in sorted(folder.rglob("*")) if path.is_file() and (span := _span(path))}
    if not spans:
        raise NotACapture(f"{folder} holds no capture with packets")
    begin, end = max(spans.values(), key=lambda span: span[1])
    if hours is not None:
        begin = end - round(hours * HOUR_NS)
    return [path for path, (_, last) in spans.items() if last > begin]


def _span(path: Path) -> tuple[int, int] | None:
    """First and last time of a capture; None for another file or one without packets."""
    try:
        spans = [(int(f.time_ns.min()), int(f.time_ns.max())) for f in CaptureFile(path)]
    except EdgeprintError:
        return None
    return (min(first for first, _ in spans), max(last for _, last in spans)) if spans else None


def _joined(tables: Sequence[PacketTable]) -> PacketTable:
    """All rows in time order; a packet that several captures hold (one a device, say) counts once."""
    table = PacketTable.concatenate(tables)
    if len(tables) > 1:
        seen = np.rec.fromarrays([table.time_ns, table.src, table.dst, table.wire_len])
        table = table.select(np.sort(np.unique(seen, return_index=True)[1]))
    return table.in_time_order()
