"""The feature rows of one capture from its tables as they come, in the memory of the packets of a window.

    stream = FeatureStream("monday.pcap", inventory, params)
    for table, report in decode_chunks(path):
        keep(stream.push(table))          # the rows that are final by now, a FeatureTable a method
    keep(stream.finish())

Rows are made once ENOUGH_PACKETS wait and the capture's time has passed their window by PATIENCE; all of them
together are those of the whole capture at once, bit for bit. A packet that comes later than that raises
OutOfOrder: such a capture is read again with `patient=True`, which keeps all of its packets to the end.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgeprint.binary.features import ColumnStream, SpectrogramSpec
from edgeprint.cclp import features as windows
from edgeprint.feature_table import FeatureTable
from edgeprint.lstm_cnn import features as segments
from edgeprint.packets.inventory import Inventory
from edgeprint.packets.table import DevicePackets, PacketTable
from edgeprint.params import Params
from edgeprint.schema import FeatureSchema

ENOUGH_PACKETS = 250_000  # 13 MB: rows of many windows at a time are made faster
PATIENCE = 60 * 10**9  # ns that packets, and the ends of handshakes, may come late
NEVER = 2**63 - 1
METHODS = ("cclp", "lstm_cnn", "binary")
Rows = tuple[NDArray[np.int64], NDArray]  # start_ns [k], values [k, d]


class OutOfOrder(Exception):
    """A packet or handshake came after the rows of its window were made."""


class FeatureStream:
    """Takes the tables of one capture in turn; gives the rows of all devices of the inventory, by method."""

    def __init__(
        self,
        capture: str,
        inventory: Inventory,
        params: Params,
        methods: Collection[str] = METHODS,
        *,
        patient: bool = False,
    ) -> None:
        self.capture = capture
        self.inventory = inventory
        self.params = params
        self.methods = methods
        self.patient = patient
        window = params.cclp.features.window_minutes * segments.MINUTE_NS
        self._step = math.lcm(window, segments.segment_ns(params.lstm_cnn.features.segment_minutes))
        self._spec = SpectrogramSpec(params.binary.features.height, params.binary.features.bin_seconds)
        self.packets: Counter[str] = Counter()  # by device, of the rows made; one between two counts for both
        self._waiting: list[PacketTable] = []
        self._first, self._latest = NEVER, -NEVER  # of the waiting, of all
        self._done: int | None = None  # all before this time is in rows
        self._streams: dict[str, ColumnStream] = {}
        self._last_segment: dict[str, int] = {}  # start, by device

    def push(self, table: PacketTable) -> dict[str, FeatureTable]:
        """Take the capture's next packets; the rows that are final now, often none. Raises OutOfOrder."""
        if self._done is not None and _earliest(table) < self._done:
            raise OutOfOrder
        self._waiting.append(table)
        self._first = min(self._first, _earliest(table))
        self._latest = int(table.time_ns.max(initial=self._latest))
        ripe = (self._latest - PATIENCE) // self._step * self._step
        few = sum(map(len, self._waiting)) < ENOUGH_PACKETS
        if self.patient or few or ripe <= self._first:
            return {}
        self._done = ripe
        waiting = PacketTable.concatenate(self._waiting)
        packets, ended = waiting.time_ns < ripe, waiting.handshakes.client_ns < ripe
        self._waiting = [_part(waiting, ~packets, ~ended)]
        self._first = _earliest(self._waiting[0])
        return self._tables(self._rows(_part(waiting, packets, ended)))

    def finish(self) -> dict[str, FeatureTable]:
        """The rows that are left when no packet will follow."""
        rows = self._rows(PacketTable.concatenate(self._waiting))
        rows += [("binary", d, _starts(*stream.finish(), self._spec)) for d, stream in self._streams.items()]
        return self._tables(rows)

    def _rows(self, table: PacketTable) -> list[tuple[str, str, Rows]]:
        """(method, device, rows) of packets that no later one belongs to."""
        split = self.inventory.split(table).values()
        self.packets.update({p.device: len(p) for p in split})
        return [(method, p.device, rows) for p in split for method, rows in self._features(p).items()]

    def _features(self, packets: DevicePackets) -> dict[str, Rows]:
        made = {"cclp": self._windows, "lstm_cnn": self._segments, "binary": self._columns}
        return {method: made[method](packets) for method in self.methods}

    def _windows(self, packets: DevicePackets) -> Rows:
        return windows.extract(packets, window_minutes=self.params.cclp.features.window_minutes)

    def _columns(self, packets: DevicePackets) -> Rows:
        stream = self._streams.setdefault(packets.device, ColumnStream(self._spec))
        return _starts(*stream.follow(packets.table.time_ns, packets.signed_size), self._spec)

    def _segments(self, packets: DevicePackets) -> Rows:
        """Segments, and those of the silence since the last one of this device."""
        chosen = self.params.lstm_cnn.features
        start_ns, values = segments.extract(
            packets, segment_minutes=chosen.segment_minutes, columns=tuple(chosen.columns)
        )
        last = self._last_segment.get(packets.device)
        self._last_segment[packets.device] = int(start_ns[-1])
        if last is None:
            return start_ns, values
        before = np.zeros((1, values.shape[1]), values.dtype)
        start_ns, values = np.append(last, start_ns), np.concatenate([before, values])
        start_ns, values = segments.fill_silence(start_ns, values, chosen.segment_minutes)
        return start_ns[1:], values[1:]

    def _tables(self, rows: list[tuple[str, str, Rows]]) -> dict[str, FeatureTable]:
        found = {}
        for method, schema in self.schemas().items():
            own = [FeatureTable.of(schema, d, self.capture, *made) for m, d, made in rows if m == method]
            if own:
                found[method] = FeatureTable.concatenate(own)
        return found

    def schemas(self) -> dict[str, FeatureSchema]:
        """What the rows of each method look like at these settings."""
        segment = self.params.lstm_cnn.features
        return {
            "cclp": windows.schema(self.params.cclp.features.window_minutes),
            "lstm_cnn": segments.schema(segment.segment_minutes, tuple(segment.columns)),
            "binary": self._spec.schema(),
        }


def _starts(frames: NDArray[np.int64], values: NDArray, spec: SpectrogramSpec) -> Rows:
    return frames * spec.hop_ns, values


def _earliest(table: PacketTable) -> int:
    """The time of the first packet or end of a handshake; NEVER in an empty table."""
    return int(min(table.time_ns.min(initial=NEVER), table.handshakes.client_ns.min(initial=NEVER)))


def _part(table: PacketTable, rows: NDArray[np.bool_], handshakes: NDArray[np.bool_]) -> PacketTable:
    return replace(table.select(rows), handshakes=table.handshakes.select(handshakes))
